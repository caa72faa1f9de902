import ArgumentParser
import Coordinator

@main
struct ShoalCoordinator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shoal-coordinator", abstract: "The coordinator of a fleet.",
        version: CoordinatorService.version, subcommands: [ServeCommand.self, BackupCommand.self],
        defaultSubcommand: ServeCommand.self)
}
