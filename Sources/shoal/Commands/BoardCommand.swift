import AdminAPI
import ArgumentParser
import Files
import FleetListings
import FleetModel
import Foundation

struct BoardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "board", abstract: "Let boards into the fleet, and take them out.",
        subcommands: [Enrol.self, Revoke.self])

    struct Enrol: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a one-time token and write what a board needs to join.")

        @Option(name: .shortAndLong, help: "The bundle to write; give it to the board.")
        var output: String
        @Option(parsing: .unconditional, help: "Boards that may use the token.")
        var uses = 1
        @Option(parsing: .unconditional, help: "Seconds until the token expires.")
        var validSeconds = 3_600
        @OptionGroup var coordinator: CoordinatorOptions

        func run() async throws {
            try await refusing {
                try OutputFile.checkFolder(of: output)
                try OutputFile.check(output)
                let token: TokenView = try await coordinator.client.post(
                    "v1/tokens", TokenRequest(uses: uses, validSeconds: validSeconds))
                // What a bundle needs is in it, the addresses of all coordinators included.
                let data = try JSONEncoder().encode(token)
                do { try PrivateFile.write(Array(data), to: output) } catch {
                    throw Refusal("\(error)", .environment)
                }
                let boards = uses == 1 ? "one board" : "\(uses) boards"
                Terminal.print("\(output): good for \(boards) until \(timeText(token.expiresAtMilliseconds))")
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shut a board out: its key may speak no more, and its name may enrol again.")

        @Argument(help: "The board's name.")
        var name: String
        @OptionGroup var coordinator: CoordinatorOptions

        func run() async throws {
            try await refusing {
                guard let id = BoardID(name) else { throw Refusal("\(name): is not the name of a board") }
                let revoked: BoardRevocation = try await coordinator.client.delete("v1/boards/\(id)")
                Terminal.print(
                    "\(revoked.board) is revoked; to come back, it needs a new bundle and an empty state folder")
            }
        }
    }
}
