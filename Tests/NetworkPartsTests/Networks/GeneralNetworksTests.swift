import Fusion
import Graphs
import Testing

@testable import Engine
@testable import NetworkParts

/// Small versions of well-known networks against their operators' definitions.
@Suite struct GeneralNetworksTests {
    private static let seeds: [UInt64] = [1, .random(in: 0...UInt64.max)]

    private func pool(_ s: inout NetworkSamples, _ x: String, _ kernel: Int = 3, stride: Int = 2) -> String {
        let side = stride == 1 ? kernel / 2 : (kernel - 1) / 2
        return s.add(
            "MaxPool", [x],
            [
                "kernel_shape": .ints([kernel, kernel]), "strides": .ints([stride, stride]),
                "pads": .ints([side, side, side, side]),
            ])
    }

    private func relu(
        _ s: inout NetworkSamples, _ x: String, _ inputs: Int, _ outputs: Int, kernel: Int = 1, stride: Int = 1,
        groups: Int = 1
    ) -> String {
        let y = s.convolution(x, inputs, outputs, kernel: kernel, stride: stride, groups: groups)
        return s.add("Relu", [s.normalisation(y, outputs)])
    }

    private func classify(_ s: inout NetworkSamples, _ x: String, _ channels: Int) -> String {
        let flat = s.add("Flatten", [s.add("GlobalAveragePool", [x])])
        return s.add("Gemm", [flat, s.random([10, channels], size: 0.3), s.random([10])], ["transB": .int(1)])
    }

    /// As exporters of TensorFlow write it: pixels with their channels, flattened for a dense layer.
    @Test(arguments: seeds, [false, true])
    func flattenedWithChannelsLast(seed: UInt64, isTransposed: Bool) throws {
        var s = NetworkSamples(seed: seed)
        let x = s.add("Relu", [s.convolution("x", 3, 20, kernel: 3, stride: 2)])
        let turned = s.add("Transpose", [x], ["perm": .ints([0, 2, 3, 1])])
        let flat = s.add("Reshape", [turned, s.constant([1, -1])])
        let size = 20 * 5 * 4
        let output: String
        if isTransposed {
            output = s.add("Gemm", [flat, s.random([7, size], size: 0.1), s.random([7])], ["transB": .int(1)])
        } else {
            output = s.add("MatMul", [flat, s.random([size, 7], size: 0.1)])
        }
        #expect(try HybridCheck.check(s, [output], input: [1, 3, 9, 8], seed: seed).isEmpty)
    }

    /// Layer normalisation in parts, as PyTorch writes it before opset 17.
    @Test(arguments: seeds)
    func layerNormalisationInParts(seed: UInt64) throws {
        var s = NetworkSamples(seed: seed)
        s.opset = 13
        let x = s.convolution("x", 3, 24, kernel: 3)
        let turned = s.add("Transpose", [x], ["perm": .ints([0, 2, 3, 1])])
        let axes: [String: Attribute] = ["axes": .ints([-1])]
        let difference = s.add("Sub", [turned, s.add("ReduceMean", [turned], axes)])
        let variance = s.add("ReduceMean", [s.add("Pow", [difference, s.constant([], [2])])], axes)
        let root = s.add("Sqrt", [s.add("Add", [variance, s.constant([], [1e-6])])])
        let scaled = s.add("Mul", [s.add("Div", [difference, root]), s.random([24])])
        let normal = s.add("Add", [scaled, s.random([24])])
        let output = s.convolution(s.add("Transpose", [normal], ["perm": .ints([0, 3, 1, 2])]), 24, 5)
        #expect(try HybridCheck.check(s, [output], input: [1, 3, 7, 6], seed: seed).isEmpty)
    }

    /// Channels that are taken one by one are converted once, not once each.
    @Test func rearrangedChannelsAreWidenedOnce() throws {
        var s = NetworkSamples(seed: 7)
        let x = s.add("Relu", [s.convolution("x", 3, 64, kernel: 3)])
        let wide = s.add("DepthToSpace", [x], ["blocksize": .int(2), "mode": .string("CRD")])
        let output = s.convolution(wide, 16, 8, kernel: 3)
        let bound = try s.bound(output, input: [1, 3, 8, 8])
        let kernels = KernelSet(.fastest)
        let plan = try FusedNetwork(bound).plan(kernels: kernels, precision: .bf16)
        #expect(plan.operations.filter { $0.kind == .widen }.count <= 2)
        #expect(plan.precision == .bf16)
    }

    /// An operator without a kernel leaves the rest in bfloat16.
    @Test(arguments: seeds)
    func definitionsBesideBfloat16(seed: UInt64) throws {
        var s = NetworkSamples(seed: seed)
        let x = relu(&s, relu(&s, "x", 3, 32, kernel: 3), 32, 32, kernel: 3)
        let output = s.add("LogSoftmax", [classify(&s, x, 32)], ["axis": .int(-1)])
        let bound = try s.bound(output, input: [1, 3, 12, 12])
        let image = TensorValue(shape: [1, 3, 12, 12], .float32(s.numbers(432)))
        let expected = try GraphEvaluator(bound).run(["x": image])
        let network = try HybridNetwork(bound, kernels: KernelSet(.fastest), precision: .bf16)
        #expect(network.precision == .bf16 && network.evaluatedOperators == ["LogSoftmax"])
        let found = try HybridSession(network).run(["x": image])
        let pairs = zip(try #require(found[output]).doubles, try #require(expected[output]).doubles)
        let error = pairs.reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(error > 0 && error < 0.05, "\(error), seed \(seed)")
    }

    /// Iandola et al. 2016: fire modules, and a softmax at the end.
    @Test(arguments: seeds)
    func squeezeNet(seed: UInt64) throws {
        var s = NetworkSamples(seed: seed)
        var x = pool(&s, s.add("Relu", [s.convolution("x", 3, 24, kernel: 3, stride: 2)]))
        var inputs = 24
        for (squeezed, expanded) in [(8, 16), (12, 24)] {
            let y = s.add("Relu", [s.convolution(x, inputs, squeezed)])
            let parts = [1, 3].map { kernel in
                s.add("Relu", [s.convolution(y, squeezed, expanded, kernel: kernel)])
            }
            x = s.add("Concat", parts, ["axis": .int(1)])
            inputs = 2 * expanded
        }
        x = s.add("Flatten", [s.add("GlobalAveragePool", [s.add("Relu", [s.convolution(x, inputs, 10)])])])
        let output = s.add("Softmax", [x], ["axis": .int(1)])
        #expect(try HybridCheck.check(s, [output], input: [1, 3, 33, 33], seed: seed).isEmpty)
    }

    /// Huang et al. 2017: every layer reads all layers before it.
    @Test(arguments: seeds, [16, 12])
    func denseNet(seed: UInt64, growth: Int) throws {
        var s = NetworkSamples(seed: seed)
        var x = pool(&s, relu(&s, "x", 3, 32, kernel: 3, stride: 2))
        var channels = 32
        for _ in 0..<2 {
            var (parts, count) = ([x], channels)
            for _ in 0..<3 {
                let joined = parts.count == 1 ? parts[0] : s.add("Concat", parts, ["axis": .int(1)])
                let before = s.add("Relu", [s.normalisation(joined, count)])
                let middle = relu(&s, before, count, 2 * growth)
                parts.append(s.convolution(middle, 2 * growth, growth, kernel: 3))
                count += growth
            }
            let joined = s.add("Relu", [s.normalisation(s.add("Concat", parts, ["axis": .int(1)]), count)])
            channels = count / 2
            x = s.add(
                "AveragePool", [s.convolution(joined, count, channels)],
                ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
        }
        let output = classify(&s, x, channels)
        #expect(try HybridCheck.check(s, [output], input: [1, 3, 40, 36], seed: seed).isEmpty)
    }

    /// Szegedy et al. 2015 and 2016: branches of several kernels, some of one row, and pooling in a branch.
    @Test(arguments: seeds)
    func inception(seed: UInt64) throws {
        var s = NetworkSamples(seed: seed)
        var x = pool(&s, relu(&s, "x", 3, 24, kernel: 7, stride: 2))
        var inputs = 24
        for widths in [[16, 16, 8, 8], [20, 24, 9, 11]] {
            let one = relu(&s, x, inputs, widths[0])
            let three = relu(&s, relu(&s, x, inputs, 12), 12, widths[1], kernel: 3)
            var five = relu(&s, x, inputs, 6)
            for kernel in [[1, 5], [5, 1]] {
                let pads = [kernel[0] / 2, kernel[1] / 2]
                five = s.add(
                    "Conv", [five, s.random([kernel[0] == 1 ? 6 : widths[2], 6] + kernel, size: 0.4)],
                    ["kernel_shape": .ints(kernel), "pads": .ints(pads + pads)])
            }
            let pooled = relu(&s, pool(&s, x, stride: 1), inputs, widths[3])
            x = s.add("Concat", [one, three, five, pooled], ["axis": .int(1)])
            inputs = widths.reduce(0, +)
        }
        let output = classify(&s, x, inputs)
        #expect(try HybridCheck.check(s, [output], input: [1, 3, 45, 45], seed: seed).isEmpty)
    }

    /// Ma et al. 2018: channels split, concatenated and shuffled.
    @Test(arguments: seeds, [32, 28])
    func shuffleNet(seed: UInt64, width: Int) throws {
        var s = NetworkSamples(seed: seed)
        var x = pool(&s, relu(&s, "x", 3, width, kernel: 3, stride: 2))
        let (half, side) = (width / 2, 12)
        for _ in 0..<3 {
            let parts = s.split(x, into: 2, of: [half, half])
            var y = relu(&s, parts[1], half, half)
            y = s.normalisation(s.convolution(y, half, half, kernel: 3, groups: half), half)
            y = relu(&s, y, half, half)
            let joined = s.add("Concat", [parts[0], y], ["axis": .int(1)])
            let split = s.add("Reshape", [joined, s.constant([1, 2, half, side, side])])
            let turned = s.add("Transpose", [split], ["perm": .ints([0, 2, 1, 3, 4])])
            x = s.add("Reshape", [turned, s.constant([1, width, side, side])])
        }
        let output = classify(&s, x, width)
        #expect(try HybridCheck.check(s, [output], input: [1, 3, 48, 48], seed: seed).isEmpty)
    }

    /// Xie et al. 2017 and, with groups of other widths and squeeze-and-excite, Radosavovic et al. 2020.
    @Test(arguments: seeds, [(64, 16), (48, 6), (48, 2)])
    func groupedResidualNetworks(seed: UInt64, size: (width: Int, groups: Int)) throws {
        var s = NetworkSamples(seed: seed)
        let (width, groups) = size
        var x = relu(&s, "x", 3, width, kernel: 3, stride: 2)
        for stride in [1, 2, 1] {
            var y = relu(&s, relu(&s, x, width, width), width, width, kernel: 3, stride: stride, groups: groups)
            if groups == 6 {
                let gate = s.add("Relu", [s.convolution(s.add("GlobalAveragePool", [y]), width, 8)])
                y = s.add("Mul", [y, s.add("Sigmoid", [s.convolution(gate, 8, width)])])
            }
            y = s.normalisation(s.convolution(y, width, width), width)
            let skip = stride == 1 ? x : s.normalisation(s.convolution(x, width, width, stride: 2), width)
            x = s.add("Relu", [s.add("Add", [y, skip])])
        }
        let output = classify(&s, x, width)
        #expect(try HybridCheck.check(s, [output], input: [1, 3, 30, 30], seed: seed).isEmpty)
    }

    /// Simonyan and Zisserman 2015: convolutions, pooling and three large matrices.
    @Test(arguments: seeds)
    func vgg(seed: UInt64) throws {
        var s = NetworkSamples(seed: seed)
        var (x, inputs) = ("x", 3)
        for width in [16, 24] {
            for _ in 0..<2 {
                x = s.add("Relu", [s.convolution(x, inputs, width, kernel: 3)])
                inputs = width
            }
            x = s.add("MaxPool", [x], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
        }
        x = s.add("Flatten", [x])
        x = s.add("Relu", [s.add("Gemm", [x, s.random([24 * 64, 32], size: 0.05), s.random([32])])])
        let output = s.add("Gemm", [s.add("Dropout", [x]), s.random([32, 10], size: 0.2), s.random([10])])
        #expect(try HybridCheck.check(s, [output], input: [1, 3, 32, 32], seed: seed).isEmpty)
    }

    /// Ronneberger et al. 2015: down, up by transposed convolutions, across by concatenation; a map of classes.
    @Test(arguments: seeds)
    func uNet(seed: UInt64) throws {
        var s = NetworkSamples(seed: seed)
        let first = relu(&s, relu(&s, "x", 3, 16, kernel: 3), 16, 16, kernel: 3)
        let second = relu(&s, pool(&s, first, 2), 16, 32, kernel: 3)
        var x = relu(&s, pool(&s, second, 2), 32, 48, kernel: 3)
        for (skip, inputs, width) in [(second, 48, 32), (first, 32, 16)] {
            let up = s.add(
                "ConvTranspose", [x, s.random([inputs, width, 2, 2], size: 0.2), s.random([width])],
                ["strides": .ints([2, 2]), "kernel_shape": .ints([2, 2])])
            x = relu(&s, s.add("Concat", [skip, up], ["axis": .int(1)]), 2 * width, width, kernel: 3)
        }
        let map = s.convolution(x, 16, 5)
        let classes = s.add("ArgMax", [map], ["axis": .int(1)])
        let shares = s.add("Softmax", [map], ["axis": .int(1)])
        let evaluated = try HybridCheck.check(s, [shares, classes], input: [1, 3, 32, 24], seed: seed)
        #expect(evaluated == ["ArgMax"])
    }

    /// Redmon and Farhadi 2018, in small: leaky activations, upsampling, two maps of boxes.
    @Test(arguments: seeds)
    func darknet(seed: UInt64) throws {
        var s = NetworkSamples(seed: seed)
        func leaky(_ x: String, _ inputs: Int, _ outputs: Int, _ kernel: Int, _ stride: Int = 1) -> String {
            let y = s.convolution(x, inputs, outputs, kernel: kernel, stride: stride)
            return s.add("LeakyRelu", [s.normalisation(y, outputs)], ["alpha": .float(0.1)])
        }
        var x = leaky(leaky("x", 3, 16, 3), 16, 32, 3, 2)
        x = s.add("Add", [x, leaky(leaky(x, 32, 16, 1), 16, 32, 3)])
        let fine = leaky(x, 32, 48, 3, 2)
        let coarse = leaky(fine, 48, 64, 3, 2)
        let empty = s.constant([0], [])
        let up = s.add(
            "Resize", [leaky(coarse, 64, 16, 1), empty, s.constant([4], [1, 1, 2, 2])],
            [
                "mode": .string("nearest"), "coordinate_transformation_mode": .string("asymmetric"),
                "nearest_mode": .string("floor"),
            ])
        let joined = s.add("Concat", [up, fine], ["axis": .int(1)])
        let boxes = [s.convolution(coarse, 64, 21), s.convolution(joined, 64, 21)]
        let rows = s.add("Reshape", [s.add("Sigmoid", [boxes[1]]), s.constant([1, 3, 7, -1])])
        let outputs = [boxes[0], s.add("Transpose", [rows], ["perm": .ints([0, 1, 3, 2])])]
        let evaluated = try HybridCheck.check(s, outputs, input: [1, 3, 32, 32], seed: seed)
        #expect(Set(evaluated).isSubset(of: ["Reshape", "Transpose"]))
    }

    /// Liu et al. 2022: depthwise 7x7, layer normalisation and matrices with the channels last, GELU, layer scale.
    @Test(arguments: seeds)
    func convNeXt(seed: UInt64) throws {
        var s = NetworkSamples(seed: seed)
        s.opset = 20
        let width = 24
        func normalised(_ x: String) -> String {
            s.add(
                "LayerNormalization", [x, s.random([width]), s.random([width])],
                ["axis": .int(-1), "epsilon": .float(1e-6)])
        }
        let weights = s.random([width, 3, 4, 4], size: 0.2)
        var x = s.add("Conv", ["x", weights], ["kernel_shape": .ints([4, 4]), "strides": .ints([4, 4])])
        for _ in 0..<2 {
            var y = s.convolution(x, width, width, kernel: 7, groups: width)
            y = normalised(s.add("Transpose", [y], ["perm": .ints([0, 2, 3, 1])]))
            y = s.add("Add", [s.add("MatMul", [y, s.random([width, 96], size: 0.3)]), s.random([96])])
            y = s.add("MatMul", [s.add("Gelu", [y]), s.random([96, width], size: 0.2)])
            y = s.add("Mul", [s.add("Add", [y, s.random([width])]), s.random([width], size: 0.5)])
            x = s.add("Add", [x, s.add("Transpose", [y], ["perm": .ints([0, 3, 1, 2])])])
        }
        let pooled = s.add("GlobalAveragePool", [x])
        let last = normalised(s.add("Transpose", [pooled], ["perm": .ints([0, 2, 3, 1])]))
        let flat = s.add("Reshape", [last, s.constant([1, width])])
        let output = s.add("Gemm", [flat, s.random([10, width]), s.random([10])], ["transB": .int(1)])
        #expect(try HybridCheck.check(s, [output], input: [1, 3, 32, 32], seed: seed).isEmpty)
    }

    /// Dosovitskiy et al. 2021: matrices, normalisation and activation by kernels, attention by definition.
    @Test(arguments: seeds)
    func visionTransformer(seed: UInt64) throws {
        var s = NetworkSamples(seed: seed)
        s.opset = 20
        let (width, heads, tokens) = (32, 4, 17)
        func normalised(_ x: String) -> String {
            s.add("LayerNormalization", [x, s.random([width]), s.random([width])], ["axis": .int(-1)])
        }
        func dense(_ x: String, _ inputs: Int, _ outputs: Int) -> String {
            let product = s.add("MatMul", [x, s.random([inputs, outputs], size: 0.3)])
            return s.add("Add", [s.random([outputs], size: 0.2), product])
        }
        let patches = s.add(
            "Conv", ["x", s.random([width, 3, 8, 8], size: 0.1)],
            ["kernel_shape": .ints([8, 8]), "strides": .ints([8, 8])])
        let rows = s.add("Reshape", [patches, s.constant([1, width, 16])])
        var x = s.add("Transpose", [rows], ["perm": .ints([0, 2, 1])])
        x = s.add("Concat", [s.random([1, 1, width]), x], ["axis": .int(1)])
        x = s.add("Add", [x, s.random([1, tokens, width])])
        for _ in 0..<2 {
            let y = normalised(x)
            func head(_ order: [Int]) -> String {
                let split = s.add("Reshape", [dense(y, width, width), s.constant([1, tokens, heads, width / heads])])
                return s.add("Transpose", [split], ["perm": .ints(order)])
            }
            let product = s.add("MatMul", [head([0, 2, 1, 3]), head([0, 2, 3, 1])])
            let scores = s.add("Softmax", [s.add("Mul", [product, s.constant([], [0.35])])], ["axis": .int(-1)])
            let mixed = s.add(
                "Transpose", [s.add("MatMul", [scores, head([0, 2, 1, 3])])], ["perm": .ints([0, 2, 1, 3])])
            x = s.add("Add", [x, dense(s.add("Reshape", [mixed, s.constant([1, tokens, width])]), width, width)])
            x = s.add("Add", [x, dense(s.add("Gelu", [dense(normalised(x), width, 64)]), 64, width)])
        }
        let first = s.add("Gather", [normalised(x), s.constant([0])], ["axis": .int(1)])
        let output = dense(s.add("Reshape", [first, s.constant([1, width])]), width, 10)
        let evaluated = try HybridCheck.check(s, [output], input: [1, 3, 32, 32], seed: seed)
        #expect(!evaluated.contains("LayerNormalization") && !evaluated.contains("Gelu"))
    }
}
