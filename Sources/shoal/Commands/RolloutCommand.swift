import AdminAPI
import ArgumentParser
import FleetListings
import FleetModel
import Foundation

struct RolloutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout",
        abstract: "Bring a policy or an artefact to boards group by group, and back if it harms.",
        subcommands: [Create.self, Status.self, Approve.self, Pause.self, Resume.self, Abort.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Begin a rollout.")

        @Option(name: .shortAndLong, help: "The rollout: groups, thresholds, gates (YAML); docs/rollouts.md.")
        var file: String
        @Option(help: "The policy that is rolled out (YAML).")
        var policy: String?
        @Option(help: "Instead: an artefact of the coordinator's library, as in hook-version/classifier.")
        var artefact: String?
        @Option(parsing: .unconditional, help: "Its version.")
        var number: UInt64?
        @Flag(help: "Check what is given and show the groups, but change nothing.")
        var dryRun = false
        @OptionGroup var coordinator: CoordinatorOptions
        @OptionGroup var format: FormatOptions

        func run() async throws {
            try await refusing {
                guard (policy == nil) != (artefact == nil), (artefact == nil) == (number == nil) else {
                    throw Refusal("give either --policy, or --artefact with --number", .usage)
                }
                let wanted = number.flatMap { RolloutArtefact(artefact ?? "", version: $0) }
                guard (wanted == nil) == (artefact == nil) else {
                    throw Refusal("--artefact: write KIND/MODEL", .usage)
                }
                let (text, policyText) = (try InputFile.text(file), try policy.map(InputFile.text))
                // Refused here already, so that a bad file is found without a coordinator.
                do {
                    _ = try RolloutFile.parse(text, file: file)
                    if let policy, let policyText { _ = try PolicyFile.parse(policyText, file: policy) }
                } catch { throw Refusal("\(error)") }
                let view: RolloutView = try await coordinator.client.post(
                    "v1/rollouts",
                    RolloutRequest(
                        file: file, text: text, policyFile: policy, policyText: policyText,
                        artefact: wanted, dryRun: dryRun))
                try format.show(view)
            }
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one, as shoal describe rollout does.")

        @OptionGroup var options: Options

        func run() async throws {
            try await refusing { try await options.format.show(options.find()) }
        }
    }

    struct Options: ParsableArguments {
        @Argument(help: "The rollout's name.")
        var name: String
        @OptionGroup var coordinator: CoordinatorOptions
        @OptionGroup var format: FormatOptions

        func find() async throws -> RolloutView {
            let all: [RolloutView] = try await coordinator.client.get("v1/rollouts")
            guard let view = all.first(where: { $0.name == name }) else {
                throw Refusal("no rollout is named \(name); shoal get rollouts lists them", .notFound)
            }
            return view
        }
    }

    /// Of a rollout that is changed.
    struct ChangeOptions: ParsableArguments {
        @OptionGroup var options: Options
        @Flag(help: "Say what it would be then, but change nothing.") var dryRun = false
    }

    protocol Change: AsyncParsableCommand {
        static var verb: RolloutVerb { get }
        var change: ChangeOptions { get }
        var reason: String? { get }
    }

    struct Approve: Change {
        static let verb = RolloutVerb.approve
        static let configuration = CommandConfiguration(abstract: "Let one begin that waits for approval.")
        @OptionGroup var change: ChangeOptions
        @Option(help: "Why, for the audit log.") var reason: String?
    }

    struct Pause: Change {
        static let verb = RolloutVerb.pause
        static let configuration = CommandConfiguration(abstract: "Keep it where it is.")
        @OptionGroup var change: ChangeOptions
        @Option(help: "Why, for those who wonder later.") var reason: String?
    }

    struct Resume: Change {
        static let verb = RolloutVerb.resume
        static let configuration = CommandConfiguration(
            abstract: "Go on; a group that could not be judged passes by that.")
        @OptionGroup var change: ChangeOptions
        @Option(help: "Why, for the audit log.") var reason: String?
    }

    struct Abort: Change {
        static let verb = RolloutVerb.abort
        static let configuration = CommandConfiguration(abstract: "End it and return every board that it touched.")
        @OptionGroup var change: ChangeOptions
        @Option(help: "Why, for those who wonder later.") var reason: String?
    }
}

extension RolloutCommand.Change {
    func run() async throws {
        try await refusing {
            let (options, dryRun) = (change.options, change.dryRun)
            guard ResourceName.isValid(options.name) else {
                throw Refusal("no rollout is named \(options.name)", .notFound)
            }
            let view: RolloutView = try await options.coordinator.client.post(
                "v1/rollouts/\(options.name)/\(Self.verb.rawValue)", RolloutChange(reason: reason, dryRun: dryRun))
            guard options.format.format == .table else { return try options.format.print(view) }
            let verb = dryRun ? "would be" : "is"
            let reason = view.reason.isEmpty ? "" : ": \(view.reason)"
            Terminal.print("rollout \(view.name) \(verb) \(view.status)\(reason)")
        }
    }
}

extension FormatOptions {
    func show(_ view: RolloutView) throws {
        if format == .table { Terminal.print(view.lines.joined(separator: "\n")) }
        Terminal.print(try text(view, .rollout))
    }
}
