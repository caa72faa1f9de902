import Engine
import Fusion
import PostTrainingQuantization

@testable import HookNetworks

/// A small residual network whose precisions can be chosen.
struct PrecisionSamples {
    let fused: FusedNetwork
    let plain: Plan
    var state: PrecisionState
    private let buffer = AlignedBuffer(count: 3 * HookSamples.side * HookSamples.side)

    init(seed: UInt64) throws {
        fused = try HookSamples.network(blocks: 4, seed: seed)
        plain = try fused.plan(kernels: .selected())
        var calibration = try Calibration(of: fused, kernels: .selected())
        let arena = calibration.makeArena()
        for index in 0..<16 {
            HookSamples.image(UInt64(index)).withUnsafeBufferPointer { calibration.add($0, in: arena) }
        }
        let gains = calibration.gains
        var equalized = try Calibration(of: fused.equalized(by: gains), kernels: .selected())
        for index in 0..<16 {
            HookSamples.image(UInt64(index)).withUnsafeBufferPointer { equalized.add($0, in: arena) }
        }
        state = PrecisionState(ranges: try equalized.ranges(.minmax), gains: gains, border: 2)
        let narrow = [Precision](repeating: .int8, count: 10)
        var better = narrow
        better[5] = .bf16
        better[7] = .fp32
        state.masks = [narrow, better]
        state.convolutions = [
            .init(output: "v", operator: "c", flops: 7, savedMicroseconds: [.bf16: -1.5, .int8: 2])
        ]
    }

    func model() throws -> MixedPrecision { try MixedPrecision(fused, state, kernels: .selected()) }

    /// Hooks without gates for the masks.
    var hooks: [HookState.Hook] {
        state.masks.indices.map {
            HookState.Hook(AttachmentPoint(kind: .bits, operator: "\($0)", flops: 1, microseconds: 1, parts: 2..<2))
        }
    }

    func image(_ index: Int) -> UnsafeBufferPointer<Float> {
        for (position, value) in HookSamples.image(UInt64(index)).enumerated() { buffer.base[position] = value }
        return UnsafeBufferPointer(start: buffer.base, count: buffer.count)
    }
}
