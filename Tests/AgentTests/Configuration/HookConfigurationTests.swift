import Foundation
import Testing

@testable import Agent

@Suite struct HookConfigurationTests {
    private func read(_ hooks: String) throws -> AgentConfiguration.Hooks? {
        let file = FileManager.default.temporaryDirectory.appending(path: "agent-\(UUID()).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = """
            board: edge-1
            stateDirectory: state
            models:
              - { name: m, package: p, points: q, stream: { images: [i], framesPerSecond: 1 }\(hooks) }
            """
        try text.write(to: file, atomically: true, encoding: .utf8)
        return try AgentConfiguration.read(from: file.path()).models[0].hooks
    }

    @Test func hooksAreNamedByTheirFile() throws {
        #expect(try read("") == nil)
        let hooks = try #require(
            try read(", hooks: { file: /h, budget: 0.1, learns: true, shares: true, processorShare: 0.2, busiest: 1 }"))
        #expect(hooks.shares == true && hooks.busiest == 1)
        #expect(hooks.file == "/h" && hooks.budget == 0.1 && hooks.learns == true && hooks.processorShare == 0.2)
    }

    @Test(arguments: [
        ("{ file: h, budget: 2 }", "hooks.budget"), ("{ budget: 0.1 }", "file"),
        ("{ file: h, budgt: 0.1 }", "hooks.budgt: there is no such field"),
        ("{ file: h, processorShare: 0 }", "hooks.processorShare"),
        ("{ file: h, busiest: 2 }", "hooks.busiest"),
        ("{ file: h, sampleBytes: 1 }", "hooks.sampleBytes"),
        ("{ file: h, shares: true }", "hooks.shares: goes with learns: true"),
    ])
    func theRestIsRefused(hooks: String, words: String) {
        let failure = #expect(throws: ConfigurationFailure.self) { try read(", hooks: " + hooks) }
        #expect(failure?.reason.contains(words) == true, "\(String(describing: failure))")
    }
}
