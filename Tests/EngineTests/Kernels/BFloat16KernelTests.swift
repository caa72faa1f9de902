import CKernels
import Testing

@testable import Engine

/// Every kernel for maps of bfloat16 against its definition on values that bfloat16 holds: the sums are floats, so
/// that a result differs by its own rounding and no more. With and without what the processor has beyond an
/// instruction set.
@Suite struct BFloat16KernelTests {
    struct Choice: Sendable, CustomTestStringConvertible {
        let set: InstructionSet
        let features: ProcessorFeatures
        var kernels: KernelSet { KernelSet(set, features: features) }
        var testDescription: String { features.isEmpty ? "\(set) alone" : "\(set)" }
    }

    static let choices = KernelTests.sets.flatMap { set in
        [ProcessorFeatures.available, []].map { Choice(set: set, features: $0) }
    }

    private static func rounded(_ values: [Float]) -> [Float] { values.map { BFloat16.value(BFloat16.bits($0)) } }

    private static func map(_ channels: Int, _ height: Int, _ width: Int, _ fixture: inout Fixture) -> Reference.Map {
        Reference.Map(
            channels: channels, height: height, width: width,
            values: rounded(fixture.values(channels * height * width)))
    }

    /// A plan's map that holds what a reference map holds.
    private static func identity(_ map: Reference.Map, _ kernels: KernelSet) -> (PlanBuilder, PlanBuilder.Map) {
        let channels = map.channels
        var weights = [Float](repeating: 0, count: channels * channels)
        for channel in 0..<channels { weights[channel * channels + channel] = 1 }
        var builder = PlanBuilder(
            input: .init(channels: channels, height: map.height, width: map.width), border: .none,
            element: .bfloat16, kernels: kernels)
        builder.beginGroup("test")
        let epilogue = Epilogue(
            scale: [Float](repeating: 1, count: channels), shift: [Float](repeating: 0, count: channels))
        let image = builder.imageConvolution(
            "identity", PackedConvolution(weight: weights, outputChannels: channels, rows: channels),
            Window(kernel: 1), .init(epilogue: epilogue, .none))
        return (builder, image)
    }

    /// A result that was rounded once, of sums that were rounded as floats are.
    private static func compare(_ blocked: [Float], _ expected: Reference.Map, largest: Float = 1) {
        let actual = Reference.Map(
            blocked: blocked, channels: expected.channels, height: expected.height, width: expected.width)
        let scale = max(largest, expected.values.map(abs).max() ?? 1)
        for (index, value) in actual.values.enumerated() {
            let reference = expected.values[index]
            guard abs(value - reference) <= abs(reference) / 256 + 2e-5 * scale else {
                Issue.record("value \(index): \(value), expected \(reference)")
                return
            }
        }
    }

    private func check(
        _ expected: Reference.Map, from map: Reference.Map, _ choice: Choice, seed: UInt64,
        _ operation: (inout PlanBuilder, PlanBuilder.Map, PlanBuilder.Finish) -> PlanBuilder.Map
    ) {
        var fixture = Fixture(seed: seed)
        var (builder, image) = Self.identity(map, choice.kernels)
        let finish = fixture.finish(channels: expected.channels, CK_HARD_SWISH)
        let output = operation(&builder, image, finish.value)
        #expect(output.element == (output.shape.pixels == 1 ? output.element : .bfloat16))
        let actual = fixture.run(builder.build(output: output), on: map.values)
        Self.compare(actual, fixture.applying(finish, to: expected, CK_HARD_SWISH))
    }

    @Test(arguments: choices, Array(KernelTests.shapes.indices))
    func pointwiseMatchesDefinition(choice: Choice, shape: Int) {
        let (channels, outputs, side) = KernelTests.shapes[shape]
        for (usedInputs, usedOutputs) in [(channels, outputs), ((channels + 1) / 2, (outputs + 1) / 2)] {
            var fixture = Fixture(seed: UInt64(shape))
            let weights = Self.rounded(fixture.values(outputs * channels))
            let input = Self.map(usedInputs, side, side, &fixture)
            let prefix = (0..<usedOutputs).flatMap { weights[$0 * channels..<$0 * channels + usedInputs] }
            let expected = Reference.convolution(
                input, weights: prefix, outputs: usedOutputs, window: Window(kernel: 1))
            let packed = PackedConvolution(weight: weights, outputChannels: outputs, rows: channels).bfloat16()
            check(expected, from: input, choice, seed: UInt64(shape)) { builder, image, finish in
                builder.pointwise("pointwise", image, packed, channels: usedOutputs, finish)
            }
        }
    }

    /// Rows of the table that differ in nothing but their micro-tile give the same bits.
    @Test(arguments: choices)
    func tilesChangeNoBit(choice: Choice) {
        var fixture = Fixture(seed: 3)
        let input = Self.map(37, 9, 11, &fixture)
        let packed = PackedConvolution(weight: fixture.values(72 * 37), outputChannels: 72, rows: 37).bfloat16()
        let finish = fixture.finish(channels: 72, CK_RELU).value
        let names = KernelTable.rows.filter {
            $0.operation == CK_OP_POINTWISE && $0.element == CK_BFLOAT16 && $0.instruction_set == choice.set.code
                && choice.features.isSuperset(of: ProcessorFeatures(rawValue: $0.features))
        }.map { (String(cString: $0.name), $0.features) }
        let most = names.map(\.1.nonzeroBitCount).max()
        let results = names.filter { $0.1.nonzeroBitCount == most }.map { name, _ in
            var (builder, image) = Self.identity(
                input, KernelSet(choice.set, features: choice.features, pointwise: name))
            let output = builder.pointwise("pointwise", image, packed, channels: 72, finish)
            return fixture.run(builder.build(output: output), on: input.values)
        }

        #expect(!results.isEmpty && results.allSatisfy { $0 == results[0] })
    }

    @Test(arguments: choices, [1, 2, 3, 5, 7])
    func depthwiseMatchesDefinition(choice: Choice, kernel: Int) {
        for (channels, height, width) in [(16, 1, 1), (24, 4, 9), (40, 7, 7), (17, 14, 14), (48, 28, 30), (3, 12, 5)] {
            for stride in 1...3 where height + kernel / 2 * 2 >= kernel {
                var fixture = Fixture(seed: UInt64(kernel * 1000 + channels * 10 + stride))
                let weights = Self.rounded(fixture.values(channels * kernel * kernel))
                let input = Self.map(channels, height, width, &fixture)
                let window = Window(kernel: kernel, stride: stride, padding: kernel / 2)
                let expected = Reference.convolution(
                    input, weights: weights, outputs: channels, window: window, groups: channels)
                let packed = PackedConvolution(weight: weights, outputChannels: channels, rows: kernel * kernel)
                    .bfloat16(run: kernel)
                check(expected, from: input, choice, seed: UInt64(stride)) { builder, image, finish in
                    builder.depthwise("depthwise", image, packed, window, finish)
                }
            }
        }
    }

    @Test(arguments: choices, Array(DenseKernelTests.windows.indices))
    func convolutionMatchesDefinition(choice: Choice, index: Int) {
        let window = DenseKernelTests.windows[index]
        for shape in DenseKernelTests.shapes {
            var fixture = Fixture(seed: UInt64(index * 100 + shape.channels + shape.width))
            let input = Self.map(shape.channels, shape.height, shape.width, &fixture)
            let weights = Self.rounded(fixture.values(shape.outputs * shape.channels * window.taps))
            let expected = Reference.convolution(input, weights: weights, outputs: shape.outputs, window: window)
            var methods = [DenseConvolution.Method.direct]
            if window == Window(kernel: 3, padding: 1) { methods += [.winograd(side: 4), .winograd(side: 2)] }
            for method in methods {
                check(expected, from: input, choice, seed: 1) { builder, map, finish in
                    builder.convolution(
                        "convolution", map,
                        DenseConvolution(
                            weight: weights, inputChannels: shape.channels, outputChannels: shape.outputs,
                            window: window, method: method, element: .bfloat16), finish)
                }
            }
        }
    }

    /// From the image: both the stem of a supernet and any other window.
    @Test(arguments: choices)
    func imageConvolutionsMatchDefinition(choice: Choice) {
        for (window, isStem) in [
            (Window(kernel: 3, stride: 2, padding: 1), true), (Window(kernel: 3, padding: 1), true),
            (Window(kernel: 7, stride: 2, padding: 3), false), (Window(kernel: 2, stride: 4), false),
            (Window(kernel: .init(3, 5), stride: .init(2, 1), border: .init(1)), false),
        ] {
            var fixture = Fixture(seed: 9)
            let image = Self.map(3, 17, 42, &fixture)
            let weights = Self.rounded(fixture.values(37 * 3 * window.taps))
            let expected = Reference.convolution(image, weights: weights, outputs: 37, window: window)
            let finish = fixture.finish(channels: 37, CK_RELU)
            let packed = PackedConvolution(weight: weights, outputChannels: 37, rows: 3 * window.taps)
            var builder = PlanBuilder(
                input: .init(channels: 3, height: 17, width: 42), border: window.border, element: .bfloat16,
                kernels: choice.kernels)
            builder.beginGroup("test")
            let map =
                isStem
                ? builder.stem("stem", packed, stride: window.stride.rows, finish.value)
                : builder.imageConvolution("image", packed, window, finish.value)
            let actual = fixture.run(builder.build(output: map), on: image.values)
            Self.compare(actual, fixture.applying(finish, to: expected, CK_RELU))
        }
    }

    @Test(arguments: choices, [WindowPooling.max, .average(countsBorder: false), .average(countsBorder: true)])
    func poolingMatchesDefinition(choice: Choice, kind: WindowPooling) {
        for window in DenseKernelTests.windows where window.border == .none || window == Window(kernel: 3, padding: 1) {
            var fixture = Fixture(seed: 4)
            let input = Self.map(21, 9, 12, &fixture)
            let expected = Reference.pool(input, kind, window, roundsUp: false)
            var (builder, map) = Self.identity(input, choice.kernels)
            let output = builder.pool("pool", map, kind, window)
            Self.compare(fixture.run(builder.build(output: output), on: input.values), expected)
        }
    }

    /// Means, factors into weights or map, and a sum, as squeeze-and-excite uses them.
    @Test(arguments: choices, [(20, 14), (72, 5), (33, 7)])
    func vectorsBesideMapsMatchDefinition(choice: Choice, size: (outputs: Int, side: Int)) {
        var fixture = Fixture(seed: UInt64(size.outputs))
        let channels = 27, pixels = size.side * size.side
        let input = Self.map(channels, size.side, size.side, &fixture)
        let weights = Self.rounded(fixture.values(size.outputs * channels))
        var scaled = input
        for channel in 0..<channels {
            let values = input.values[channel * pixels..<(channel + 1) * pixels]
            let mean = values.reduce(0, +) / Float(pixels)
            for place in channel * pixels..<(channel + 1) * pixels { scaled.values[place] *= mean }
        }
        let expected = Reference.convolution(scaled, weights: weights, outputs: size.outputs, window: Window(kernel: 1))
        let finish = fixture.finish(channels: size.outputs, CK_NONE)
        let packed = PackedConvolution(weight: weights, outputChannels: size.outputs, rows: channels).bfloat16()
        var (builder, map) = Self.identity(input, choice.kernels)
        let means = builder.pool("means", map)
        #expect(means.element == .float32)
        let output = builder.pointwise("project", map, scaledBy: means, packed, channels: size.outputs, finish.value)
        let actual = fixture.run(builder.build(output: output), on: input.values)
        // The factors' products are rounded too, before they are added up.
        let sum = Float(channels) / 256 * (scaled.values.map(abs).max() ?? 0)
        let finished = fixture.applying(finish, to: expected, CK_NONE)
        let blocked = Reference.Map(
            blocked: actual, channels: size.outputs, height: size.side, width: size.side)
        for (value, reference) in zip(blocked.values, finished.values) {
            #expect(abs(value - reference) <= sum + abs(reference) / 256)
        }
    }

    @Test(arguments: choices, Array(Reference.activations.indices))
    func finishAndSumMatchDefinition(choice: Choice, index: Int) {
        let activation = Reference.activations[index]
        for (hasResidual, activatesSum, isSum) in [
            (false, false, false), (true, false, false), (true, true, false), (true, true, true),
        ] {
            var fixture = Fixture(seed: UInt64(index))
            let input = Self.map(21, 6, 7, &fixture)
            let weights = Self.rounded(fixture.values(21 * 21))
            let finish = fixture.finish(channels: 21, CK_NONE)
            let sums = fixture.applying(
                finish,
                to: Reference.convolution(input, weights: weights, outputs: 21, window: Window(kernel: 1)), CK_NONE)
            var expected = isSum ? input : sums
            for place in sums.values.indices {
                let residual = hasResidual ? input.values[place] : 0
                expected.values[place] =
                    activatesSum
                    ? Reference.activate(expected.values[place] + residual, activation)
                    : Reference.activate(expected.values[place], activation) + residual
            }
            var (builder, map) = Self.identity(input, choice.kernels)
            let packed = PackedConvolution(weight: weights, outputChannels: 21, rows: 21).bfloat16()
            let output =
                isSum
                ? builder.add("add", map, map, activation)
                : builder.pointwise(
                    "pointwise", map, packed, channels: 21,
                    .init(
                        epilogue: finish.value.epilogue, activation, residual: hasResidual ? map : nil,
                        activatesSum: activatesSum))
            let largest = sums.values.map(abs).max() ?? 1
            Self.compare(
                fixture.run(builder.build(output: output), on: input.values), expected, largest: largest)
        }
    }

    @Test func roundingIsToNearestEven() {
        let cases: [(Float, UInt16)] = [
            (1, 0x3f80), (-2, 0xc000), (Float(bitPattern: 0x3f80_8000), 0x3f80),
            (Float(bitPattern: 0x3f81_8000), 0x3f82),
            (Float(bitPattern: 0x3f80_8001), 0x3f81), (.infinity, 0x7f80), (.greatestFiniteMagnitude, 0x7f80),
            (0, 0), (-0.0, 0x8000),
        ]
        for (value, bits) in cases { #expect(BFloat16.bits(value) == bits, "\(value)") }
        #expect(BFloat16.value(BFloat16.bits(.nan)).isNaN)
        #expect(BFloat16.value(BFloat16.bits(Float(bitPattern: 0x7f80_0001))).isNaN)
    }
}
