import ArgumentParser

/// `shoal hooks`: gates beside a frozen network.
struct HooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hooks", abstract: "Gates that learn from a stream what a frozen network can leave out.",
        subcommands: [
            HooksBuildCommand.self, HooksTrainCommand.self, HooksEvaluateCommand.self, HooksStreamCommand.self,
            HooksStudyBitsCommand.self, HooksRollbackCommand.self,
        ])
}
