import ArgumentParser
import FleetModel

@main
struct Shoal: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shoal", abstract: "Fits neural networks to a fleet of edge boards.",
        discussion: """
            SHOAL_INSTRUCTION_SET (portable, avx2, avx512 or neon) makes every command use these kernels and not the \
            fastest of the processor; empty it counts as not set. shoal --generate-completion-script bash, zsh or fish \
            prints what completes commands and options in that shell; the README says where it goes.
            """,
        version: ProductVersion.current,
        subcommands: [
            ImportCommand.self, QuantizeCommand.self, RunCommand.self, BenchCommand.self, TuneCommand.self,
            MeasureCommand.self, SearchCommand.self, CalibrateCommand.self, PredictCommand.self,
            HooksCommand.self, AllocateCommand.self, ScenarioCommand.self, ApplyCommand.self, GetCommand.self,
            DescribeCommand.self, RolloutCommand.self, CancelCommand.self, BoardCommand.self,
            TokenCommand.self,
            AuditCommand.self, ArtefactCommand.self, ReportCommand.self, CheckCommand.self,
        ])
}
