import Engine
import MapPruning
import Foundation
import GateCalibration
import SearchSpace
import Supernets
import Testing
import NetworkParts

@testable import HookNetworks

@Suite struct LearningNetworkTests {
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

    private func cascade() throws -> ModelCascade {
        try ModelCascade([.init(small)], largest: large, isCommittee: true)
    }

    private func network(_ settings: BackgroundLearner.Settings, _ conditions: BoardConditions) throws
        -> LearningNetwork
    {
        try LearningNetwork(
            cascade(), replica: cascade(), state: state, settings: settings, path: path, conditions: { conditions })
    }

    private func removeFiles() {
        for file in [path, HookState.previousPath(of: path)] { try? FileManager.default.removeItem(atPath: file) }
    }

    /// The learner takes turns with the frames of a stream, on one thread: it trains once it has sampled enough, its
    /// gates come into use, and a whole file is left behind.
    @Test func gatesComeIntoUseWhileTheStreamRuns() throws {
        defer { removeFiles() }
        let working = try cascade()
        let port = LearnerPort(imageCount: large.inputShape.channels * large.inputShape.pixels)
        var report = BackgroundLearner.Report()
        var loop = LearnerLoop(
            try cascade(), state, settings(600), path, port,
            { BoardConditions() }, report: { report = $0 })
        var rungs: [Int] = []
        // The policy samples every frame at first; a frame is asked for in one turn and replayed in two later ones.
        for frame in UInt64(0)..<2_100 {
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
        let network = try network(settings(600), BoardConditions())
        for frame in UInt64(0)..<100 {
            HookSamples.image(frame).withUnsafeBufferPointer { _ = network.answer($0, budget: 1) }
        }
        network.learner.stop()
        #expect(try HookState.read(from: path).state.statistics.samples == network.learner.report.samples)
    }

    @Test func aBusyBoardLearnsNothing() throws {
        let network = try network(settings(10), BoardConditions(load: 1))
        // Its thread yields to everybody; some time it has looked at the board.
        for frame in UInt64(0)..<200_000 where frame < 50 || !network.learner.report.isResting {
            HookSamples.image(frame).withUnsafeBufferPointer { _ = network.answer($0, budget: 1) }
        }
        network.learner.stop()
        defer { removeFiles() }
        let report = network.learner.report
        #expect(report.samples == 0 && report.trainings == 0 && report.isResting)
    }

    /// Within one network a frame is replayed in two pieces, the second with a decision changed; gates of blocks and
    /// exits come into use, and what `train` fitted stays.
    @Test func gatesWithinANetworkLearnToo() throws {
        defer { removeFiles() }
        let fused = try HookSamples.network(blocks: 5, seed: 7)
        let (plain, plan) = (
            try fused.plan(kernels: .selected()), try SectionedPlan(fused, kernels: .selected())
        )
        var state = HookState(
            kinds: [.skip, .exit], weightsSHA256: "ab",
            hooks: BlockPoints.find([.skip, .exit], in: plan, microseconds: plan.parts.map { _ in 1 })
                .map { HookState.Hook($0) })
        let exit = try #require(state.hooks.firstIndex { $0.point.kind == .exit })
        state.hooks[exit].head = .init(
            weights: (0..<64).map { Float($0 % 7) - 3 }, bias: [Float](repeating: 0, count: 4))
        func network() throws -> BlockNetwork { try BlockNetwork(plain: plain, plan: plan, hooks: state.hooks) }
        let (working, port) = (try network(), LearnerPort(imageCount: 3 * HookSamples.side * HookSamples.side))
        var report = BackgroundLearner.Report()
        var loop = LearnerLoop(
            try network(), state, settings(3_000), path, port, { BoardConditions() }, report: { report = $0 })
        for frame in UInt64(0)..<9_500 where report.trainings == 0 {
            HookSamples.image(frame).withUnsafeBufferPointer { image in
                port.clock.frameStarted(at: 1_000_000 * (frame + 1))
                port.takeGates(in: &working.gates)
                #expect(working.answer(image, budget: 1).taken == 0, "nothing was learned yet")
                port.offer(image)
                port.clock.frameEnded()
            }
            _ = loop.turn()
        }
        #expect(report.trainings == 1 && report.failure == nil, "\(report)")
        let written = try HookState.read(from: path).state
        for (hook, before) in zip(written.hooks, state.hooks) {
            let isSampled = hook.head != nil || hook.point.kind == .skip
            #expect(((hook.samples?.count ?? 0) >= GateTrainer.fewestSamples) == isSampled)
            #expect(hook.head == before.head && hook.substitute == before.substitute)
        }
        #expect(written.hooks.allSatisfy { $0.samples?.byteCount ?? 0 <= 1 << 16 }, "the memory has a limit")

        _ = loop.turn()
        port.takeGates(in: &working.gates)
        let taken = HookSamples.image(1).withUnsafeBufferPointer { working.answer($0, budget: 1).taken }
        #expect((taken > 0) == written.hooks.contains { $0.usableGate != nil }, "only validated gates are offered")
    }

    /// A gate that has too few samples yet to be trained anew stays what it was.
    @Test func whatWasLearnedBeforeHoldsUntilThereIsMore() throws {
        defer { removeFiles() }
        var known = state
        let count = try cascade().featureCounts[0]
        known.hooks[0].gate = HookSamples.constantGate(count, damage: 0.1)
        let port = LearnerPort(imageCount: 3 * HookSamples.side * HookSamples.side)
        var report = BackgroundLearner.Report()
        var loop = LearnerLoop(
            try cascade(), known, settings(20), path, port, { BoardConditions() }, report: { report = $0 })
        for frame in UInt64(0)..<100 where report.trainings == 0 {
            port.clock.frameStarted(at: 1_000_000 * (frame + 1))
            HookSamples.image(frame).withUnsafeBufferPointer { port.offer($0) }
            port.clock.frameEnded()
            _ = loop.turn()
        }
        #expect(report.trainings == 1 && report.samples == 20)
        #expect(try HookState.read(from: path).state.hooks[0].usableGate != nil)
    }

    /// A gate that promises 0.025 and does far more: the file, as those of before, knows nothing of it. While it works
    /// the learner measures what it does, and a budget that it goes beyond is held to less. Measured frames are no
    /// samples.
    @Test func budgetsAreHeldAsTheStreamShows() throws {
        defer { removeFiles() }
        var known = state
        known.hooks[0].gate = HookSamples.constantGate(try cascade().featureCounts[0], damage: 0.025)
        func cascade() throws -> ModelCascade {
            try ModelCascade(
                [.init(small, gate: known.hooks[0].gate)], largest: large, isCommittee: true, budgets: known.budgetMap)
        }
        let (working, port) = (try cascade(), LearnerPort(imageCount: 3 * HookSamples.side * HookSamples.side))
        var report = BackgroundLearner.Report()
        var loop = LearnerLoop(
            try cascade(), known, settings(1_000_000), path, port, { BoardConditions() }, report: { report = $0 })
        var (early, late) = ([Int](), [Int]())
        // Of six frames that are replayed one is measured, at a quarter of the rungs; six take about 22 turns.
        for frame in UInt64(0)..<9_000 {
            HookSamples.image(frame % 500).withUnsafeBufferPointer { image in
                port.clock.frameStarted(at: 1_000_000 * (frame + 1))
                port.takeGates(in: &working.gates)
                let rung = working.run(on: image, budget: 0.1).rung
                if frame < 100 { early.append(rung) } else if frame >= 8_900 { late.append(rung) }
                port.offer(image)
                port.clock.frameEnded()
            }
            _ = loop.turn()
        }
        #expect(report.measuredFrames >= 4 * 50 && report.trainings == 0, "\(report)")
        #expect(early.allSatisfy { $0 == 0 } && late.allSatisfy { $0 == 1 })
        loop.finish()
        let written = try HookState.read(from: path).state
        #expect(written.statistics.frames == report.samples + report.measuredFrames)
        #expect(written.budgetMap.held(0.1) == 0.02 && working.budgets.held(0.1) == 0.02)
        #expect(written.hooks[0].gate != nil && written.calibrations.map(\.kinds) == [[.model]])
    }

    /// A board that has learned the old stream's damages forgets them for those of the new gates.
    @Test func otherGatesOutweighWhatThoseBeforeDid() throws {
        var curve = DamageCurve()
        for rung in DamageCurve.rungs.indices { for _ in 0..<500 { curve.add(0, at: rung) } }
        var joint = JointSampler(curve)
        joint.gatesChanged()
        #expect(joint.curve.isKnown, "budgets stay held meanwhile")
        let network = try ModelCascade(
            [.init(small, gate: HookSamples.constantGate(try cascade().featureCounts[0], damage: 0.025))],
            largest: large, isCommittee: true)
        var generator = SeededGenerator(seed: 1)
        for frame in 0..<1_200 {
            joint.frameBegan(decides: true, using: &generator)
            #expect(joint.isMeasuring == (frame % JointSampler.interval == JointSampler.interval - 1))
            guard joint.isMeasuring else { continue }
            HookSamples.image(UInt64(frame)).withUnsafeBufferPointer { image in
                var piece = 0
                while !joint.measure(network, image, piece: piece) { piece += 1 }
            }
        }
        #expect(BudgetMap(joint.curve).held(0.05) == 0.02 && BudgetMap(curve).held(0.05) == 0.05)
        joint.frameBegan(decides: false, using: &generator)
        #expect(!joint.isMeasuring)
    }

    @Test func hooksForAnotherNumberOfNetworksAreRefused() {
        #expect(throws: HookRefusal("1 hooks for 2 places")) {
            func two() throws -> ModelCascade {
                try ModelCascade([.init(small), .init(small)], largest: large, isCommittee: true)
            }
            _ = try LearningNetwork(
                two(), replica: two(), state: state, settings: settings(10), path: nil,
                conditions: { BoardConditions() })
        }
    }
}
