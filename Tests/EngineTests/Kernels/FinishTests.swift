import CKernels
import Engine
import Testing

/// Every activation, before and after the addition of a residual, behind the kernels that keep their sums in registers.
@Suite struct FinishTests {
    private static let channels = 21

    @Test(arguments: KernelTests.sets, Array(Reference.activations.indices))
    func pointwiseAndDepthwiseTakeEveryActivation(set: InstructionSet, index: Int) {
        let activation = Reference.activations[index]
        for (side, isDepthwise) in [(1, false), (6, false), (9, true)] {
            for (hasResidual, activatesSum) in [(false, false), (true, false), (true, true)] {
                var fixture = Fixture(seed: UInt64(index * 10 + side))
                let image = Reference.Map(
                    channels: Self.channels, height: side, width: side,
                    values: fixture.values(Self.channels * side * side))
                let kernel = isDepthwise ? 5 : 1
                let groups = isDepthwise ? Self.channels : 1
                let rows = isDepthwise ? 25 : Self.channels
                let weights = fixture.values(Self.channels * rows)
                let random = fixture.finish(channels: Self.channels, CK_NONE)
                let sums = fixture.applying(
                    random,
                    to: Reference.convolution(
                        image, weights: weights, outputs: Self.channels,
                        window: Window(kernel: kernel, padding: kernel / 2), groups: groups), CK_NONE)
                var expected = sums
                for place in sums.values.indices {
                    let residual = hasResidual ? image.values[place] : 0
                    expected.values[place] =
                        activatesSum
                        ? Reference.activate(sums.values[place] + residual, activation)
                        : Reference.activate(sums.values[place], activation) + residual
                }
                var (builder, map) = DenseKernelTests.identity(image, KernelSet(set))
                let packed = PackedConvolution(weight: weights, outputChannels: Self.channels, rows: rows)
                let finish = PlanBuilder.Finish(
                    epilogue: random.value.epilogue, activation, residual: hasResidual ? map : nil,
                    activatesSum: activatesSum)
                let output =
                    isDepthwise
                    ? builder.depthwise("depthwise", map, packed, Window(kernel: 5, padding: 2), finish)
                    : builder.pointwise("pointwise", map, packed, channels: Self.channels, finish)
                let largest = sums.values.map(abs).max() ?? 1
                fixture.compare(
                    fixture.run(builder.build(output: output), on: image.values), expected, largest: largest)
            }
        }
    }
}
