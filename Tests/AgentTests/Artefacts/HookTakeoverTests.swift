import Engine
import FleetModel
import Foundation
import Mailboxes
import Testing

@testable import Agent
@testable import HookNetworks

/// Other hooks for a model whose thread goes on running frames.
@Suite struct HookTakeoverTests {
    private let fixture = HookedRunnerTests()

    private func remove() { try? FileManager.default.removeItem(atPath: fixture.folder) }

    /// The same hooks with a gate that predicts so much damage.
    private func write(_ damage: Double, to path: String) throws {
        var state = try HookState.read(from: fixture.folder + "/h").state
        let gate = try #require(state.hooks[0].gate)
        state.hooks[0].gate = Gate(constant: damage, features: gate.mean.count)
        try state.write(to: path)
    }

    private func frames(_ runner: ModelRunner, more count: UInt64) async throws {
        let target = runner.counters.snapshot().frames + count
        while runner.counters.snapshot().frames < target { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test(.timeLimit(.minutes(3))) func aRunningModelTakesOtherHooksBetweenTwoFrames() async throws {
        let model = try fixture.prepare(damage: 0.05)
        defer { remove() }
        let runner = ModelRunner(try fixture.load(model))
        let top = runner.deployment.points.count - 1
        runner.mailbox.post(
            ModelAssignment(
                model: "m", latency: .init(milliseconds: 10_000, percentile: 95), lowestPoint: top,
                highestPoint: top, preferredPoint: top, priority: 1), number: 1)
        let executor = BoardExecutor([runner])
        executor.start()
        defer { executor.stop() }
        try await frames(runner, more: 20)
        let before = runner.hooksInUse.counters.snapshot()
        #expect(before.taken[0] > 0)

        // A gate that predicts more damage than the budget takes nothing.
        try write(0.5, to: fixture.folder + "/other")
        let takeover = HookTakeover(runner, configuration: try #require(model.hooks))
        #expect(takeover.takeOver(fixture.folder + "/other") == nil)
        while !runner.exchange.isTaken { try await Task.sleep(for: .milliseconds(5)) }
        try await frames(runner, more: 20)
        let after = runner.hooksInUse.counters.snapshot()
        #expect(after.possible[0] >= 20 && after.taken[0] == 0)

        // And back; telemetry begins to count anew with each.
        var sampler = TelemetrySampler(runners: [runner], processors: [0])
        try write(0.05, to: fixture.folder + "/back")
        #expect(takeover.takeOver(fixture.folder + "/back") == nil)
        while !runner.exchange.isTaken { try await Task.sleep(for: .milliseconds(5)) }
        try await frames(runner, more: 20)
        takeover.collect()
        let window = sampler.window(startMilliseconds: 0, durationMilliseconds: 1, generation: 0).models[0]
        let kind = try #require(window.hooks?.kinds.first)
        #expect(kind.taken > 0 && kind.taken == kind.possible, "\(kind)")
    }

    @Test func hooksThatDoNotFitChangeNothing() throws {
        let model = try fixture.prepare(damage: 0.05)
        defer { remove() }
        let runner = ModelRunner(try fixture.load(model))
        let takeover = HookTakeover(runner, configuration: try #require(model.hooks))
        let counters = runner.hooksInUse.counters
        try Data("no hooks".utf8).write(to: URL(filePath: fixture.folder + "/junk"))
        #expect(takeover.takeOver(fixture.folder + "/junk") != nil)
        #expect(takeover.takeOver(fixture.folder + "/nothing") != nil)
        var other = try HookState.read(from: fixture.folder + "/h").state
        other.weightsSHA256 = String(repeating: "0", count: 64)
        try other.write(to: fixture.folder + "/other")
        #expect(takeover.takeOver(fixture.folder + "/other")?.contains("other weights") == true)
        let unbudgeted = HookTakeover(runner, configuration: .init(file: ""))
        #expect(unbudgeted.takeOver(fixture.folder + "/h")?.contains("budget") == true)
        #expect(runner.hooksInUse.counters === counters && runner.exchange.isTaken)
    }

    /// What was posted and not taken gives way to what is posted next.
    @Test func theLatestCounts() throws {
        let model = try fixture.prepare(damage: 0.05)
        defer { remove() }
        let hooks = try #require(try fixture.load(model).hooks)
        func session() throws -> HookedSession { try HookedSession(hooks, HookCounters(kindCount: hooks.kinds.count)) }
        let exchange = HookExchange()
        var current: HookedSession?
        exchange.exchange(&current)
        #expect(current == nil && exchange.isTaken)
        let (first, second, third) = (try session(), try session(), try session())
        exchange.post(first)
        exchange.post(second)
        #expect(!exchange.isTaken)
        exchange.exchange(&current)
        #expect(current === second && exchange.isTaken)
        exchange.post(third)
        exchange.exchange(&current)
        exchange.exchange(&current)
        #expect(current === third)
        exchange.collect()
    }
}
