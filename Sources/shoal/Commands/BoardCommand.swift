import AdminAPI
public import ArgumentParser
import Files
public import FleetListings
import FleetModel
import Foundation

struct BoardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "board",
        abstract: "Let boards into the fleet, take them out, leave them alone, give them new keys.",
        subcommands: [Enrol.self, Revoke.self, Drain.self, Undrain.self, RotateKey.self])

    struct Enrol: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a one-time token and write what a board needs to join.")

        @Option(
            name: .shortAndLong, help: "The bundle to write, which the board is given; exit code 6 if the file exists.")
        var output: String
        @Option(parsing: .unconditional, help: "Boards that may use the token.")
        var uses = 1
        @Option(parsing: .unconditional, help: "Seconds until the token expires.")
        var validSeconds = 3_600
        @Option(help: "A label that a board must carry to enrol, as in site=north; repeat it for more.")
        var label: [BoardSelector] = []
        @OptionGroup var coordinator: CoordinatorOptions
        @OptionGroup var format: FormatOptions

        /// Without the token, which is in the file alone.
        private struct Summary: Encodable {
            var output: String
            var uses: Int
            var expiresAtMilliseconds: UInt64
            var labels: [String: String]?
        }

        func run() async throws {
            try await refusing {
                let pairs = label.flatMap(\.labels)
                let labels = Dictionary(pairs.map { ($0.key, $0.value) }) { first, _ in first }
                guard labels.count == pairs.count else { throw Refusal("--label: a key is given twice", .usage) }
                let request = TokenRequest(
                    uses: uses, validSeconds: validSeconds, labels: labels.isEmpty ? nil : labels)
                let token = try await OutputFile.reserving(output) {
                    let token: TokenView = try await coordinator.client.post("v1/tokens", request)
                    // What a bundle needs is in it, the addresses of all coordinators included.
                    let data = try JSONEncoder().encode(token)
                    do { try PrivateFile.write(Array(data), to: output) } catch {
                        throw Refusal("\(error)", .environment)
                    }
                    return token
                }
                let boards = uses == 1 ? "one board" : "\(uses) boards"
                let bearers = token.labels.map { " with \($0.labelText)" } ?? ""
                try format.print(
                    Summary(
                        output: output, uses: uses, expiresAtMilliseconds: token.expiresAtMilliseconds,
                        labels: token.labels),
                    "\(output): good for \(boards)\(bearers) until \(timeText(token.expiresAtMilliseconds))")
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shut a board out: its key may speak no more, and its name may enrol again.")

        @Argument(help: "The board's name.")
        var name: String
        @Flag(help: "See whether it could be, but change nothing.") var dryRun = false
        @OptionGroup var coordinator: CoordinatorOptions
        @OptionGroup var format: FormatOptions

        func run() async throws {
            try await refusing {
                guard let id = BoardID(name) else { throw Refusal("\(name): is not the name of a board") }
                let revoked: BoardRevocation = try await coordinator.client.delete(
                    "v1/boards/\(id)", query: ["dryRun": "\(dryRun)"])
                guard !dryRun else { return try format.print(revoked, "\(revoked.board) would be revoked") }
                try format.print(
                    revoked,
                    "\(revoked.board) is revoked; to come back, it needs a new bundle and an empty state folder")
            }
        }
    }

    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Leave a board alone: its assignment is withdrawn, nothing new is asked of it.")

        @OptionGroup var options: DrainOptions
        func run() async throws { try await options.run("drain") }
    }

    struct Undrain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Have a board that was drained take part again.")

        @OptionGroup var options: DrainOptions
        func run() async throws { try await options.run("undrain") }
    }

    struct DrainOptions: ParsableArguments {
        @Argument(help: "The board's name.") var name: String
        @Flag(help: "Say what would change, but change nothing.") var dryRun = false
        @Option(help: "Why, for the audit log.") var reason: String?
        @OptionGroup var coordinator: CoordinatorOptions
        @OptionGroup var format: FormatOptions

        func run(_ verb: String) async throws {
            try await refusing {
                guard let id = BoardID(name) else { throw Refusal("\(name): is not the name of a board") }
                let done: BoardDrain = try await coordinator.client.post(
                    "v1/boards/\(id)/\(verb)", BoardChange(dryRun: dryRun, reason: reason))
                try format.print(done, done.text)
            }
        }
    }

    struct RotateKey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate-key",
            abstract: "Have boards make new keys; old and new are taken until the new one has spoken.")

        @Argument(help: "The board's name.") var name: String?
        @Option(
            name: [.customShort("l"), .long], help: "Instead: boards with these labels, as in tier=edge,site=north.")
        var selector: BoardSelector?
        @Option(parsing: .unconditional, help: "Seconds until it is given up; a day unless given.") var seconds: Int?
        @Flag(help: "Say which boards would, but change nothing.") var dryRun = false
        @OptionGroup var coordinator: CoordinatorOptions
        @OptionGroup var format: FormatOptions

        func run() async throws {
            try await refusing {
                guard (name == nil) != (selector == nil) else {
                    throw Refusal("give either the name of a board or --selector", .usage)
                }
                let begun: KeyRotationStart = try await coordinator.client.post(
                    "v1/key-rotations",
                    KeyRotationRequest(board: name, selector: selector?.labels, seconds: seconds, dryRun: dryRun))
                try format.print(begun, begun.text)
            }
        }
    }
}

extension BoardSelector: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
