import Foundation
import Testing

@testable import Agent

/// A model has images that play a camera, or a way for an application to bring its own.
@Suite struct StreamConfigurationTests {
    private func read(_ stream: String, _ rest: String = "") throws -> AgentConfiguration {
        let file = FileManager.default.temporaryDirectory.appending(path: "agent-\(UUID()).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = """
            board: edge-1
            stateDirectory: state
            models:
              - { name: m, package: p, points: q, stream: \(stream) }
            \(rest)
            """
        try text.write(to: file, atomically: true, encoding: .utf8)
        return try AgentConfiguration.read(from: file.path())
    }

    @Test(arguments: ["inference: { port: 0 }", "frames: { socket: s }"])
    func applicationsMayBringTheImages(place: String) throws {
        let model = try #require(try read("{ framesPerSecond: 20 }", place).models.first)
        #expect(model.stream.images == nil && model.stream.framesPerSecond == 20)
        #expect(try read("{ images: [i], busyShare: 1 }", place).models.first?.stream.images?.count == 1)
    }

    @Test(arguments: [
        ("{ framesPerSecond: 20 }", "", "neither inference nor frames"),
        ("{ images: [], framesPerSecond: 20 }", "", "an empty list"),
        ("{ seed: 1, framesPerSecond: 20 }", "inference: { port: 0 }", "go with images"),
        ("{ framesPerSecond: 20 }, hooks: { file: h }", "inference: { port: 0 }", "measured on images"),
        ("{ images: [i], busyShare: 0 }", "", "not above 0"), ("{ images: [i] }", "", "either framesPerSecond"),
    ])
    func theRestIsRefused(stream: String, rest: String, words: String) {
        let failure = #expect(throws: ConfigurationFailure.self) { try read(stream, rest) }
        #expect(failure?.reason.contains(words) == true, "\(String(describing: failure))")
    }
}
