import Engine
import GateCalibration
import Testing
import NetworkParts

@testable import HookNetworks

@Suite struct HookEvaluatorTests {
    @Test func everyCandidateRunsEveryImage() throws {
        let fused = try HookSamples.network(blocks: 5, seed: 7)
        let (plain, plan) = (
            try fused.plan(kernels: .selected()), try SectionedPlan(fused, kernels: .selected())
        )
        var hooks = BlockPoints.find([.skip], in: plan, microseconds: plan.parts.map { _ in 1 })
            .map { HookState.Hook($0) }
        hooks[0].isFixed = true
        let network = try BlockNetwork(plain: plain, plan: plan, hooks: hooks)
        var evaluator = HookEvaluator(
            [.init(network, budget: -1), .init(network, budget: 0)], plain: plain, repeats: 2)
        let images = (0..<40).map { HookSamples.image($0) }
        let buffers = images.map { image in
            let buffer = AlignedBuffer(count: image.count)
            buffer.base.update(from: image, count: image.count)
            return buffer
        }
        for start in stride(from: 0, to: 40, by: HookEvaluator.groupCount) {
            let group = buffers[start..<min(start + HookEvaluator.groupCount, 40)]
                .map { UnsafeBufferPointer(start: $0.base, count: $0.count) }
            evaluator.evaluate(group, labels: group.map { _ in 0 })
        }
        withExtendedLifetime(buffers) {}
        #expect(evaluator.images == 40 && evaluator.flopsRatio(0) == 1 && evaluator.flopsRatio(1) < 1)
        #expect(evaluator.hooked[0].agreeing == 40 && evaluator.hooked[0].correct == evaluator.plain.correct)
        #expect(evaluator.hooked[0].takenByHook == [0, 0, 0] && evaluator.hooked[1].takenByHook == [40, 0, 0])
        #expect(evaluator.hooked[0].damage == 0 && evaluator.hooked[0].moved == 0)
        #expect(evaluator.hooked[1].moved > 0 && evaluator.hooked[1].damage <= 40)
        #expect(evaluator.hooked[1].predictions.error == nil, "no gate predicts what a fixed place does")
        #expect(evaluator.plain.calibration.error == evaluator.hooked[0].calibration.error)
        #expect(evaluator.plain.nanoseconds > 0 && evaluator.hooked[1].nanoseconds > 0)
    }
}
