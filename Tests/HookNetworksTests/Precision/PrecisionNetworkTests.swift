import CAllocations
import Engine
import MapPruning
import SearchSpace
import Testing
import NetworkParts

@testable import HookNetworks

@Suite struct PrecisionNetworkTests {
    private let samples: PrecisionSamples

    init() throws { samples = try PrecisionSamples(seed: 6) }

    private func network(_ hooks: [HookState.Hook]) throws -> PrecisionNetwork {
        try PrecisionNetwork(plain: samples.plain, try samples.model(), samples.state, hooks: hooks)
    }

    /// Hooks whose gates, or without one the mean damage, predict these.
    private func hooks(_ damages: [Double], isConstant: Bool = false) throws -> [HookState.Hook] {
        let count = try network(samples.hooks).featureCount
        var generator = SeededGenerator(seed: 1)
        return zip(samples.hooks, damages).map { hook, damage in
            var hook = hook
            if isConstant {
                var one = GateSamples(featureCount: count, byteLimit: 1 << 16)
                [Float](repeating: 0, count: count).withUnsafeBufferPointer {
                    one.add($0, damage: Float(damage), using: &generator)
                }
                hook.samples = one
            } else {
                hook.gate = HookSamples.constantGate(count, damage: damage)
            }
            return hook
        }
    }

    private func plainOutput(_ image: Int) -> [Float] {
        let session = Session(for: [samples.plain])
        return withExtendedLifetime(session) { Array(session.run(samples.plain, on: samples.image(image))) }
    }

    /// What an assignment alone computes, in two parts.
    private func output(_ mask: Int, _ image: Int) throws -> [Float] {
        let plan = try samples.model().plan([samples.state.masks[mask]], before: samples.state.border)
        let session = SectionedSession(for: plan)
        session.place(samples.image(image))
        session.perform(plan.parts[0])
        session.perform(plan.parts[1])
        return withExtendedLifetime(session) { Array(session.output) }
    }

    @Test(arguments: [false, true])
    func theBudgetChoosesThePrecision(isConstant: Bool) throws {
        let network = try network(hooks(isConstant ? [0.25, 0.125] : [0.3, 0.1], isConstant: isConstant))
        // The last rounding may hide the difference for an image.
        #expect(try (0..<3).contains { try output(0, $0) != output(1, $0) })
        for image in 0..<3 {
            let expected = try (0..<2).map { try output($0, image) }
            for (budget, mask) in [(Float(0.5), 0), (0.2, 1), (0.5, 0)] {
                let answer = network.answer(samples.image(image), budget: budget)
                #expect(Array(answer.logits) == expected[mask], "image \(image), budget \(budget)")
                let narrow = samples.state.masks[mask].count { $0 == .int8 }
                #expect(answer.taken == narrow && answer.decisions == 10)
            }
            for budget: Float in [-1, 0.01] {
                let answer = network.answer(samples.image(image), budget: budget)
                #expect(Array(answer.logits) == plainOutput(image), "hooks off is bit-identical")
                #expect(answer.taken == 0 && (budget > 0 && !isConstant) == (answer.flops > samples.plain.flops))
            }
        }
    }

    @Test func untrainedHooksLeaveThePlainNetwork() throws {
        let network = try network(samples.hooks)
        #expect(Array(network.answer(samples.image(1), budget: 1).logits) == plainOutput(1))
    }

    @Test func baselinesTakeAMaskWithoutGates() throws {
        let network = try network(samples.hooks)
        network.policy = .fixed([1])
        #expect(Array(network.answer(samples.image(1), budget: 0).logits) == (try output(1, 1)))
        network.policy = .random(probability: 1)
        #expect(Array(network.answer(samples.image(1), budget: 0).logits) == (try output(0, 1)))
        network.policy = .random(probability: 0)
        #expect(Array(network.answer(samples.image(1), budget: 0).logits) == plainOutput(1))
    }

    @Test func choosingAndRunningAllocateNothing() throws {
        let network = try network(hooks([0.3, 0.1]))
        let image = samples.image(2)
        let budgets: [Float] = [0.5, 0.2, 0.01, -1]
        var sum: Float = 0
        for budget in budgets { sum += network.answer(image, budget: budget).logits[0] }
        ca_begin()
        for round in 0..<40 { sum += network.answer(image, budget: budgets[round % 4]).logits[0] }
        let allocations = ca_count()
        #expect(allocations == 0 && ca_is_counting() != 0, "\(allocations) allocations in 40 runs, \(sum)")
    }

    @Test func hooksOfAnotherNetworkAreRefused() throws {
        var hooks = try hooks([0.3, 0.1])
        hooks[0].gate = HookSamples.constantGate(3, damage: 0.1)
        #expect(throws: HookRefusal.self) { try network(hooks) }
        hooks = samples.hooks
        hooks[0].head = HookState.Filter(weights: [1], bias: [1, 2, 3, 4])
        #expect(throws: HookRefusal.self) { try network(hooks) }
        #expect(throws: HookRefusal.self) { try network(Array(samples.hooks.dropLast())) }
    }
}
