import CKernels
import Engine
import Testing

/// The kernels of ordinary convolutional networks against their definitions, on odd sizes, partial channel blocks and
/// every kind of window.
@Suite struct DenseKernelTests {
    struct Shape: Sendable {
        let channels: Int
        let outputs: Int
        let height: Int
        let width: Int

        init(_ channels: Int, _ outputs: Int, _ height: Int, _ width: Int) {
            self.channels = channels
            self.outputs = outputs
            self.height = height
            self.width = width
        }
    }

    static let shapes = [
        Shape(16, 16, 7, 7), Shape(17, 33, 9, 6), Shape(3, 16, 14, 14), Shape(40, 24, 12, 31), Shape(1, 5, 8, 8),
        Shape(32, 48, 4, 5), Shape(20, 16, 5, 60), Shape(16, 20, 17, 13),
    ]

    static let windows = [
        Window(kernel: 1), Window(kernel: 1, stride: 2), Window(kernel: 3, padding: 1),
        Window(kernel: 3, stride: 2, padding: 1), Window(kernel: 5, padding: 2),
        Window(kernel: 7, stride: 2, padding: 3),
        Window(kernel: .init(3, 3), stride: .init(2, 2), border: .init(top: 0, left: 0, bottom: 1, right: 1)),
        Window(kernel: .init(1, 5), stride: .init(2, 1), border: .init(top: 0, left: 3, bottom: 2, right: 1)),
        Window(kernel: .init(3, 2), stride: .init(1, 3), border: .init(top: 1, left: 0, bottom: 0, right: 1)),
        Window(kernel: .init(3, 3), dilation: .init(2, 1), border: .init(top: 2, left: 1, bottom: 2, right: 1)),
        Window(kernel: .init(2, 2), stride: .init(4, 4)), Window(kernel: 4, padding: 3),
    ]

    /// A plan's map that holds what a reference map holds.
    static func identity(
        _ map: Reference.Map, _ kernels: KernelSet
    ) -> (builder: PlanBuilder, map: PlanBuilder.Map) {
        let channels = map.channels
        var weights = [Float](repeating: 0, count: channels * channels)
        for channel in 0..<channels { weights[channel * channels + channel] = 1 }
        let (ones, zeros) = ([Float](repeating: 1, count: channels), [Float](repeating: 0, count: channels))
        var builder = PlanBuilder(
            input: .init(channels: channels, height: map.height, width: map.width), border: .none, kernels: kernels)
        builder.beginGroup("test")
        let image = builder.imageConvolution(
            "identity", PackedConvolution(weight: weights, outputChannels: channels, rows: channels),
            Window(kernel: 1), .init(epilogue: Epilogue(scale: ones, shift: zeros), .none))
        return (builder, image)
    }

    private static func input(_ shape: Shape, _ fixture: inout Fixture) -> Reference.Map {
        Reference.Map(
            channels: shape.channels, height: shape.height, width: shape.width,
            values: fixture.values(shape.channels * shape.height * shape.width))
    }

    @Test(arguments: KernelTests.sets, Array(windows.indices))
    func convolutionMatchesDefinition(set: InstructionSet, index: Int) {
        let window = Self.windows[index]
        for shape in Self.shapes {
            var fixture = Fixture(seed: UInt64(index * 100 + shape.channels + shape.width))
            let input = Self.input(shape, &fixture)
            let weights = fixture.values(shape.outputs * shape.channels * window.taps)
            let expected = Reference.convolution(input, weights: weights, outputs: shape.outputs, window: window)
            var methods = [DenseConvolution.Method.direct]
            if window == Window(kernel: 3, padding: 1) { methods += [.winograd(side: 4), .winograd(side: 2)] }
            for method in methods {
                Self.check(expected, from: input, shape, set) { builder, map, finish in
                    let filter = DenseConvolution(
                        weight: weights, inputChannels: shape.channels, outputChannels: shape.outputs,
                        window: window, method: method)
                    return builder.convolution("convolution", map, filter, finish)
                }
            }
        }
    }

    @Test(arguments: KernelTests.sets)
    func winogradTakesAnyBorder(set: InstructionSet) {
        for (top, left, bottom, right) in [(0, 0, 0, 0), (2, 0, 1, 3), (0, 1, 2, 0), (5, 5, 5, 5)] {
            let border = Window.Border(top: top, left: left, bottom: bottom, right: right)
            let window = Window(kernel: .init(3, 3), border: border)
            for shape in Self.shapes {
                var fixture = Fixture(seed: UInt64(top * 100 + shape.channels + shape.width))
                let input = Self.input(shape, &fixture)
                let weights = fixture.values(shape.outputs * shape.channels * 9)
                let expected = Reference.convolution(input, weights: weights, outputs: shape.outputs, window: window)
                for side in [2, 4] {
                    let filter = DenseConvolution(
                        weight: weights, inputChannels: shape.channels, outputChannels: shape.outputs, window: window,
                        method: .winograd(side: side))
                    Self.check(expected, from: input, shape, set) { builder, map, finish in
                        builder.convolution("convolution", map, filter, finish)
                    }
                }
            }
        }
    }

    private static func check(
        _ expected: Reference.Map, from input: Reference.Map, _ shape: Shape, _ set: InstructionSet,
        _ operation: (inout PlanBuilder, PlanBuilder.Map, PlanBuilder.Finish) -> PlanBuilder.Map
    ) {
        var fixture = Fixture(seed: UInt64(shape.outputs))
        let random = fixture.finish(channels: expected.channels, CK_NONE)
        var (builder, map) = identity(input, KernelSet(set))
        let output = operation(&builder, map, .init(epilogue: random.value.epilogue, .relu))
        #expect(output.shape == .init(channels: expected.channels, height: expected.height, width: expected.width))
        let actual = fixture.run(builder.build(output: output), on: input.values)
        var finished = fixture.applying(random, to: expected, CK_NONE)
        finished.values = finished.values.map { max($0, 0) }
        fixture.compare(actual, finished)
    }

    /// Both orders of activation and residual, after each kind of convolution.
    @Test(arguments: KernelTests.sets, Array(Reference.activations.indices))
    func finishMatchesDefinition(set: InstructionSet, index: Int) {
        let activation = Reference.activations[index]
        let shape = Shape(20, 37, 9, 10)
        let window = Window(kernel: 3, padding: 1)
        for method in [DenseConvolution.Method.direct, .winograd(side: 4), .winograd(side: 2)] {
            for (hasResidual, activatesSum) in [(false, false), (true, false), (true, true)] {
                var fixture = Fixture(seed: UInt64(index))
                let input = Self.input(shape, &fixture)
                let filters = [0, 1].map { _ in fixture.values(shape.outputs * shape.channels * 9) }
                let random = fixture.finish(channels: shape.outputs, CK_NONE)
                let maps = filters.map {
                    fixture.applying(
                        random,
                        to: Reference.convolution(input, weights: $0, outputs: shape.outputs, window: window),
                        CK_NONE)
                }
                var expected = maps[0]
                for value in expected.values.indices {
                    let residual = hasResidual ? maps[1].values[value] : 0
                    let sum = maps[0].values[value]
                    expected.values[value] =
                        activatesSum
                        ? Reference.activate(sum + residual, activation)
                        : Reference.activate(sum, activation) + residual
                }
                var (builder, map) = Self.identity(input, KernelSet(set))
                let packed = filters.map {
                    DenseConvolution(
                        weight: $0, inputChannels: shape.channels, outputChannels: shape.outputs, window: window,
                        method: method)
                }
                let residual = builder.convolution(
                    "residual", map, packed[1], .init(epilogue: random.value.epilogue, .none))
                let output = builder.convolution(
                    "convolution", map, packed[0],
                    .init(
                        epilogue: random.value.epilogue, activation, residual: hasResidual ? residual : nil,
                        activatesSum: activatesSum))
                let plan = builder.build(output: output)
                let largest = maps.flatMap(\.values).map(abs).max() ?? 1
                fixture.compare(fixture.run(plan, on: input.values), expected, largest: largest)
            }
        }
    }

    @Test(arguments: KernelTests.sets, Array(windows.indices))
    func imageConvolutionMatchesDefinition(set: InstructionSet, index: Int) {
        let window = Self.windows[index]
        for shape in [Shape(3, 24, 17, 19), Shape(1, 16, 8, 66), Shape(3, 40, 32, 30)] {
            var fixture = Fixture(seed: UInt64(index * 100 + shape.width))
            let image = Self.input(shape, &fixture)
            let weights = fixture.values(shape.outputs * shape.channels * window.taps)
            var expected = Reference.convolution(image, weights: weights, outputs: shape.outputs, window: window)
            let random = fixture.finish(channels: shape.outputs, CK_NONE)
            expected = fixture.applying(random, to: expected, CK_RELU)
            var builder = PlanBuilder(
                input: .init(channels: shape.channels, height: shape.height, width: shape.width),
                border: window.border, kernels: KernelSet(set))
            builder.beginGroup("test")
            let packed = PackedConvolution(
                weight: weights, outputChannels: shape.outputs, rows: shape.channels * window.taps)
            let map = builder.imageConvolution("stem", packed, window, .init(epilogue: random.value.epilogue, .relu))
            fixture.compare(fixture.run(builder.build(output: map), on: image.values), expected)
        }
    }

    @Test(arguments: KernelTests.sets)
    func depthwiseTakesAnyBorderAndStride(set: InstructionSet) {
        let border = Window.Border(top: 0, left: 0, bottom: 1, right: 1)
        for (kernel, stride, border) in [
            (3, 2, border), (5, 2, .init(top: 1, left: 1, bottom: 2, right: 2)), (3, 3, .none), (7, 1, border),
            (2, 1, .init(top: 1, left: 0, bottom: 0, right: 1)), (3, 1, .none), (11, 4, Window.Border(2)),
        ] {
            let window = Window(kernel: .init(kernel, kernel), stride: .init(stride, stride), border: border)
            for shape in [Shape(17, 17, 14, 14), Shape(40, 40, 9, 21), Shape(16, 16, 28, 28)] {
                var fixture = Fixture(seed: UInt64(kernel * 100 + shape.width))
                let input = Self.input(shape, &fixture)
                let weights = fixture.values(shape.channels * window.taps)
                let expected = Reference.convolution(
                    input, weights: weights, outputs: shape.channels, window: window, groups: shape.channels)
                let packed = PackedConvolution(weight: weights, outputChannels: shape.channels, rows: window.taps)
                Self.check(expected, from: input, shape, set) { builder, map, finish in
                    builder.depthwise("depthwise", map, packed, window, finish)
                }
            }
        }
    }

    @Test(arguments: KernelTests.sets, [false, true])
    func windowPoolMatchesDefinition(set: InstructionSet, roundsUp: Bool) {
        let windows = [
            Window(kernel: 2, stride: 2), Window(kernel: 3, stride: 2, padding: 1), Window(kernel: 3, padding: 1),
            Window(kernel: 5, stride: 3, padding: 2),
            Window(kernel: .init(3, 2), stride: .init(2, 1), border: .init(top: 0, left: 1, bottom: 2, right: 0)),
        ]
        for (index, window) in windows.enumerated() {
            for kind in [WindowPooling.max, .average(countsBorder: false), .average(countsBorder: true)] {
                for shape in Self.shapes {
                    var fixture = Fixture(seed: UInt64(index * 100 + shape.width))
                    let input = Self.input(shape, &fixture)
                    let expected = Reference.pool(input, kind, window, roundsUp: roundsUp)
                    var (builder, map) = Self.identity(input, KernelSet(set))
                    let output = builder.pool("pool", map, kind, window, roundsUp: roundsUp)
                    #expect(output.shape.height == expected.height && output.shape.width == expected.width)
                    fixture.compare(fixture.run(builder.build(output: output), on: input.values), expected)
                }
            }
        }
    }

    @Test(arguments: KernelTests.sets, Array(Reference.activations.indices))
    func addAndActivationMatchDefinition(set: InstructionSet, index: Int) {
        let activation = Reference.activations[index]
        var fixture = Fixture(seed: UInt64(index))
        // Far out too, where an exponential overflows.
        var input = Self.input(Shape(19, 0, 9, 7), &fixture)
        for (place, factor) in [(3, 1e4), (4, 200), (5, 90), (6, 20), (7, -20), (8, -90), (9, -200)] {
            input.values[place] = Float(factor)
        }
        for isSum in [false, true] {
            var expected = input
            expected.values = input.values.map { Reference.activate(isSum ? $0 + $0 : $0, activation) }
            if activation == .sigmoid || activation == .silu {
                for place in 3...9 { expected.values[place] = Self.far(input.values[place], activation, isSum) }
            }
            var (builder, map) = Self.identity(input, KernelSet(set))
            let output =
                isSum
                ? builder.add("add", map, map, activation) : builder.activation("activation", map, activation)
            let actual = fixture.run(builder.build(output: output), on: input.values)
            let blocked = Reference.Map(blocked: actual, channels: 19, height: 9, width: 7)
            for (value, reference) in zip(blocked.values, expected.values) {
                #expect(abs(value - reference) <= 1e-6 * max(1, abs(reference)))
            }
        }
    }

    /// Where the sigmoid is 0 or 1 to within a float's precision.
    private static func far(_ x: Float, _ activation: Activation, _ isSum: Bool) -> Float {
        let value: Float = isSum ? x + x : x
        if activation == .sigmoid { return value > 0 ? 1 : 0 }
        return max(value, 0)
    }
}
