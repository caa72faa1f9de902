import Fusion
import Graphs
import Testing

@testable import Engine
@testable import NetworkParts

/// Networks in 8 bits by kernels of bytes, against their graphs' definition.
///
/// Both round to the same integers, except where a value lies within the rounding errors of floats halfway between two;
/// such a difference of one unit goes through the layers that follow.
@Suite struct QuantizedNetworkTests {
    /// Adds the nodes of QDQ networks; every value is about -1 to 1.
    struct Writer {
        var s: NetworkSamples
        var unit: Float = 1.0 / 100

        mutating func parameters(_ scale: Float, _ zero: Int, _ isSigned: Bool) -> [String] {
            [
                s.constant(TensorValue(shape: [], .float32([scale]))),
                s.constant(TensorValue(shape: [], isSigned ? .int8([Int8(zero - 128)]) : .uint8([UInt8(zero)]))),
            ]
        }

        mutating func rounded(_ x: String, zero: Int = 128, isSigned: Bool = false, by scale: Float? = nil) -> String {
            let parameters = parameters(scale ?? unit, zero, isSigned)
            return s.add("DequantizeLinear", [s.add("QuantizeLinear", [x] + parameters)] + parameters)
        }

        mutating func convolution(
            _ x: String, _ inputs: Int, _ outputs: Int, kernel: Int = 1, stride: Int = 1, groups: Int = 1
        ) -> String {
            let count = outputs * inputs / groups * kernel * kernel
            let size = 1.7 / Float(inputs / groups * kernel * kernel).squareRoot()
            let weights = s.numbers(count).map { Int8(($0 * 127).rounded()) }
            let scales = s.numbers(outputs).map { size / 127 * (1 + $0 / 2) }
            let weight = s.add(
                "DequantizeLinear",
                [
                    s.constant(TensorValue(shape: [outputs, inputs / groups, kernel, kernel], .int8(weights))),
                    s.constant(TensorValue(shape: [outputs], .float32(scales))),
                    s.constant(TensorValue(shape: [outputs], .int8([Int8](repeating: 0, count: outputs)))),
                ], ["axis": .int(0)])
            let side = (kernel - 1) / 2
            return s.add(
                "Conv", [x, weight, s.random([outputs], size: 0.2)],
                [
                    "strides": .ints([stride, stride]), "pads": .ints([side, side, side, side]),
                    "group": .int(groups), "kernel_shape": .ints([kernel, kernel]),
                ])
        }
    }

    /// - Parameter tolerance: of the largest output; 0 means that nothing follows the last rounding but what is exact.
    private func check(
        _ writer: Writer, _ output: String, input shape: [Int], seed: UInt64, tolerance: Float, kinds: Set<String>
    ) throws {
        let bound = try writer.s.bound(output, input: shape)
        let image = (0..<shape.reduce(1, *)).map { Float(($0 * 7) % 23) / 11 - 1 }
        let values = try GraphEvaluator(bound).run(["x": TensorValue(shape: shape, .float32(image))])
        guard case .float32(let reference)? = values[output]?.elements else {
            throw GraphFailure("the output is no vector of floats")
        }
        let scale = reference.map(abs).max() ?? 1
        try #require(scale > 0)
        for set in InstructionSet.allCases where set.isSupported {
            for features in [ProcessorFeatures.available, []] {
                let plan = try FusedNetwork(bound).plan(kernels: KernelSet(set, features: features))
                let used = Set(plan.operations.map { String(describing: $0.kind) })
                #expect(used.isSuperset(of: kinds), "\(kinds.subtracting(used)) is not used")
                for threads in [1, 2] {
                    let session = Session(for: [plan], threads: threads)
                    for _ in 0..<2 {
                        let actual = image.withUnsafeBufferPointer { Array(session.run(plan, on: $0)) }
                        try #require(actual.count == reference.count)
                        let error = zip(actual, reference).map { abs($0 - $1) }.max() ?? 0
                        #expect(
                            error <= tolerance * scale,
                            "\(set), \(threads) threads, \(error) of \(scale), seed \(seed)")
                    }
                }
            }
        }
    }

    /// What is added to a convolution is the rounded image that it reads.
    @Test(arguments: [1, 3, 4, 5])
    func convolutionsOfWhatIsAddedToThem(channels: Int) throws {
        var w = Writer(s: NetworkSamples(seed: 11))
        let x = w.rounded("x")
        let output = w.rounded(w.s.add("Add", [x, w.convolution(x, channels, channels, kernel: 3)]))
        try check(
            w, output, input: [1, channels, 9, 8], seed: 11, tolerance: 0.02, kinds: ["quantizedConvolution"])
    }

    /// Integers that the caller or an operator without a kernel reads: what makes them runs by its definition, the
    /// rest by kernels.
    @Test(arguments: ["output", "Concat", "scale"])
    func integersThatAreReadAsSuch(reader: String) throws {
        var w = Writer(s: NetworkSamples(seed: 12))
        let x = w.rounded(w.s.add("Relu", [w.convolution(w.rounded("x"), 3, 16, kernel: 3)]), zero: 0)
        let y = w.s.add("Relu", [w.convolution(x, 16, 16, kernel: 3)])
        let parameters = w.parameters(w.unit, 0, false)
        let integers = w.s.add("QuantizeLinear", [y] + parameters)
        var outputs = [integers]
        if reader == "Concat" {
            let joined = w.s.add("Concat", [integers, integers], ["axis": .int(1)])
            outputs = [w.convolution(w.s.add("DequantizeLinear", [joined] + parameters), 32, 8)]
        } else if reader == "scale" {
            outputs = [w.convolution(w.s.add("DequantizeLinear", [integers] + w.parameters(0.5, 3, false)), 16, 8)]
        }
        let evaluated = try HybridCheck.check(w.s, outputs, input: [1, 3, 9, 8], seed: 12)
        #expect(!evaluated.contains("Conv") && evaluated.contains("QuantizeLinear"), "\(evaluated)")
    }

    /// Stem, pooling, blocks with sums of bytes, and a matrix.
    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)], [false, true])
    func residualNetworks(seed: UInt64, isSigned: Bool) throws {
        var w = Writer(s: NetworkSamples(seed: seed))
        var x = w.rounded("x", isSigned: isSigned)
        x = w.rounded(w.s.add("Relu", [w.convolution(x, 3, 24, kernel: 7, stride: 2)]), zero: 0, isSigned: isSigned)
        x = w.s.add(
            "MaxPool", [x], ["kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1])])
        x = w.rounded(x, zero: 0, isSigned: isSigned, by: 1.0 / 90)
        for stride in [1, 2] {
            var y = w.rounded(w.s.add("Relu", [w.convolution(x, 24, 24, kernel: 3, stride: stride)]), zero: 0)
            y = w.rounded(w.convolution(y, 24, 24, kernel: 3), zero: 120)
            let skip = stride == 1 ? x : w.rounded(w.convolution(x, 24, 24, stride: 2), zero: 130)
            x = w.rounded(w.s.add("Relu", [w.s.add("Add", [y, skip])]), zero: 0, by: 1.0 / 70)
        }
        x = w.rounded(w.s.add("GlobalAveragePool", [x]), zero: 0, isSigned: isSigned)
        let output = w.rounded(w.convolution(x, 24, 10), by: 1.0 / 50)
        try check(
            w, output, input: [1, 3, 49, 41], seed: seed, tolerance: 0.08,
            kinds: ["quantizedImage", "quantizedConvolution", "quantizedPool", "quantizedLookup", "quantizedAdd"])
    }

    /// Depthwise convolutions, squeeze-and-excite, and h-swish and SiLU with their parts rounded one by one.
    @Test(arguments: [UInt64(2), .random(in: 0...UInt64.max)])
    func mobileNetworks(seed: UInt64) throws {
        var w = Writer(s: NetworkSamples(seed: seed))
        func swish(_ x: String) -> String {
            let gate = w.s.add("HardSigmoid", [x], ["alpha": .float(1.0 / 6), "beta": .float(0.5)])
            return w.rounded(w.s.add("Mul", [x, w.rounded(gate, zero: 0, by: 1.0 / 255)]), zero: 40)
        }
        var x = swish(w.rounded(w.convolution(w.rounded("x"), 3, 16, kernel: 3, stride: 2)))
        for (kernel, stride, isSqueezing) in [(3, 1, true), (5, 2, false), (7, 1, true)] {
            var y = w.rounded(w.convolution(x, 16, 40))
            y = w.rounded(w.s.add("HardSwish", [y]), zero: 40)
            y = w.rounded(
                w.s.add("Relu", [w.convolution(y, 40, 40, kernel: kernel, stride: stride, groups: 40)]), zero: 0)
            if isSqueezing {
                var gate = w.rounded(w.s.add("GlobalAveragePool", [y]), zero: 0)
                gate = w.rounded(w.s.add("Relu", [w.convolution(gate, 40, 8)]), zero: 0)
                gate = w.rounded(w.convolution(gate, 8, 40))
                gate = w.rounded(w.s.add("Sigmoid", [gate]), zero: 0, by: 1.0 / 255)
                y = w.rounded(w.s.add("Mul", [y, gate]), zero: 0)
            }
            y = w.rounded(w.convolution(y, 40, 16))
            x = stride == 1 ? w.rounded(w.s.add("Add", [x, y]), by: 1.0 / 60) : y
        }
        let output = w.rounded(w.convolution(w.rounded(w.s.add("GlobalAveragePool", [x])), 16, 7))
        try check(
            w, output, input: [1, 3, 33, 33], seed: seed, tolerance: 0.1,
            kinds: ["quantizedDepthwise", "quantizedScale", "quantizedConvolution"])
    }

    /// Some steps real, some rounded, activations between that no byte kernel takes over, an image that is read twice.
    @Test(arguments: [UInt64(3), .random(in: 0...UInt64.max)])
    func mixedNetworks(seed: UInt64) throws {
        var w = Writer(s: NetworkSamples(seed: seed))
        let real = w.s.add("Relu", [w.s.convolution("x", 5, 18, kernel: 3)])
        let rounded = w.convolution(w.rounded("x"), 5, 18, kernel: 3)
        var x = w.s.add("Add", [real, w.rounded(rounded)])
        x = w.rounded(x, zero: 60, by: 1.0 / 50)
        x = w.rounded(w.s.add("HardSwish", [w.convolution(x, 18, 18, kernel: 3)]), zero: 60)
        x = w.s.add("MaxPool", [x], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
        x = w.s.add("Sigmoid", [w.convolution(w.rounded(x, zero: 20), 18, 20)])
        x = w.rounded(w.s.convolution(x, 20, 20, kernel: 3))
        x = w.s.add(
            "AveragePool", [x],
            ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1]), "count_include_pad": .int(1)])
        let output = w.s.convolution(w.s.add("GlobalAveragePool", [x]), 20, 6)
        try check(
            w, output, input: [1, 5, 16, 16], seed: seed, tolerance: 0.03,
            kinds: ["quantize", "quantizedConvolution", "convolution"])
    }

    /// Steps that have kernels of floats alone, between bytes.
    @Test(arguments: [UInt64(5), .random(in: 0...UInt64.max)], [false, true])
    func generalNetworks(seed: UInt64, isSigned: Bool) throws {
        var w = Writer(s: NetworkSamples(seed: seed))
        w.s.opset = 20
        func rounded(_ x: String, by scale: Float = 1.0 / 80) -> String { w.rounded(x, isSigned: isSigned, by: scale) }
        var x = rounded(w.s.add("Relu", [w.convolution(rounded("x"), 3, 32, kernel: 3, stride: 2)]))
        let parts = w.s.split(x, into: 2, of: [16, 16])
        let first = rounded(w.s.add("Gelu", [w.convolution(rounded(parts[0]), 16, 16, kernel: 3, groups: 16)]))
        let slopes = w.s.random([16, 1, 1])
        let second = rounded(w.s.add("PRelu", [w.convolution(parts[1], 16, 16, kernel: 3, groups: 2), slopes]))
        x = rounded(w.s.add("Concat", [first, second, x], ["axis": .int(1)]))
        x = rounded(w.s.shuffled(x, [1, 64, 8, 8], groups: 2))
        let small = rounded(w.convolution(x, 64, 32, kernel: 3, stride: 2))
        let large = rounded(
            w.s.add(
                "Resize", [small, "", w.s.constant([4], [1, 1, 2, 2])],
                ["mode": .string("linear"), "coordinate_transformation_mode": .string("half_pixel")]))
        let phases = rounded(w.convolution(small, 32, 80))
        let spread = rounded(w.s.add("DepthToSpace", [phases], ["blocksize": .int(2), "mode": .string("DCR")]))
        x = rounded(w.s.layerNormalisation(w.s.add("Concat", [large, spread], ["axis": .int(1)]), 52))
        x = rounded(w.s.add("Tanh", [w.convolution(x, 52, 20)]))
        let gate = rounded(w.s.add("Sigmoid", [w.convolution(x, 20, 1)]))
        x = rounded(w.s.add("Mul", [x, gate]))
        x = rounded(w.s.add("Max", [x, rounded(w.s.add("Softmax", [x], ["axis": .int(1)]), by: 1.0 / 127)]))
        x = rounded(w.s.add("GlobalAveragePool", [x]))
        let output = w.convolution(x, 20, 10)
        try check(
            w, output, input: [1, 3, 16, 16], seed: seed, tolerance: 0.1,
            kinds: ["quantizedConvolution", "quantizedDepthwise", "gather", "resample", "interleave", "layerNorm"])
    }

    @Test func whatNothingReadsIsNotComputed() throws {
        var w = Writer(s: NetworkSamples(seed: 4))
        let x = w.rounded("x")
        let gate = w.rounded(w.s.add("Sigmoid", [w.rounded(w.convolution(x, 3, 8))]), zero: 0)
        let output = w.s.add("GlobalAveragePool", [gate])
        let network = try FusedNetwork(w.s.bound(output, input: [1, 3, 8, 8]))
        let unread = FusedStep(
            name: "unread", work: .nothing, inputs: [network.steps[0].output], output: "unread",
            shape: network.steps[0].shape)
        let longer = FusedNetwork(
            input: network.input, inputShape: network.inputShape, steps: network.steps + [unread],
            output: network.output, outputType: network.outputType)
        #expect(longer.separated() == network.separated())
    }
}
