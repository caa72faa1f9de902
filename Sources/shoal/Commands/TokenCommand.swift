import AdminAPI
import ArgumentParser
import AuditLog
import FleetListings
import FleetModel
import Foundation

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Let people and programs use the coordinator, each in their own name.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token and write the file that --state takes; it is told nowhere else.")

        @Argument(help: "What the audit log will call whoever uses it.")
        var name: String
        @Option(help: "viewer (looks), operator (and applies policies, searches, takes hooks back), admin (all).")
        var role: String
        @Option(help: "Seconds until it expires; never unless given.")
        var validSeconds: Int?
        @Option(
            name: .shortAndLong, help: "The file to write, its owner's alone; ends in .json. Exit code 6 if it exists.")
        var output: String
        @OptionGroup var coordinator: CoordinatorOptions
        @OptionGroup var format: FormatOptions

        /// Without the token, which is in the file alone.
        private struct Summary: Encodable {
            var output: String
            var name: String
            var role: AccessRole
            /// Left out where it never expires.
            var expiresAtMilliseconds: UInt64?
        }

        func run() async throws {
            try await refusing {
                guard output.hasSuffix(".json") else { throw Refusal("\(output): give it the ending .json", .usage) }
                let access = try coordinator.access
                let token = try await OutputFile.reserving(output) {
                    let token: CreatedAccessToken = try await coordinator.client.post(
                        "v1/access-tokens", AccessTokenRequest(name: name, role: role, validSeconds: validSeconds))
                    do { try AdminAccess(url: access.url, token: token.token).save(to: output) } catch {
                        throw Refusal("\(error) Revoke \(name) and try again.", .environment)
                    }
                    return token
                }
                let expiry = token.expiresAtMilliseconds.map { "until \(timeText($0))" } ?? "until it is revoked"
                try format.print(
                    Summary(
                        output: output, name: token.name, role: token.role,
                        expiresAtMilliseconds: token.expiresAtMilliseconds),
                    "\(output): \(token.name) is \(token.role.rawValue) \(expiry)")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Who has a token, without the tokens.")

        @OptionGroup var coordinator: CoordinatorOptions
        @OptionGroup var format: FormatOptions

        func run() async throws {
            try await refusing {
                Terminal.print(try format.text(try await coordinator.client.get("v1/access-tokens"), .accessTokens))
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Refuse a token from now on.")

        @Argument(help: "Its name.")
        var name: String
        @Flag(help: "See whether it could be, but change nothing.") var dryRun = false
        @OptionGroup var coordinator: CoordinatorOptions
        @OptionGroup var format: FormatOptions

        func run() async throws {
            try await refusing {
                let revoked: AccessTokenRevocation = try await coordinator.client.delete(
                    "v1/access-tokens/\(name)", query: ["dryRun": "\(dryRun)"])
                try format.print(revoked, "the token \(revoked.name) \(dryRun ? "would be" : "is") revoked")
            }
        }
    }
}

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "See that the log of changes is as it was written.", subcommands: [Verify.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check the chain of hashes; exits with 1 and names the first entry that is not as it was.")

        @Option(help: "NUMBER:HASH of an entry as an earlier check printed it; finds what was rewritten as a whole.")
        var noted: [String] = []
        @OptionGroup var coordinator: CoordinatorOptions
        @OptionGroup var format: FormatOptions

        func run() async throws {
            try await refusing {
                let marks = try noted.map { text in
                    guard let mark = AuditMark(text) else { throw Refusal("\(text): is not NUMBER:HASH", .usage) }
                    return mark
                }
                let check = try await AuditCheck.run(coordinator.client, noted: marks)
                try format.print(
                    check, check.fault.map { "\($0)" } ?? "\(check.entries) entries are whole; newest \(check.newest)")
                if !check.isWhole { throw ExitCode(ExitStatus.negative.rawValue) }
            }
        }
    }
}
