import Engine
import Foundation
import Supernets
import Testing

@testable import HookNetworks

@Suite struct LearningCascadeTests {
    private let small: Plan
    private let large: Plan
    private let path = FileManager.default.temporaryDirectory.appending(path: "shoal-learner-\(UUID())").path()

    init() throws {
        small = try HookSamples.network(blocks: 1, seed: 1).plan(kernels: .selected())
        large = try HookSamples.network(blocks: 2, seed: 2).plan(kernels: .selected())
    }

    private var state: HookState {
        HookState(
            kinds: [.model], weightsSHA256: "ab", smaller: [HookState.Network(weightsSHA256: "cd")],
            hooks: [
                HookState.Hook(
                    AttachmentPoint(kind: .model, operator: "n", flops: 1, microseconds: 1, parts: 0..<0))
            ])
    }

    private func settings(_ samples: Int) -> BackgroundLearner.Settings {
        var settings = BackgroundLearner.Settings()
        settings.processorShare = 1
        settings.sampleBytes = 1 << 16
        settings.trainingInterval = samples
        settings.gates.epochs = 2
        settings.patience = 0
        return settings
    }

    private func cascade(_ settings: BackgroundLearner.Settings, _ conditions: BoardConditions) throws
        -> LearningCascade
    {
        try LearningCascade(
            [.init(small)], largest: large, isCommittee: true, state: state, settings: settings, path: path,
            conditions: { conditions })
    }

    private func removeFiles() {
        for file in [path, HookState.previousPath(of: path)] { try? FileManager.default.removeItem(atPath: file) }
    }

    /// The learner takes turns with the frames of a stream, on one thread: it trains once it has sampled enough, its
    /// gates come into use, and a whole file is left behind.
    @Test func gatesComeIntoUseWhileTheStreamRuns() throws {
        defer { removeFiles() }
        let working = try ModelCascade([.init(small)], largest: large, isCommittee: true)
        let port = LearnerPort(imageCount: large.inputShape.channels * large.inputShape.pixels)
        var report = BackgroundLearner.Report()
        var loop = LearnerLoop(
            try ModelCascade([.init(small)], largest: large, isCommittee: true), state, settings(600), path, port,
            { BoardConditions() }, report: { report = $0 })
        var rungs: [Int] = []
        // The policy samples every frame at first; a frame is asked for in one turn and taken in a later one.
        for frame in UInt64(0)..<1_400 {
            HookSamples.image(frame).withUnsafeBufferPointer { image in
                port.clock.frameStarted(at: 1_000_000 * (frame + 1))
                port.takeGates(in: &working.gates)
                rungs.append(working.run(on: image, budget: 1).rung)
                port.offer(image)
                port.clock.frameEnded()
            }
            _ = loop.turn()
            if report.trainings == 1 { break }
        }
        #expect(report.trainings == 1 && report.failure == nil && report.sampleBytes <= 1 << 16, "\(report)")
        #expect(rungs.allSatisfy { $0 == 1 }, "nothing was learned yet: the largest answers")
        let written = try HookState.read(from: path).state
        let gate = try #require(written.hooks[0].gate)
        #expect(written.statistics.samples == 600)

        _ = loop.turn()
        port.takeGates(in: &working.gates)
        let answer = HookSamples.image(1).withUnsafeBufferPointer { working.run(on: $0, budget: 1).rung }
        #expect(answer == (gate.validation.passes ? 0 : 1), "a gate that failed its validation is not used")
        loop.finish()
        #expect(try HookState.read(from: path).state.statistics.samples == report.samples)
    }

    @Test func theThreadEndsAndLeavesAWholeFile() throws {
        defer { removeFiles() }
        let cascade = try cascade(settings(600), BoardConditions())
        for frame in UInt64(0)..<100 {
            HookSamples.image(frame).withUnsafeBufferPointer {
                _ = cascade.run(on: $0, budget: 1, at: PlanTimer.now())
            }
        }
        cascade.learner.stop()
        #expect(try HookState.read(from: path).state.statistics.samples == cascade.learner.report.samples)
    }

    @Test func aBusyBoardLearnsNothing() throws {
        let cascade = try cascade(settings(10), BoardConditions(load: 1))
        for frame in UInt64(0)..<50 {
            HookSamples.image(frame).withUnsafeBufferPointer {
                _ = cascade.run(on: $0, budget: 1, at: PlanTimer.now())
            }
        }
        cascade.learner.stop()
        defer { removeFiles() }
        #expect(cascade.learner.report.samples == 0 && cascade.learner.report.trainings == 0)
    }

    @Test func hooksForAnotherNumberOfNetworksAreRefused() {
        #expect(throws: HookRefusal("1 hooks for 2 smaller networks")) {
            _ = try LearningCascade(
                [.init(small), .init(small)], largest: large, isCommittee: true, state: state, settings: settings(10),
                path: nil,
                conditions: { BoardConditions() })
        }
    }
}
