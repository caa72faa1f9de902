import Testing

@testable import Graphs

/// Networks between QuantizeLinear and DequantizeLinear, fused and by their operators' definitions.
@Suite struct QuantizedFusionTests {
    /// What ONNX Runtime's static quantisation writes: weights per channel, unsigned maps, biases of 32 bits.
    @Test func roundingBecomesPartOfTheStepBeforeIt() throws {
        let b = GraphBuilder(seed: 11)
        var x = b.rounded("x", 2.0 / 255, zero: 128)
        x = b.rounded(b.add("Relu", [b.quantizedConvolution(x, 3, 8, kernel: 3, stride: 2)]), 0.05)
        x = b.rounded(b.add("MaxPool", [x], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]), 0.05)
        var y = b.rounded(b.add("Relu", [b.quantizedConvolution(x, 8, 8, kernel: 3, groups: 8)]), 0.02)
        y = b.rounded(b.quantizedConvolution(y, 8, 8), 0.04, zero: 120)
        x = b.rounded(b.add("Relu", [b.add("Add", [y, x])]), 0.06)
        y = b.quantizedConvolution(x, 8, 8, kernel: 3)
        x = b.rounded(b.add("Add", [x, y]), 0.1, zero: 100)
        x = b.rounded(b.add("GlobalAveragePool", [x]), 0.05, zero: 100)
        x = b.rounded(b.add("Flatten", [x]), 0.05, zero: 100)
        x = b.add("Gemm", [x, b.weights([10, 8]), b.random([10])], ["transB": .int(1)])
        let steps = try GraphBuilder.check(b, b.rounded(x, 0.01, zero: 128), input: [1, 3, 17, 17])

        #expect(steps.map(\.isRounded) == [Bool](repeating: true, count: 9) + [false])
        #expect(steps.count { $0.integers != nil } == 5)
        #expect(steps.filter { $0.finish.residual != nil }.map(\.finish.residual?.isActivated) == [false])
        #expect(steps[0].work == .nothing && steps[9].work == .nothing)
        #expect(steps[0].outputQuantization == Quantization(scale: 2.0 / 255, zeroPoint: 128, isSigned: false))
    }

    /// Around every operator, signed and symmetric, as exporters of PyTorch write it.
    @Test func activationsBetweenRoundingsAreClippedOrLookedUp() throws {
        let b = GraphBuilder(seed: 12)
        var x = b.rounded("x", 1.0 / 127, signed: true)
        x = b.rounded(b.quantizedConvolution(x, 2, 16, kernel: 3), 0.03, signed: true)
        x = b.rounded(b.add("Relu", [x]), 0.03, signed: true)
        x = b.rounded(b.quantizedConvolution(x, 16, 24), 0.05, signed: true)
        x = b.rounded(b.add("HardSwish", [x]), 0.04, signed: true)
        x = b.rounded(b.quantizedConvolution(x, 24, 24, kernel: 5, groups: 24), 0.05, signed: true)
        x = b.rounded(
            b.add("Mul", [x, b.rounded(b.add("Sigmoid", [x]), 1.0 / 127, signed: true)]), 0.05, signed: true)
        var gate = b.rounded(b.add("GlobalAveragePool", [x]), 0.02, signed: true)
        gate = b.rounded(b.quantizedConvolution(gate, 24, 24), 0.02, signed: true)
        gate = b.add("HardSigmoid", [gate], ["alpha": .float(1.0 / 6), "beta": .float(0.5)])
        x = b.rounded(b.add("Mul", [x, b.rounded(gate, 1.0 / 255)]), 0.05, signed: true)
        let steps = try GraphBuilder.check(b, x, input: [1, 2, 9, 7])

        #expect(steps[1].finish.activation == .relu && steps[1].integers != nil)
        let swish = try #require(steps.first { $0.finish.activation == .hardSwish })
        let input = Quantization(scale: 0.05, zeroPoint: 0, isSigned: true)
        #expect(swish.work == .nothing && swish.table(of: input)?.count == 256)
        // -3 and less become zero; 127 stands for 6.35, which is 127 at 0.05 and more than 127 at 0.04.
        #expect(swish.table(of: input)?.prefix(69) == ArraySlice(repeating: 0, count: 69))
        #expect(swish.table(of: input)?.last == 127)
        #expect(steps.count { if case .lookup = $0.work { true } else { false } } == 1)
        #expect(steps.count { $0.work == .scaling } == 1)
        #expect(!steps.contains { $0.finish.activation == .sigmoid }, "nothing reads it any more")
    }

    @Test func samplesAndViewsGoThroughRoundings() throws {
        let b = GraphBuilder(seed: 13)
        let x = b.rounded(b.add("Relu", [b.quantizedConvolution(b.rounded("x", 0.01, zero: 100), 3, 4)]), 0.01)
        let y = b.rounded(b.quantizedConvolution(x, 4, 8, kernel: 3, stride: 2, signed: false), 0.05, zero: 128)
        var s = x
        for axis in [2, 3] {
            s = b.add(
                "Slice",
                [
                    s, b.constant(TensorValue(integers: [0])), b.constant(TensorValue(integers: [.max])),
                    b.constant(TensorValue(integers: [axis])), b.constant(TensorValue(integers: [2])),
                ])
            s = b.rounded(s, 0.01)
        }
        s = b.rounded(b.add("Pad", [s, b.constant(TensorValue(integers: [0, 2, 0, 0, 0, 2, 0, 0]))]), 0.01)
        let sum = b.rounded(b.add("Relu", [b.add("Add", [y, s])]), 0.05)
        let flat = b.rounded(b.add("Flatten", [sum]), 0.05)
        let product = b.add("MatMul", [flat, b.weights([8 * 9, 5], axis: 1)])
        let steps = try GraphBuilder.check(b, product, input: [1, 3, 6, 5])

        #expect(steps.map(\.isRounded) == [true, true, true, true, true, false])
        #expect(steps.filter { $0.integers != nil }.count == 4, "unsigned weights around 128 are signed ones around 0")
        #expect(steps.last?.integers?.scales.count == 5)
    }

    /// Pooling and views of the integers themselves, and a real value that is read beside its rounding.
    @Test func integersAreReadAsTheyAre() throws {
        let b = GraphBuilder(seed: 14)
        let real = b.quantizedConvolution(b.rounded("x", 0.01, zero: 100), 3, 6)
        let parameters = b.parameters(0.02, 99, false)
        let integers = b.add("QuantizeLinear", [real] + parameters)
        let pooled = b.add("MaxPool", [integers], ["kernel_shape": .ints([4, 5])])
        let flat = b.add("Flatten", [pooled])
        let a = b.add("DequantizeLinear", [flat] + parameters)
        let c = b.add("Flatten", [b.add("GlobalAveragePool", [real])])
        let steps = try GraphBuilder.check(b, b.add("Add", [a, c]), input: [1, 3, 4, 5])
        #expect(steps.map(\.isRounded) == [true, false, true, true, false, false])
    }

    /// Weights that an exporter rounds in the graph; scales along the wrong axis stay real weights.
    @Test func weightsAreIntegersWhereTheyFit() throws {
        let b = GraphBuilder(seed: 15)
        let scales = [b.random([4], in: 0.01...0.02), b.constant(TensorValue(shape: [4], .int8([0, 0, 0, 0])))]
        let integers = b.add("QuantizeLinear", [b.random([4, 3, 1, 1])] + scales, ["axis": .int(0)])
        let weights = b.add("DequantizeLinear", [integers] + scales, ["axis": .int(0)])
        var x = b.add("Conv", [b.rounded("x", 0.01, zero: 128), weights])
        x = b.add("Conv", [b.rounded(x, 0.02, zero: 128), b.weights([5, 4, 1, 1], axis: 1)])
        let steps = try GraphBuilder.check(b, x, input: [1, 3, 2, 3])
        #expect(steps.map { $0.integers != nil } == [false, true, false])
        let first = try #require(steps[1].convolution)
        #expect(first.integers?.reals == first.weights)
    }

    @Test func otherRoundingsAreRefusedByName() throws {
        let other = GraphBuilder(seed: 16)
        let integers = other.add("QuantizeLinear", ["x"] + other.parameters(0.1, 0, false))
        let read = other.add("DequantizeLinear", [integers] + other.parameters(0.2, 0, false))
        #expect(throws: GraphFailure("reads 8 bits by another scale").at(other.nodes[1])) {
            try FusedNetwork(other.bound(read, input: [1, 2, 4, 4]))
        }
        let wide = GraphBuilder(seed: 17)
        let parameters = [
            wide.constant(GraphSamples.floats([], [0.1])), wide.constant(TensorValue(shape: [], .int16([0]))),
        ]
        let rounded = wide.add("DequantizeLinear", [wide.add("QuantizeLinear", ["x"] + parameters)] + parameters)
        #expect(throws: GraphFailure("does not round a whole map to 8 bits by constants").at(wide.nodes[0])) {
            try FusedNetwork(wide.bound(rounded, input: [1, 2, 4, 4]))
        }
        let open = GraphBuilder(seed: 18)
        let last = open.add("QuantizeLinear", [open.convolution("x", 2, 2)] + open.parameters(0.1, 0, false))
        #expect(throws: GraphFailure("the output is not of 32-bit floats")) {
            try FusedNetwork(open.bound(last, input: [1, 2, 4, 4]))
        }
    }

    @Test func quantizationRoundsAsTheOperatorsDo() throws {
        for quantization in [
            Quantization(scale: 0.5, zeroPoint: 3, isSigned: false),
            Quantization(scale: 0.1, zeroPoint: -7, isSigned: true),
        ] {
            let values: [Float] = [0, 0.25, -0.25, 0.75, 1.25, 1e9, -1e9, .infinity, -.infinity, 3.05, -0.05, 0.15]
            let zero = quantization.zeroPoint
            let parameters = [
                TensorValue(shape: [], .float32([quantization.scale])),
                TensorValue(shape: [], quantization.isSigned ? .int8([Int8(zero)]) : .uint8([UInt8(zero)])),
            ]
            let integers = try GraphSamples.run(
                "QuantizeLinear", [GraphSamples.floats([values.count], values)] + parameters)[0]
            #expect(integers.elements.integers.map(Int.init) == values.map(quantization.integer))
            let reals = try GraphSamples.run("DequantizeLinear", [integers] + parameters)[0]
            #expect(reals.elements == .float32(values.map(quantization.rounded)))
        }
        #expect(Quantization(scale: 1, zeroPoint: 5, isSigned: false).integer(of: .nan) == 0)
    }
}

extension FusedStep {
    fileprivate var isRounded: Bool { outputQuantization != nil }

    fileprivate var convolution: FusedConvolution? {
        if case .convolution(let convolution) = work { convolution } else { nil }
    }

    fileprivate var integers: QuantizedWeights? { convolution?.integers }
}
