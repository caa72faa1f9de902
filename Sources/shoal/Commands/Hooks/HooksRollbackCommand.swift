import AdminAPI
import ArgumentParser
import HookSharing

struct HooksRollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Put an earlier version of shared gates in force on all boards.")

    @Argument(help: "The hooks, as shoal get hooks names them.")
    var name: String
    @Option(parsing: .unconditional, help: "The version; without it the one that the current one was made from.")
    var to: UInt64?
    @Flag(help: "Say which version it would be, but change nothing.") var dryRun = false
    @OptionGroup var coordinator: CoordinatorOptions
    @OptionGroup var format: FormatOptions

    func run() async throws {
        try await refusing {
            let view: HooksView = try await coordinator.client.post(
                "v1/hooks/rollback", HooksRollback(name: name, version: to, dryRun: dryRun))
            guard format.format == .table else { return try format.print(view) }
            Terminal.print("version \(view.currentVersion) of \(view.name) \(dryRun ? "would be" : "is") in force")
        }
    }
}
