import Foundation
import Testing

@testable import Agent

@Suite struct MetricsPlaceTests {
    private func read(_ metrics: String) throws -> AgentConfiguration {
        let file = FileManager.default.temporaryDirectory.appending(path: "agent-\(UUID()).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = """
            board: edge-1
            stateDirectory: state
            \(metrics)
            models:
              - { name: m, package: p, points: q, statistics: s, stream: { images: [i], framesPerSecond: 1 } }
            """
        try text.write(to: file, atomically: true, encoding: .utf8)
        return try AgentConfiguration.read(from: file.path())
    }

    @Test func offUnlessAskedForAndOnLoopbackUnlessSaid() throws {
        #expect(try read("").metrics == nil)
        #expect(try read("metrics: { port: 7791 }").metrics == MetricsPlace(host: "127.0.0.1", port: 7_791))
        #expect(try read("metrics: { port: 0, host: 0.0.0.0 }").metrics == MetricsPlace(host: "0.0.0.0", port: 0))
    }

    @Test(arguments: [
        ("metrics: { port: 70000 }", "70000 is no port"), ("metrics: {}", "port"),
        ("metrics: { port: 1, host: '' }", "metrics.host: is empty"),
        ("metrics: { prot: 1 }", "metrics.prot: there is no such field"),
    ])
    func theRestIsRefused(metrics: String, words: String) {
        let failure = #expect(throws: ConfigurationFailure.self) { try read(metrics) }
        #expect(failure?.reason.contains(words) == true, "\(String(describing: failure))")
    }
}
