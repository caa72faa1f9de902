import AdminAPI
import ArgumentParser
import Files
import Foundation

struct BoardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "board", abstract: "Let boards into the fleet.", subcommands: [Enrol.self])

    struct Enrol: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a one-time token and write what a board needs to join.")

        @Option(name: .shortAndLong, help: "The bundle to write; give it to the board.")
        var output: String
        @Option(help: "Boards that may use the token.")
        var uses = 1
        @Option(help: "Seconds until the token expires.")
        var validSeconds = 3_600
        @OptionGroup var coordinator: CoordinatorOptions

        func run() async throws {
            try await refusing {
                let token: TokenView = try await coordinator.client.post(
                    "v1/tokens", TokenRequest(uses: uses, validSeconds: validSeconds))
                let bundle = [
                    "enrolmentEndpoint": token.enrolmentEndpoint, "fleetEndpoint": token.fleetEndpoint,
                    "serverPublicKey": token.serverPublicKey, "token": token.token,
                ]
                let data = try JSONEncoder().encode(bundle)
                do { try PrivateFile.write(Array(data), to: output) } catch {
                    throw Refusal("\(error)", .environment)
                }
                Terminal.print(
                    "\(output): good for \(uses) boards until \(GetCommand.time(token.expiresAtMilliseconds))")
            }
        }
    }
}
