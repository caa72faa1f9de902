import Engine
import NetworkParts
import SearchSpace
import Testing

@testable import HookNetworks

@Suite struct BaselineTests {
    private let network: BlockNetwork
    private let hooks: [HookState.Hook]
    private let plan: SectionedPlan

    init() throws {
        let fused = try HookSamples.network(blocks: 4, seed: 3)
        let kernels = try KernelSet.selected()
        let plan = try SectionedPlan(fused, kernels: kernels)
        self.plan = plan
        hooks = (1..<5).map { part in
            var hook = HookState.Hook(
                AttachmentPoint(
                    kind: .skip, operator: "b\(part)", flops: plan.parts[part].flops, microseconds: 1,
                    parts: part..<part + 1))
            hook.expectedDamage = [0.4, 0.1, 0.3, 0.2][part - 1]
            return hook
        }
        network = try BlockNetwork(plain: try fused.plan(kernels: kernels), plan: plan, hooks: hooks)
    }

    @Test func placesAreFixedInTheOrderOfTheirDamage() {
        let choices = Baseline.choices(of: hooks, kinds: nil)
        #expect(choices.map(\.hooks) == [[1], [1, 3], [1, 2, 3], [0, 1, 2, 3]])
        #expect(zip(choices.map(\.damage), [0.1, 0.3, 0.6, 1]).allSatisfy { abs($0 - $1) < 1e-9 })
        #expect(Baseline.choices(of: hooks, kinds: [.exit]).isEmpty)
        let target = Double(plan.flops - 2 * plan.parts[1].flops)
        HookSamples.image(1).withUnsafeBufferPointer { image in
            #expect(Baseline.fixed(network, flops: target, among: choices, on: image)?.hooks == [1, 3])
            #expect(network.answer(image, budget: 0).flops == Int(target))
            #expect(Baseline.fixed(network, flops: 1, among: choices, on: image) == nil)
        }
    }

    @Test func randomDecisionsSpendAsMuch() throws {
        let target = Double(plan.flops) - 1.3 * Double(plan.parts[1].flops)
        let images = (0..<60).map { HookSamples.image(UInt64($0)) }
        let buffers = images.map { values in
            let buffer = AlignedBuffer(count: values.count)
            for (index, value) in values.enumerated() { buffer.base[index] = value }
            return buffer
        }
        let all = buffers.map { UnsafeBufferPointer(start: $0.base, count: $0.count) }
        let probability = try #require(Baseline.random(network, flops: target, on: all))
        #expect(abs(probability - 1.3 / 4) < 0.05, "\(probability)")
        let spent = (0..<400).reduce(0) { $0 + network.answer(all[$1 % all.count], budget: 0).flops } / 400
        #expect(abs(Double(spent) - target) < 0.01 * Double(plan.flops))
        // The policy anew: the same numbers, and so the same decisions.
        network.policy = .random(probability: probability)
        let again = (0..<400).reduce(0) { $0 + network.answer(all[$1 % all.count], budget: 0).flops } / 400
        #expect(again == spent)
        #expect(Baseline.random(network, flops: 2 * Double(plan.flops), on: all) == nil)
        withExtendedLifetime(buffers) {}
    }

    @Test func precisionsAreMatchedByTheTimeThatTheySave() throws {
        let savings = [40.0, 10, 30, 20]
        let choices = hooks.indices.map { Baseline.Choice(hooks: [$0], damage: hooks[$0].expectedDamage ?? 1) }
        #expect(Baseline.random(network, saving: 12, of: savings) == 0.3)
        #expect(network.policy == .random(probability: 0.3))
        #expect(Baseline.random(network, saving: 41, of: savings) == nil)
        #expect(Baseline.random(network, saving: 0, of: savings) == nil)
        #expect(Baseline.fixed(network, saving: 15, of: savings, among: choices)?.hooks == [3])
        #expect(network.policy == .fixed([3]))
        #expect(Baseline.fixed(network, saving: 35, of: savings, among: choices)?.hooks == [0])
        #expect(Baseline.fixed(network, saving: 41, of: savings, among: choices) == nil)
    }

    /// What is left out of every input beside gates is left out beside their baselines too.
    @Test func baselinesKeepFixedPlaces() throws {
        var hooks = hooks
        hooks[2].isFixed = true
        let network = try BlockNetwork(plain: network.plain, plan: plan, hooks: hooks)
        #expect(Baseline.choices(of: hooks, kinds: nil).map(\.hooks) == [[1], [1, 3], [0, 1, 3]])
        HookSamples.image(2).withUnsafeBufferPointer { image in
            for (policy, taken) in [
                (DecisionPolicy.fixed([1]), [0, 1, 1, 0]), (.random(probability: 0), [0, 0, 1, 0]),
                (.random(probability: 1), [1, 1, 1, 1]),
            ] {
                network.policy = policy
                let answer = network.answer(image, budget: 0)
                #expect(Array(network.decisions) == taken.map { Float($0) }, "\(policy)")
                #expect(answer.flops == plan.flops - taken.reduce(0, +) * plan.parts[1].flops)
                #expect(network.answer(image, budget: -1).flops == plan.flops, "hooks are off")
            }
            // Random decisions cannot spend more than what the fixed place leaves.
            #expect(Baseline.random(network, flops: Double(plan.flops), on: [image]) == nil)
        }
    }

    /// Exits and masks rule each other out: one is taken, that of least damage that spends no more.
    @Test func ofExitsAndMasksOneIsFixed() {
        let exits = hooks.enumerated().map { index, hook in
            let point = AttachmentPoint(
                kind: index < 2 ? .exit : .channel, operator: hook.point.operator, flops: hook.point.flops,
                microseconds: 1, parts: hook.point.parts)
            var exit = HookState.Hook(point)
            exit.expectedDamage = hook.expectedDamage
            return exit
        }
        let choices = Baseline.choices(of: exits, kinds: nil)
        #expect(choices.map(\.hooks) == [[0], [1], [2], [3]] && choices.map(\.damage) == [0.4, 0.1, 0.3, 0.2])
        #expect(Baseline.choices(of: exits, kinds: [.channel]).map(\.hooks) == [[2], [3]])
    }
}
