import Engine
import SearchSpace
import Testing
import NetworkParts

@testable import HookNetworks

@Suite struct MapPointsTests {
    private let plain: Plan
    private let plan: SectionedPlan

    init() throws {
        let network = try HookSamples.network(blocks: 3, seed: 7, channels: 48, side: 24)
        let kernels = try KernelSet.selected()
        plain = try network.plan(kernels: kernels)
        plan = try SectionedPlan(network, kernels: kernels)
    }

    private static let side = 24

    @Test func everyResidualBlockHasMasksOfSeveralSizes() throws {
        let hooks = try MapPoints.find([.channel, .point], in: plan)
        #expect(Set(hooks.map(\.point.parts.lowerBound)) == [1, 2, 3])
        let first = hooks.filter { $0.point.parts.lowerBound == 1 }
        #expect(first.map(\.point.kind) == [.channel, .point, .point])
        #expect(first.compactMap { $0.mask?.blocks.count { $0 } } == [2, 3, 3])
        #expect(first.compactMap { $0.mask?.strips.count { $0 } } == [6, 4, 5])
        // Two of three blocks of the map between two convolutions: two thirds of both are left.
        #expect(abs(first[0].point.flops * 3 - plan.parts[1].flops) < 3)
        let others = try MapPoints.find([.skip], in: plan)
        #expect(others.isEmpty)
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func trainingFitsMasksThatDoLessDamageThanWhatTheyReplace(seed: UInt64) throws {
        let hooks = try MapPoints.find([.channel], in: plan)
        var settings = BlockTrainer.Settings()
        settings.seed = seed
        settings.gates.epochs = 2
        let images = (0..<100).map { HookSamples.image(UInt64($0), side: Self.side) }
        let buffer = AlignedBuffer(count: images[0].count)
        var trainer = BlockTrainer(
            plain: plain, plan: plan, hooks: hooks, count: images.count, settings: settings,
            images: { index in
                for (position, value) in images[index].enumerated() { buffer.base[position] = value }
                return UnsafeBufferPointer(start: buffer.base, count: buffer.count)
            }, progress: { _ in })
        try trainer.train()
        var naive = trainer.hooks
        for index in naive.indices {
            #expect(trainer.hooks[index].substitute != nil)
            naive[index].substitute = nil
        }
        let (fitted, zeroed) = (try distance(trainer.hooks), try distance(naive))
        #expect(fitted < 0.7 * zeroed, "\(fitted) and \(zeroed), seed \(seed)")
    }

    /// Of the logits with the first mask of every block, from the plain ones, over images that were not learned from.
    private func distance(_ hooks: [HookState.Hook]) throws -> Float {
        let network = try BlockNetwork(plain: plain, plan: plan, hooks: hooks)
        network.policy = .fixed(Set(hooks.indices))
        let session = Session(for: [plain])
        return (200..<240).reduce(0) { sum, index in
            let image = HookSamples.image(UInt64(index), side: Self.side)
            return sum
                + image.withUnsafeBufferPointer { image in
                    let full = Array(session.run(plain, on: image))
                    let answer = network.answer(image, budget: 0)
                    #expect(answer.taken == 3 && answer.flops < plan.flops)
                    return zip(full, answer.logits).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                }
        }
    }

    @Test func masksForOtherNetworksAreRefused() throws {
        var hooks = try MapPoints.find([.channel], in: plan)
        hooks[0].mask?.blocks.append(true)
        #expect(throws: HookRefusal("the mask of hook 0 is for another part")) {
            try BlockNetwork(plain: plain, plan: plan, hooks: hooks)
        }
        hooks[0].mask = MapMask(blocks: [false, false, false], strips: [Bool](repeating: true, count: 6))
        #expect(throws: HookRefusal.self) { try BlockNetwork(plain: plain, plan: plan, hooks: hooks) }
    }
}
