import Fusion
import Graphs
import Testing

@testable import Engine
@testable import NetworkParts

/// Plans of whole networks against their operators' definitions, by every instruction set of this machine.
@Suite struct NetworkPlannerTests {
    private func check(_ samples: NetworkSamples, _ output: String, input shape: [Int], seed: UInt64) throws {
        let bound = try samples.bound(output, input: shape)
        let network = try FusedNetwork(bound)
        let image = (0..<shape.reduce(1, *)).map { Float(($0 * 7) % 23) / 11 - 1 }
        let values = try GraphEvaluator(bound).run(["x": TensorValue(shape: shape, .float32(image))])
        guard case .float32(let reference)? = values[output]?.elements else {
            throw GraphFailure("the output is no vector of floats")
        }
        let scale = max(1, reference.map(abs).max() ?? 1)
        try checkBFloat16(network, image, reference, scale: scale, seed: seed)
        for set in InstructionSet.allCases where set.isSupported {
            let plan = try network.plan(kernels: KernelSet(set))
            for threads in [1, 2] {
                let session = Session(for: [plan], threads: threads)
                for _ in 0..<2 {
                    let actual = image.withUnsafeBufferPointer { Array(session.run(plan, on: $0)) }
                    try #require(actual.count == reference.count)
                    let error = zip(actual, reference).map { abs($0 - $1) }.max() ?? 0
                    #expect(error <= 1e-4 * scale, "\(set), \(threads) threads, seed \(seed)")
                }
            }
        }
    }

    /// Every map is rounded to 8 bits: what adds up over so few layers stays within a thirtieth of the largest value.
    private func checkBFloat16(
        _ network: FusedNetwork, _ image: [Float], _ reference: [Float], scale: Float, seed: UInt64
    ) throws {
        for set in InstructionSet.allCases where set.isSupported {
            for features in [ProcessorFeatures.available, []] {
                try checkBFloat16(
                    network, KernelSet(set, features: features), image, reference, scale: scale, seed: seed)
            }
        }
    }

    private func checkBFloat16(
        _ network: FusedNetwork, _ kernels: KernelSet, _ image: [Float], _ reference: [Float], scale: Float,
        seed: UInt64
    ) throws {
        let plan = try network.plan(kernels: kernels, precision: .bf16)
        let results = [1, 2].map { threads in
            let session = Session(for: [plan], threads: threads)
            return image.withUnsafeBufferPointer { [Float](session.run(plan, on: $0)) }
        }
        try #require(results[0].count == reference.count)
        let error = zip(results[0], reference).map { abs($0 - $1) }.max() ?? 0
        #expect(
            error <= scale / 30, "bf16 by \(kernels.instructionSet) \(kernels.features), seed \(seed)")
        #expect(
            results[0] == results[1],
            "bf16 on two threads by \(kernels.instructionSet) \(kernels.features), seed \(seed)")
    }

    /// A stem of 7x7, pooling, blocks with and without a convolution beside them, as in ResNet-18.
    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)], [(64, 64), (65, 47)])
    func residualNetworks(seed: UInt64, size: (Int, Int)) throws {
        var s = NetworkSamples(seed: seed)
        var x = s.add("Relu", [s.convolution("x", 3, 24, kernel: 7, stride: 2)])
        x = s.add(
            "MaxPool", [x],
            ["kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1])])
        var inputs = 24
        for (width, first) in [(24, 1), (40, 2)] {
            for stride in [first, 1] {
                var y = s.add("Relu", [s.convolution(x, inputs, width, kernel: 3, stride: stride)])
                y = s.convolution(y, width, width, kernel: 3)
                let skip = stride == 1 && inputs == width ? x : s.convolution(x, inputs, width, stride: stride)
                x = s.add("Relu", [s.add("Add", [y, skip])])
                inputs = width
            }
        }
        x = s.add("Flatten", [s.add("GlobalAveragePool", [x])])
        x = s.add("Gemm", [x, s.random([10, 40]), s.random([10])], ["transB": .int(1)])
        try check(s, x, input: [1, 3, size.0, size.1], seed: seed)
    }

    /// Depthwise convolutions, squeeze-and-excite, h-swish and SiLU, as in MobileNetV3 and EfficientNet.
    @Test(arguments: [UInt64(2), .random(in: 0...UInt64.max)], [24, 33])
    func mobileNetworks(seed: UInt64, side: Int) throws {
        var s = NetworkSamples(seed: seed)
        var x = s.add("HardSwish", [s.convolution("x", 3, 16, kernel: 3, stride: 2)])
        for (kernel, stride, isSqueezing) in [(3, 1, true), (5, 2, false), (7, 1, true)] {
            var y = s.convolution(x, 16, 40)
            y = s.add("Mul", [y, s.add("Sigmoid", [y])])
            y = s.add("Relu", [s.convolution(y, 40, 40, kernel: kernel, stride: stride, groups: 40)])
            if isSqueezing {
                var gate = s.add("Relu", [s.convolution(s.add("GlobalAveragePool", [y]), 40, 8)])
                gate = s.add(
                    "HardSigmoid", [s.convolution(gate, 8, 40)], ["alpha": .float(1.0 / 6), "beta": .float(0.5)])
                y = s.add("Mul", [y, gate])
            }
            y = s.convolution(y, 40, 16)
            x = stride == 1 ? s.add("Add", [x, y]) : y
        }
        let mean = s.add("ReduceMean", [x], ["axes": .ints([2, 3]), "keepdims": .int(1)])
        let mixed = s.add("HardSwish", [s.convolution(mean, 16, 33)])
        let flat = s.add("Flatten", [mixed])
        let output = s.add("MatMul", [flat, s.random([33, 7])])
        try check(s, output, input: [1, 3, side, side], seed: seed)
    }

    /// What does not fit the usual: an image that is read twice, uneven padding, dilation, a vector of a whole map.
    @Test(arguments: [UInt64(3), .random(in: 0...UInt64.max)])
    func unusualNetworks(seed: UInt64) throws {
        var s = NetworkSamples(seed: seed)
        let same = s.convolution("x", 5, 5, kernel: 3)
        var x = s.add("Add", [s.add("Relu", ["x"]), same])
        x = s.add(
            "LeakyRelu", [s.convolution(x, 5, 18, kernel: 3, stride: 2, pads: [0, 0, 1, 1])], ["alpha": .float(0.2)])
        let weights = s.random([18, 18, 3, 3], size: 0.1)
        x = s.add(
            "Conv", [x, weights],
            ["dilations": .ints([2, 2]), "pads": .ints([2, 2, 2, 2]), "kernel_shape": .ints([3, 3])])
        x = s.add("Relu", [s.add("MaxPool", [x], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])])
        x = s.add(
            "AveragePool", [x],
            ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1]), "count_include_pad": .int(1)])
        x = s.add("Gemm", [s.add("Flatten", [x]), s.random([18 * 16, 6], size: 0.1), s.random([6])])
        let output = s.add("Sigmoid", [x])
        try check(s, output, input: [1, 5, 16, 16], seed: seed)
    }

    /// Steps that have kernels of floats alone, between convolutions that have others.
    @Test(arguments: [UInt64(5), .random(in: 0...UInt64.max)], [32, 28])
    func generalNetworks(seed: UInt64, width: Int) throws {
        var s = NetworkSamples(seed: seed)
        s.opset = 20
        let half = width / 2
        var x = s.add("Relu", [s.convolution("x", 3, width, kernel: 3, stride: 2)])
        var parts = s.split(x, into: 2, of: [half, half])
        parts[0] = s.add("Gelu", [s.convolution(parts[0], half, half, kernel: 3, groups: half)])
        parts[1] = s.add("PRelu", [s.convolution(parts[1], half, half, kernel: 3, groups: 2), s.random([half, 1, 1])])
        x = s.shuffled(s.add("Concat", parts + [x], ["axis": .int(1)]), [1, 2 * width, 8, 8], groups: 2)
        let small = s.convolution(x, 2 * width, width, kernel: 3, stride: 2)
        let large = s.add(
            "Resize", [small, "", s.constant([4], [1, 1, 2, 2])],
            ["mode": .string("linear"), "coordinate_transformation_mode": .string("half_pixel")])
        let spread = s.add(
            "ConvTranspose", [small, s.random([width, width, 2, 2], size: 0.1), s.random([width], size: 0.1)],
            ["strides": .ints([2, 2]), "kernel_shape": .ints([2, 2])])
        x = s.layerNormalisation(s.add("Sub", [large, spread]), width)
        x = s.add("Tanh", [s.convolution(x, width, 20)])
        x = s.add("Mul", [x, s.add("Sigmoid", [s.convolution(x, 20, 1)])])
        x = s.add("Max", [s.normalisation(x, 20), s.add("Softmax", [x], ["axis": .int(1)])])
        x = s.add("Flatten", [s.add("GlobalAveragePool", [x])])
        x = s.add("Gemm", [x, s.random([10, 20]), s.random([10])], ["transB": .int(1)])
        try check(s, x, input: [1, 3, 16, 16], seed: seed)
    }

    @Test func scaledMapsThatAreReadAgainAreCopied() throws {
        var s = NetworkSamples(seed: 4)
        let x = s.add("Relu", [s.convolution("x", 3, 16, kernel: 3)])
        let gate = s.add("Sigmoid", [s.convolution(s.add("GlobalAveragePool", [x]), 16, 16)])
        let sum = s.add("Add", [s.add("Mul", [x, gate]), x])
        let output = s.add("GlobalAveragePool", [sum])
        try check(s, output, input: [1, 3, 9, 9], seed: 4)
    }

    /// The image itself is what is added, at the start and behind a step, before and after an activation.
    @Test(arguments: [1, 3, 8, 9, 17], [1, 3])
    func convolutionsOfWhatIsAddedToThem(channels: Int, kernel: Int) throws {
        var s = NetworkSamples(seed: 6)
        let first = s.add("Add", ["x", s.convolution("x", channels, channels, kernel: kernel)])
        try check(s, first, input: [1, channels, 6, 7], seed: 6)
        let second = s.add("Relu", [s.add("Add", [s.convolution(first, channels, channels, kernel: kernel), first])])
        try check(s, second, input: [1, channels, 6, 7], seed: 6)
        var late = NetworkSamples(seed: 7)
        let turned = late.add("Transpose", ["x"], ["perm": .ints([0, 1, 3, 2])])
        let sum = late.add("Add", [turned, late.convolution(turned, channels, channels, kernel: kernel)])
        try HybridCheck.check(late, [sum], input: [1, channels, 6, 7], seed: 7)
    }

    /// A factor per channel that is the map itself, and one whose product is read twice by the convolution after it.
    @Test func mapsScaledByThemselves() throws {
        var s = NetworkSamples(seed: 8)
        let mean = s.add("GlobalAveragePool", [s.convolution("x", 3, 20, kernel: 3)])
        let square = s.add("Mul", [mean, mean])
        var outputs = [s.convolution(square, 20, 12)]
        outputs.append(s.add("Add", [s.convolution(square, 20, 20), square]))
        outputs.append(s.add("Gemm", [s.add("Flatten", [square]), s.random([20, 5])]))
        let x = s.add("Relu", [s.convolution("x", 3, 20, kernel: 3)])
        let gated = s.add("Mul", [x, s.add("Sigmoid", [mean])])
        outputs.append(s.add("Add", [s.convolution(gated, 20, 20), gated]))
        for output in outputs { try check(s, output, input: [1, 3, 6, 6], seed: 8) }
    }

    /// What lies in the lanes beyond an odd number of channels is 0 / 0 after a quotient; pairs of channels read it.
    @Test(arguments: [1, 5, 17])
    func quotientsBeforeConvolutions(channels: Int) throws {
        var s = NetworkSamples(seed: 9)
        let x = s.add("Sigmoid", [s.convolution("x", 3, channels, kernel: 3)])
        let divisor = s.add("Add", [s.add("Relu", [s.convolution("x", 3, channels)]), s.constant([1], [1.5])])
        let output = s.convolution(s.add("Div", [x, divisor]), channels, 6, kernel: 3)
        try check(s, output, input: [1, 3, 8, 8], seed: 9)
    }

    @Test func outputsMayBeMaps() throws {
        var s = NetworkSamples(seed: 5)
        let x = s.convolution("x", 3, 4, kernel: 3)
        try check(s, x, input: [1, 3, 8, 8], seed: 5)
    }
}
