import Agent
import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

@main
struct ShoalAgent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shoal-agent", abstract: "The agent of a board.", version: AgentService.engineVersion)

    @Option(help: "YAML: name, labels, state folder, models and their streams.")
    var config: String

    func run() async throws {
        let logger = Logger(label: "shoal-agent")
        do {
            let service = AgentService(
                configuration: try AgentConfiguration.read(from: config), logger: logger)
            try await ServiceGroup(
                configuration: .init(
                    services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                    gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            ).run()
        } catch {
            let failure = StartFailure(error)
            FileHandle.standardError.write(Data("shoal-agent: \(failure.message)\n".utf8))
            throw ExitCode(failure.exitCode)
        }
    }
}
