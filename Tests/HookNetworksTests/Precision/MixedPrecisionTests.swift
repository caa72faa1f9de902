import Engine
import PostTrainingQuantization
import Testing

@testable import HookNetworks

@Suite struct MixedPrecisionTests {
    @Test func findsConvolutionsAndAPlaceToChoose() throws {
        let model = try PrecisionSamples(seed: 1).model()
        #expect(model.steps.count == 10 && model.choices(3) == [.fp32, .bf16, .int8])
        let plain = try PrecisionSamples(seed: 1).plain
        #expect(model.steps.indices.reduce(0) { $0 + model.flops($1) } == plain.flops)
        let border = try model.border(after: 0.25)
        #expect(border == 2 && model.firstCount(before: border) == 3)
        #expect(throws: HookRefusal.self) { try model.border(after: 1.1) }
    }

    @Test func weightsArePackedOnceForAllPlans() throws {
        let samples = try PrecisionSamples(seed: 2)
        let model = try samples.model()
        _ = try samples.state.masks.map { try model.plan($0) }
        let packed = model.weights.byteCount
        _ = try model.plan(samples.state.masks, before: samples.state.border)
        _ = try model.plan(samples.state.masks[1])
        #expect(model.weights.byteCount == packed)
    }

    @Test func whatBelongsToAnotherNetworkIsRefused() throws {
        let samples = try PrecisionSamples(seed: 3)
        let fused = samples.fused
        func refuses(_ change: (inout PrecisionState) -> Void) {
            var state = samples.state
            change(&state)
            #expect(throws: HookRefusal.self) { _ = try MixedPrecision(fused, state, kernels: .selected()) }
        }
        refuses { $0.masks[0].removeLast() }
        refuses { $0.ranges.quantizations["x"] = nil }
        refuses { $0.ranges.means["x"] = [1] }
        refuses { $0.gains["nothing"] = [1] }
        refuses { $0.gains = $0.gains.mapValues { Array($0.dropLast()) } }
        let model = try samples.model()
        for section in [-1, 0, 99] {
            #expect(throws: HookRefusal.self) { _ = try model.plan(samples.state.masks, before: section) }
        }
        var masks = samples.state.masks
        masks[1][0] = .fp32
        #expect(throws: HookRefusal("masks differ before section 2")) { _ = try model.plan(masks, before: 2) }
    }
}
