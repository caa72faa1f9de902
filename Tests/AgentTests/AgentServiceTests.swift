import Foundation
import Logging
import Synchronization
import Testing

@testable import Agent

@Suite struct AgentServiceTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "agent-service-\(UUID())").path()

    private func service(points: String, enrolment: String, _ logger: Logger) throws -> AgentService {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, text) in [("package", ""), ("points", points), ("bundle", "")] {
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
        try """
        board: b
        stateDirectory: state
        \(enrolment)
        inference: { socket: requests }
        metrics: { port: 47991 }
        models:
          - { name: m, package: package, points: points, stream: { framesPerSecond: 20 } }
        """.write(toFile: folder + "/agent.yaml", atomically: true, encoding: .utf8)
        return AgentService(configuration: try AgentConfiguration.read(from: folder + "/agent.yaml"), logger: logger)
    }

    private static let points = """
        {"boardClass": "b", "model": "m", "processor": "cpu", "seed": 1, "points": [{"accuracy": 0.8, "flops": 1,
        "configuration": {"depths": [], "expandRatios": [], "kernelSizes": [], "resolution": 28},
        "latencyMilliseconds": 2.5}]}
        """

    /// Endpoints that end as soon as they listen say so in sentences of their own, which nobody wants around the one
    /// that tells what is wrong.
    @Test(arguments: [
        (points.replacing("2.5", with: "-2"), "enrolment: bundle", "points[0].latencyMilliseconds: -2.0 is not above"),
        (points, "", "enrolment names no bundle"),
        (points, "enrolment: bundle", ""),
    ]) func whatCanBeRefusedAtOnceIsRefusedBeforeAnythingListens(points: String, enrolment: String, reason: String)
        async throws
    {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let told = ToldMessages()
        let logger = Logger(label: "test") { _ in RecordingLog(told: told) }
        let service = try service(points: points, enrolment: enrolment, logger)
        let error = await #expect(throws: (any Error).self) { try await service.run() }
        #expect(error.map { StartFailure($0).message.contains(reason) || reason.isEmpty } == true)
        #expect(error.map { StartFailure($0).exitCode } == 2)
        #expect(told.messages.withLock { $0 } == [])
        #expect(!FileManager.default.fileExists(atPath: folder + "/requests"))
    }
}

private final class ToldMessages: Sendable {
    let messages = Mutex<[String]>([])
}

private struct RecordingLog: LogHandler {
    let told: ToldMessages
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { told.messages.withLock { $0.append("\(event.message)") } }
}
