import Engine
import SearchSpace
import Testing
import NetworkParts

@testable import HookNetworks

@Suite struct BlockNetworkTests {
    private let plain: Plan
    private let plan: SectionedPlan

    init() throws {
        let network = try HookSamples.network(blocks: 5, seed: 7)
        let kernels = try KernelSet.selected()
        plain = try network.plan(kernels: kernels)
        plan = try SectionedPlan(network, kernels: kernels)
    }

    private var hooks: [HookState.Hook] {
        BlockPoints.find([.skip], in: plan, microseconds: plan.parts.map { _ in 1 }).map { HookState.Hook($0) }
    }

    private func plainOutput(_ image: [Float]) -> [Float] {
        let session = Session(for: [plain])
        defer { withExtendedLifetime(session) {} }
        return image.withUnsafeBufferPointer { Array(session.run(plain, on: $0)) }
    }

    @Test func placesArePairsOfBlocksAndWhatIsLeftOver() {
        #expect(plan.parts.count == 7)
        #expect(hooks.map(\.point.parts) == [1..<2, 2..<4, 4..<6])
        // One convolution in place of four.
        #expect(hooks[1].point.flops * 4 == 3 * (plan.parts[2].flops + plan.parts[3].flops))
    }

    @Test func withoutDecisionsTheOutputIsBitIdentical() throws {
        let network = try BlockNetwork(plain: plain, plan: plan, hooks: hooks)
        let image = HookSamples.image(1)
        for budget: Float in [-1, 0, 1] {
            let answer = image.withUnsafeBufferPointer { network.answer($0, budget: budget) }
            #expect(Array(answer.logits) == plainOutput(image), "budget \(budget): no gate was trained")
            #expect(answer.taken == 0 && answer.flops == plan.flops)
        }
        #expect(plan.flops == plain.flops)
    }

    @Test func aSkippedBlockIsNotRun() throws {
        let network = try BlockNetwork(plain: plain, plan: plan, hooks: hooks)
        network.policy = .fixed([0])
        let image = HookSamples.image(2)
        let answer = image.withUnsafeBufferPointer { network.answer($0, budget: 0) }
        #expect(answer.flops == plan.flops - plan.parts[1].flops && answer.taken == 1)

        // The same as running the other parts by hand.
        let session = SectionedSession(for: plan)
        image.withUnsafeBufferPointer { session.place($0) }
        for part in plan.parts.indices where part != 1 { session.perform(plan.parts[part]) }
        #expect(Array(answer.logits) == Array(session.output))
        withExtendedLifetime(session) {}
    }

    @Test func learnsOnTheStreamAndTheSameSeedGivesTheSame() throws {
        func train(_ seed: UInt64) throws -> BlockTrainer {
            var settings = BlockTrainer.Settings()
            settings.seed = seed
            settings.gates.epochs = 3
            let buffer = AlignedBuffer(count: 3 * HookSamples.side * HookSamples.side)
            var trainer = BlockTrainer(
                plain: plain, plan: plan, hooks: hooks, count: 260, settings: settings,
                images: { index in
                    for (position, value) in HookSamples.image(UInt64(index)).enumerated() {
                        buffer.base[position] = value
                    }
                    return UnsafeBufferPointer(start: buffer.base, count: buffer.count)
                }, progress: { _ in })
            try trainer.train()
            return trainer
        }
        let (first, second) = (try train(1), try train(1))
        #expect(first.hooks == second.hooks)
        #expect(first.hooks.allSatisfy { $0.gate != nil && $0.head != nil })
        #expect(first.hooks.map { $0.substitute != nil } == [false, true, true])
        #expect(first.sampleCount == first.hooks.reduce(0) { $0 + ($1.samples?.seen ?? 0) })

        let network = try BlockNetwork(plain: plain, plan: plan, hooks: first.hooks)
        let image = HookSamples.image(1)
        let answer = image.withUnsafeBufferPointer { network.answer($0, budget: -1) }
        #expect(Array(answer.logits) == plainOutput(image), "hooks off is bit-identical")
    }

    /// Gates that read more than features go on learning, also beside fixed places.
    @Test(arguments: [0, 1])
    func whatWasTrainedWithInputsIsTrainedAgain(fixedPlaces: Int) throws {
        let inputs = try GateInputs("latency,memory")
        let buffer = AlignedBuffer(count: 3 * HookSamples.side * HookSamples.side)
        var settings = BlockTrainer.Settings()
        (settings.gates.epochs, settings.fixedPlaces) = (1, fixedPlaces)
        var known = hooks
        for _ in 0..<2 {
            var trainer = BlockTrainer(
                plain: plain, plan: plan, hooks: known, inputs: inputs, count: 260, settings: settings,
                images: { index in
                    let image = HookSamples.image(UInt64(index))
                    buffer.base.update(from: image, count: buffer.count)
                    return UnsafeBufferPointer(start: buffer.base, count: buffer.count)
                }, progress: { _ in })
            try trainer.train()
            known = trainer.hooks
            #expect(known.contains { $0.gate != nil } && known.count { $0.isFixed } == fixedPlaces)
        }
        _ = try BlockNetwork(plain: plain, plan: plan, hooks: known, inputs: inputs)
    }

    /// A head knows its own few images by heart; what it says of them is nothing that a gate may learn from.
    @Test func gatesLearnFromHeadsThatHaveNotSeenTheImage() throws {
        let count = 24
        let images = (0..<count).map { index in HookSamples.image(UInt64(index)).map { $0 * Float(1 + index % 5) } }
        let buffer = AlignedBuffer(count: images[0].count)
        var settings = BlockTrainer.Settings()
        (settings.rounds, settings.gates.epochs) = (1, 1)
        let points = BlockPoints.find([.exit], in: plan, microseconds: plan.parts.map { _ in 1 })
        var trainer = BlockTrainer(
            plain: plain, plan: plan, hooks: points.map { HookState.Hook($0) }, count: count, settings: settings,
            images: { index in
                buffer.base.update(from: images[index], count: buffer.count)
                return UnsafeBufferPointer(start: buffer.base, count: buffer.count)
            }, progress: { _ in })
        try trainer.train()

        let hook = try #require(trainer.hooks.first)
        let samples = try #require(hook.samples)
        let channels = plan.shape(before: hook.point.parts.lowerBound).channels
        let pooled = (0..<count).map { Array(samples.features($0).prefix(channels)) }
        let targets = images.map { image in
            plainOutput(image).withUnsafeBufferPointer { logits in
                let softmax = Softmax(logits)
                return logits.map { Double(softmax.probability($0)) }
            }
        }
        func statistics(_ filter: HookState.Filter, _ image: Int) -> [Float] {
            let head = LinearHead(filter, inputs: channels)
            var values = [Float](repeating: 0, count: AnswerStatistics.count)
            head.run(on: pooled[image])
            values.withUnsafeMutableBufferPointer { values in
                if let base = values.baseAddress { AnswerStatistics.write(head.logits, to: base) }
            }
            return values
        }
        #expect(samples.count == count)
        #expect(hook.head == HeadTrainer.train(pooled, targets, seed: settings.seed), "the head itself learns from all")
        for image in 0..<count {
            let others = (0..<count).filter { $0 % 3 != image % 3 }
            let head = try #require(
                HeadTrainer.train(others.map { pooled[$0] }, others.map { targets[$0] }, seed: settings.seed))
            let read = Array(samples.features(image).dropFirst(channels).prefix(AnswerStatistics.count))
            #expect(read == statistics(head, image), "image \(image)")
            #expect(try read != statistics(#require(hook.head), image), "image \(image)")
        }
    }

    /// A fixed place is left out of every input at any budget, and nowhere with hooks off.
    @Test func fixedPlacesNeedNoGate() throws {
        var hooks = hooks
        hooks[0].isFixed = true
        let network = try BlockNetwork(plain: plain, plan: plan, hooks: hooks)
        let image = HookSamples.image(3)
        image.withUnsafeBufferPointer { pixels in
            let answer = network.answer(pixels, budget: 0)
            #expect(answer.taken == 1 && answer.flops == plan.flops - plan.parts[1].flops)
            #expect(Array(network.decisions) == [1, 0, 0])
            #expect(Array(network.answer(pixels, budget: -1).logits) == plainOutput(image))
        }
    }

    /// The trainer fixes the place that does the least damage; what lies behind it is fitted to what it leaves.
    @Test func theTrainerFixesWhatDoesTheLeastDamage() throws {
        func train(_ fixedPlaces: Int) throws -> [HookState.Hook] {
            var settings = BlockTrainer.Settings()
            (settings.fixedPlaces, settings.gates.epochs) = (fixedPlaces, 1)
            let buffer = AlignedBuffer(count: 3 * HookSamples.side * HookSamples.side)
            var trainer = BlockTrainer(
                plain: plain, plan: plan, hooks: hooks, count: 260, settings: settings,
                images: { index in
                    buffer.base.update(from: HookSamples.image(UInt64(index)), count: buffer.count)
                    return UnsafeBufferPointer(start: buffer.base, count: buffer.count)
                }, progress: { #expect(0...1 ~= $0) })
            try trainer.train()
            return trainer.hooks
        }
        func damage(_ hooks: [HookState.Hook], fixing index: Int) throws -> Float {
            var hooks = hooks
            for other in hooks.indices { hooks[other].isFixed = other == index }
            let network = try BlockNetwork(plain: plain, plan: plan, hooks: hooks)
            return (0..<260).reduce(0) { sum, seed in
                let image = HookSamples.image(UInt64(seed))
                let full = plainOutput(image)
                return sum
                    + image.withUnsafeBufferPointer { pixels in
                        full.withUnsafeBufferPointer {
                            Divergence.totalVariation($0, network.answer(pixels, budget: 0).logits)
                        }
                    }
            }
        }
        let (free, one, both) = (try train(0), try train(1), try train(2))
        let best = try damage(free, fixing: 1) < damage(free, fixing: 2) ? 1 : 2
        #expect(free.allSatisfy { !$0.isFixed } && one.indices.filter { one[$0].isFixed } == [best])
        #expect(both.map(\.isFixed) == [false, true, true], "only places with a substitute can be fixed")
        #expect(one[best].gate == nil && one[best].samples == nil && one[0].gate != nil)
        #expect(both[1].substitute == free[1].substitute, "nothing before it has changed")
        #expect(both[2].substitute != free[2].substitute, "fitted to what the first one leaves")
    }

    @Test func hooksOfAnotherNetworkAreRefused() {
        var hook = hooks[0]
        hook.point.parts = 9..<10
        #expect(throws: HookRefusal.self) { _ = try BlockNetwork(plain: plain, plan: plan, hooks: [hook]) }
    }
}
