import CKernels
import Engine
import Testing

/// What is fused gives what the separate steps give, and a kernel's parts give what the whole gives.
@Suite struct FusedKernelTests {
    /// A 3x3 stem whose epilogue leaves the image as it is.
    private static func identity(_ channels: Int) -> (PackedConvolution, PlanBuilder.Finish) {
        var weights = [Float](repeating: 0, count: channels * channels * 9)
        for channel in 0..<channels { weights[(channel * channels + channel) * 9 + 4] = 1 }
        let ones = [Float](repeating: 1, count: channels), zeros = [Float](repeating: 0, count: channels)
        return (
            PackedConvolution(weight: weights, outputChannels: channels, rows: channels * 9),
            .init(epilogue: Epilogue(scale: ones, shift: zeros), activation: CK_NONE)
        )
    }

    /// Depthwise, its means, and a projection of the result times the means: all of squeeze-and-excite but its two
    /// small layers.
    private static func plan(
        _ kernels: KernelSet, channels: Int, side: Int, outputs: Int, kernel: Int, stride: Int, isFused: Bool
    ) -> (Plan, [Float]) {
        var fixture = Fixture(seed: UInt64(channels + side + outputs + kernel))
        let image = fixture.values(channels * side * side)
        let filter = PackedConvolution(
            weight: fixture.values(channels * kernel * kernel), outputChannels: channels, rows: kernel * kernel)
        let projection = PackedConvolution(
            weight: fixture.values(outputs * (channels + 3)), outputChannels: outputs, rows: channels + 3)
        let first = fixture.finish(channels: channels, CK_HARD_SWISH).value
        let second = fixture.finish(channels: outputs, CK_NONE).value
        var builder = PlanBuilder(input: .init(channels: channels, height: side, width: side), kernels: kernels)
        builder.beginGroup("test")
        let (weights, finish) = identity(channels)
        let map = builder.stem("identity", weights, stride: 1, finish)
        let output: PlanBuilder.Map
        if isFused {
            let means = builder.vector(channels: channels)
            let filtered = builder.depthwise(
                "depthwise", map, filter, kernel: kernel, stride: stride, first, means: means)
            output = builder.pointwise("project", filtered, scaledBy: means, projection, channels: outputs, second)
        } else {
            let filtered = builder.depthwise("depthwise", map, filter, kernel: kernel, stride: stride, first)
            let means = builder.pool("pool", filtered)
            builder.scale("scale", filtered, by: means)
            output = builder.pointwise("project", filtered, projection, channels: outputs, second)
        }
        return (builder.build(output: output), image)
    }

    @Test(arguments: KernelTests.sets)
    func meansAndFactorsAreThoseOfSeparateSteps(set: InstructionSet) {
        // Few outputs: the weights are scaled; many: the map is.
        for (channels, side, outputs, kernel, stride) in [
            (24, 14, 20, 5, 1), (40, 7, 72, 7, 1), (17, 12, 16, 3, 2), (72, 28, 40, 5, 2), (16, 3, 24, 1, 1),
        ] {
            let (fused, image) = Self.plan(
                KernelSet(set), channels: channels, side: side, outputs: outputs, kernel: kernel, stride: stride,
                isFused: true)
            let (separate, _) = Self.plan(
                KernelSet(set), channels: channels, side: side, outputs: outputs, kernel: kernel, stride: stride,
                isFused: false)
            let fixture = Fixture(seed: 0)
            let (actual, expected) = (fixture.run(fused, on: image), fixture.run(separate, on: image))
            let scale = expected.map(abs).max() ?? 1
            for (value, reference) in zip(actual, expected) { #expect(abs(value - reference) <= 1e-5 * scale) }
        }
    }

    @Test(arguments: KernelTests.sets, [2, 3, 7])
    func partsGiveTheSameBitsAsTheWhole(set: InstructionSet, parts: Int32) {
        for row in KernelTests.pointwiseRows(of: set) {
            for (channels, side, outputs) in [(24, 14, 20), (40, 7, 72), (17, 12, 16), (3, 33, 100)] {
                let (plan, image) = Self.plan(
                    KernelSet(set, pointwise: row), channels: channels, side: side, outputs: outputs, kernel: 5,
                    stride: 1, isFused: side != 33)
                let whole = Fixture(seed: 0).run(plan, on: image)
                let arena = AlignedBuffer(count: plan.arenaCount)
                image.withUnsafeBufferPointer { plan.place($0, in: arena.base) }
                for operation in plan.operations {
                    for part in (0..<parts).reversed() { operation.perform(in: arena.base, part: part, of: parts) }
                }
                let last = plan.operations[plan.operations.count - 1]
                let inParts = (0..<last.output.storage).map { arena.base[last.outputOffset + $0] }
                #expect(inParts == whole)
            }
        }
    }
}
