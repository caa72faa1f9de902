import Engine
import MapPruning
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

    @Test func everyResidualBlockIsAPlaceOfEachKind() throws {
        let hooks = try MapPoints.find([.channel, .point], in: plan)
        #expect(hooks.map(\.point.parts.lowerBound) == [1, 1, 2, 2, 3, 3])
        #expect(hooks.prefix(2).map(\.point.kind) == [.channel, .point])
        #expect(hooks[0].masks.map { $0.mask.blocks } == [[true, true, false]])
        #expect(hooks[1].masks.map { $0.mask.strips } == [[false, false, false, true, true, true]])
        // Two of three blocks of the map between two convolutions: two thirds of both are left.
        #expect(abs(hooks[0].point.flops * 3 - plan.parts[1].flops) < 3)
        #expect(try MapPoints.find([.skip], in: plan).isEmpty)
    }

    private let images = (0..<90).map { HookSamples.image(UInt64($0), side: Self.side) }

    private func trained(_ kind: GateKind, seed: UInt64, isRandom: Bool = false) throws -> [HookState.Hook] {
        try trained(kind, plain, plan, seed: seed, isRandom: isRandom)
    }

    private func trained(
        _ kind: GateKind, _ plain: Plan, _ plan: SectionedPlan, seed: UInt64, isRandom: Bool = false
    ) throws -> [HookState.Hook] {
        var settings = BlockTrainer.Settings()
        settings.seed = seed
        settings.gates.epochs = 2
        settings.masks.damages = [0.05, 0.2, 0.5]
        settings.masks.isRandom = isRandom
        let buffer = AlignedBuffer(count: images[0].count)
        var trainer = BlockTrainer(
            plain: plain, plan: plan, hooks: try MapPoints.find([kind], in: plan), count: images.count,
            settings: settings,
            images: { index in
                for (position, value) in images[index].enumerated() { buffer.base[position] = value }
                return UnsafeBufferPointer(start: buffer.base, count: buffer.count)
            }, progress: { _ in })
        try trainer.train()
        return trainer.hooks
    }

    /// Every pair of a chain is fitted and chosen from, whatever its second convolution is and whatever follows it.
    @Test(arguments: [1, 3])
    func pairsOfAChainAreFitted(lastKernel: Int) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let network = try HookSamples.chain(convolutions: 6, side: Self.side, lastKernel: lastKernel)
        let plain = try network.plan(kernels: .selected())
        let plan = try SectionedPlan(network, kernels: .selected())
        let hooks = try trained(.channel, plain, plan, seed: seed)
        let parts = Set(hooks.flatMap(\.masks).map(\.part))
        #expect(parts == [1, 2] && hooks.allSatisfy { $0.expectedDamage != nil }, "seed \(seed)")
    }

    /// What the search says of an assignment is what the hooked network does, on images that nothing was fitted on.
    @Test(arguments: [(GateKind.channel, false), (.channel, true), (.point, false), (.point, true)])
    func damageIsThatOfTheNetworkWithAllItsMasks(kind: GateKind, isRandom: Bool) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let hooks = try trained(kind, seed: seed, isRandom: isRandom)
        #expect(
            !hooks.isEmpty && hooks.allSatisfy { $0.point.kind == kind && $0.expectedDamage != nil }, "seed \(seed)")
        let network = try BlockNetwork(plain: plain, plan: plan, hooks: hooks)
        let session = Session(for: [plain])
        for (index, hook) in hooks.enumerated() {
            network.policy = .fixed([index])
            var (sum, count) = (Float(0), Float(0))
            for image in images.indices where MaskSearch.isHeldOut(image) {
                images[image].withUnsafeBufferPointer { image in
                    let full = Array(session.run(plain, on: image))
                    let answer = network.answer(image, budget: 0)
                    sum += full.withUnsafeBufferPointer { Divergence.totalVariation($0, answer.logits) }
                }
                count += 1
            }
            #expect(abs(Double(sum / count) - (hook.expectedDamage ?? 1)) < 1e-4, "\(hook.point), seed \(seed)")
        }
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func trainingPutsAssignmentsInPlaceOfSingleMasks(seed: UInt64) throws {
        let assignments = try trained(.channel, seed: seed)
        #expect(!assignments.isEmpty && assignments.allSatisfy { $0.expectedDamage != nil }, "seed \(seed)")
        #expect(assignments.map(\.point.flops) == assignments.map(\.point.flops).sorted(by: >), "seed \(seed)")
        #expect(Set(assignments.map(\.point.parts)).count == 1)
        // Samples of the images that nothing was fitted on alone, in each of two rounds.
        #expect(assignments.last?.samples?.count == 60)
        // Too few of them to train a gate: what was measured decides.
        let expected = Float(assignments[0].expectedDamage ?? 1)
        let network = try BlockNetwork(plain: plain, plan: plan, hooks: assignments)
        images[0].withUnsafeBufferPointer { image in
            #expect(network.answer(image, budget: -1).taken == 0)
            #expect(network.answer(image, budget: expected).taken == 1)
            #expect(network.decisions[0] == 1, "the one that saves most")
            #expect(network.answer(image, budget: expected).flops == plan.flops - assignments[0].point.flops)
        }
        // Convolutions as they were do more damage behind the same masks.
        var naive = assignments
        for index in naive[0].masks.indices { naive[0].masks[index].reader = nil }
        let (fitted, zeroed) = (try distance(assignments), try distance(naive))
        #expect(fitted < 0.7 * zeroed, "\(fitted) and \(zeroed), seed \(seed)")
    }

    /// Of the logits with the first assignment, from the plain ones, over images that were not learned from.
    private func distance(_ hooks: [HookState.Hook]) throws -> Float {
        let network = try BlockNetwork(plain: plain, plan: plan, hooks: hooks)
        network.policy = .fixed([0])
        let session = Session(for: [plain])
        return (200..<240).reduce(0) { sum, index in
            let image = HookSamples.image(UInt64(index), side: Self.side)
            return sum
                + image.withUnsafeBufferPointer { image in
                    let full = Array(session.run(plain, on: image))
                    let answer = network.answer(image, budget: 0)
                    #expect(answer.taken == 1 && answer.flops < plan.flops)
                    return zip(full, answer.logits).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                }
        }
    }

    @Test func masksForOtherNetworksAreRefused() throws {
        var hooks = try MapPoints.find([.channel], in: plan)
        hooks[0].masks[0].mask.blocks.append(true)
        #expect(throws: HookRefusal("the mask of hook 0 is for another part")) {
            try BlockNetwork(plain: plain, plan: plan, hooks: hooks)
        }
        hooks[0].masks[0].mask = MapMask(
            blocks: [false, false, false], strips: [Bool](repeating: true, count: 6))
        #expect(throws: HookRefusal.self) { try BlockNetwork(plain: plain, plan: plan, hooks: hooks) }
        hooks[0].masks = []
        #expect(throws: HookRefusal("the masks of hook 0 are for other parts")) {
            try BlockNetwork(plain: plain, plan: plan, hooks: hooks)
        }
    }
}
