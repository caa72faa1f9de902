import Testing

@testable import Fusion
@testable import Graphs

/// Graphs with random weights, fused and by their operators' definitions.
@Suite struct FusedNetworkTests {
    @Test func residualBlocksBecomeTheirConvolutions() throws {
        let b = GraphBuilder(seed: 1)
        var x = b.add("Relu", [b.normalisation(b.convolution("x", 3, 8, kernel: 7, stride: 2, bias: false), 8)])
        x = b.add(
            "MaxPool", [x],
            ["kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1])])
        var y = b.add("Relu", [b.convolution(x, 8, 16, kernel: 3, stride: 2)])
        y = b.normalisation(b.convolution(y, 16, 16, kernel: 3), 16)
        x = b.add("Relu", [b.add("Add", [y, b.convolution(x, 8, 16, stride: 2)])])
        y = b.convolution(b.add("Relu", [b.convolution(x, 16, 16, kernel: 3)]), 16, 16, kernel: 3)
        x = b.add("Relu", [b.add("Add", [y, x])])
        x = b.add("Flatten", [b.add("GlobalAveragePool", [x])])
        x = b.add("Gemm", [x, b.random([10, 16]), b.random([10])], ["transB": .int(1)])

        let steps = try GraphBuilder.check(b, b.add("Identity", [x]), input: [1, 3, 33, 33])
        #expect(steps.count == 9)
        #expect(steps.count { $0.finish.residual != nil } == 2)
        #expect(steps.allSatisfy { $0.finish.residual?.isActivated ?? true })
    }

    @Test func squeezeExciteBlocksAreScalings() throws {
        let b = GraphBuilder(seed: 2)
        var x = b.add("HardSwish", [b.convolution("x", 3, 8, kernel: 3, stride: 2)])
        var y = b.add("HardSwish", [b.convolution(x, 8, 24)])
        y = b.add("HardSwish", [b.convolution(y, 24, 24, kernel: 5, groups: 24)])
        var gate = b.add("Relu", [b.convolution(b.add("GlobalAveragePool", [y]), 24, 8)])
        gate = b.add(
            "HardSigmoid", [b.convolution(gate, 8, 24)], ["alpha": .float(1.0 / 6), "beta": .float(0.5)])
        y = b.convolution(b.add("Mul", [gate, y]), 24, 8)
        x = b.add("Add", [x, y])
        let z = b.convolution(x, 8, 4)
        x = b.add("Mul", [z, b.add("Sigmoid", [z])])
        let mean = b.add("ReduceMean", [x], ["axes": .ints([2, 3]), "keepdims": .int(0)])

        let steps = try GraphBuilder.check(b, mean, input: [1, 3, 20, 17])
        #expect(steps.map(\.finish.activation).contains(.silu))
        #expect(steps.count { $0.work == .scaling } == 1)
        #expect(steps.last?.work == .globalAverage)
        #expect(steps.first { $0.finish.residual != nil }?.finish.residual?.isActivated == false)
    }

    @Test func shortcutsWithoutParametersAreSelections() throws {
        let b = GraphBuilder(seed: 3)
        let x = b.add("Relu", [b.convolution("x", 3, 4, kernel: 3)])
        var y = b.add("Relu", [b.convolution(x, 4, 8, kernel: 3, stride: 2)])
        y = b.convolution(y, 8, 8, kernel: 3)
        var s = x
        for axis in [2, 3] {
            s = b.add(
                "Slice",
                [
                    s, b.constant(TensorValue(integers: [0])), b.constant(TensorValue(integers: [.max])),
                    b.constant(TensorValue(integers: [axis])), b.constant(TensorValue(integers: [2])),
                ])
        }
        s = b.add("Pad", [s, b.constant(TensorValue(integers: [0, 2, 0, 0, 0, 2, 0, 0]))])
        y = b.add("Relu", [b.add("Add", [y, s])])
        let mean = b.add("AveragePool", [y], ["kernel_shape": .ints([5, 5])])
        let flat = b.add("Reshape", [mean, b.constant(TensorValue(integers: [1, 8]))])

        let steps = try GraphBuilder.check(b, b.add("MatMul", [flat, b.random([8, 3])]), input: [1, 3, 9, 9])
        #expect(steps.count == 6)
    }

    @Test func vectorsOfWholeMapsAreConvolutions() throws {
        let b = GraphBuilder(seed: 4)
        var x = b.add("LeakyRelu", [b.convolution("x", 2, 5, kernel: 3, pads: [0, 0, 1, 1])], ["alpha": .float(0.1)])
        x = b.add(
            "AveragePool", [x],
            [
                "kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]), "pads": .ints([1, 1, 1, 1]),
                "count_include_pad": .int(1),
            ])
        x = b.add(
            "MaxPool", [x],
            ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2]), "auto_pad": .string("SAME_UPPER")])
        x = b.add("Flatten", [x])
        x = b.add("Gemm", [x, b.random([20, 6]), b.random([6])], ["alpha": .float(0.5), "beta": .float(2)])
        x = b.add(
            "Clip",
            [x, b.constant(GraphSamples.floats([], [0])), b.constant(GraphSamples.floats([], [6]))])

        let steps = try GraphBuilder.check(b, x, input: [1, 2, 8, 8])
        #expect(steps.count == 4)
        #expect(steps.last?.finish.activation == .clippedRelu(6))
    }

    /// Values that are read twice are computed; a constant factor and summand per channel disappear.
    @Test func onlyWhatNobodyElseReadsIsAbsorbed() throws {
        let b = GraphBuilder(seed: 5)
        let conv = b.convolution("x", 2, 4, kernel: 3)
        let scaled = b.add("Add", [b.add("Mul", [conv, b.random([4, 1, 1])]), b.random([1, 4, 1, 1])])
        let relu = b.add("Relu", [scaled])
        let sum = b.add("Add", [relu, scaled])
        let steps = try GraphBuilder.check(b, sum, input: [1, 2, 6, 5])
        #expect(steps.map(\.work).contains(.nothing))
        #expect(steps.count == 3)
    }

    /// Joined, split and shuffled channels are described, not copied, until a step reads them.
    @Test func channelsAreGatheredOnce() throws {
        let b = GraphBuilder(seed: 9)
        let x = b.convolution("x", 3, 6, kernel: 3)
        let y = b.add("Relu", [b.convolution(x, 6, 10)])
        let joined = b.add("Concat", [x, y], ["axis": .int(1)])
        let shape = b.add("Reshape", [joined, b.constant(TensorValue(integers: [1, 2, 8, 5, 4]))])
        let turned = b.add("Transpose", [shape], ["perm": .ints([0, 2, 1, 3, 4])])
        let shuffled = b.add("Reshape", [turned, b.constant(TensorValue(integers: [1, 16, 5, 4]))])
        let half = b.add(
            "Slice",
            [
                shuffled, b.constant(TensorValue(integers: [4])), b.constant(TensorValue(integers: [12])),
                b.constant(TensorValue(integers: [1])), b.constant(TensorValue(integers: [1])),
            ])
        let steps = try GraphBuilder.check(b, b.convolution(half, 8, 4, kernel: 3), input: [1, 3, 5, 4])
        #expect(steps.count == 4)
    }

    @Test func otherRowsAndColumnsAreResamplings() throws {
        let b = GraphBuilder(seed: 10)
        let none = b.constant(GraphSamples.floats([0], []))
        var x = b.convolution("x", 2, 3, kernel: 3)
        x = b.add(
            "Resize", [x, none, b.constant(GraphSamples.floats([4], [1, 1, 2, 1.5]))],
            ["mode": .string("linear"), "coordinate_transformation_mode": .string("pytorch_half_pixel")])
        x = b.add(
            "Pad", [x, b.constant(TensorValue(integers: [0, 0, 1, 2, 0, 0, 0, 1]))], ["mode": .string("reflect")])
        x = b.add("Pad", [x, b.constant(TensorValue(integers: [0, 0, 1, 0, 0, 0, 0, -1]))])
        let steps = try GraphBuilder.check(b, b.add("Tanh", [x]), input: [1, 2, 5, 4])
        #expect(steps.count == 5)
    }

    @Test func transposedConvolutionsAreInterleaved() throws {
        for (kernel, stride, pads, extra) in [(2, 2, 0, 0), (4, 2, 1, 0), (3, 2, 1, 1), (3, 1, 1, 0), (5, 3, 0, 2)] {
            let b = GraphBuilder(seed: UInt64(11 + kernel))
            let x = b.convolution("x", 2, 5)
            let y = b.add(
                "ConvTranspose", [x, b.random([5, 3, kernel, kernel]), b.random([3])],
                [
                    "strides": .ints([stride, stride]), "pads": .ints([pads, pads, pads, pads]),
                    "output_padding": .ints([extra, extra]), "kernel_shape": .ints([kernel, kernel]),
                ])
            try GraphBuilder.check(b, b.add("Relu", [b.normalisation(y, 3)]), input: [1, 2, 4, 5])
        }
    }

    @Test func depthBecomesSpaceAndSpaceDepth() throws {
        for mode in ["DCR", "CRD"] {
            let b = GraphBuilder(seed: 12)
            let x = b.convolution("x", 2, 12)
            let y = b.add("DepthToSpace", [x], ["blocksize": .int(2), "mode": .string(mode)])
            let z = b.add("SpaceToDepth", [b.add("Relu", [y])], ["blocksize": .int(3)])
            try GraphBuilder.check(b, b.convolution(z, 27, 4), input: [1, 2, 6, 3])
        }
    }

    /// GELU and Mish as exporters of older versions write them.
    @Test func activationsInPartsAreOneStep() throws {
        let b = GraphBuilder(seed: 13)
        let x = b.convolution("x", 2, 4)
        let error = b.add("Erf", [b.add("Div", [x, b.constant(GraphSamples.floats([], [1.414_213_5]))])])
        let sum = b.add("Add", [error, b.constant(GraphSamples.floats([], [1]))])
        let gelu = b.add("Mul", [b.add("Mul", [x, sum]), b.constant(GraphSamples.floats([], [0.5]))])
        let y = b.convolution(gelu, 4, 4)
        let mish = b.add("Mul", [y, b.add("Tanh", [b.add("Softplus", [y])])])
        let steps = try GraphBuilder.check(b, mish, input: [1, 2, 3, 3])
        #expect(steps.map(\.finish.activation) == [.gelu, .mish])
    }

    /// The half may be taken of the product, of the input or of the sum.
    @Test(arguments: ["product", "input", "sum"]) func theHalfOfGELUMayStandAnywhere(place: String) throws {
        let b = GraphBuilder(seed: 14)
        let x = b.convolution("x", 2, 4)
        let half = b.constant(GraphSamples.floats([], [0.5]))
        func halved(_ value: String, _ here: String) -> String { place == here ? b.add("Mul", [value, half]) : value }
        let error = b.add("Erf", [b.add("Div", [x, b.constant(GraphSamples.floats([], [1.414_213_5]))])])
        let sum = b.add("Add", [error, b.constant(GraphSamples.floats([], [1]))])
        let product = b.add("Mul", [halved(x, "input"), halved(sum, "sum")])
        let steps = try GraphBuilder.check(b, halved(product, "product"), input: [1, 2, 3, 3])
        #expect(steps.map(\.finish.activation) == [.gelu])
    }

    /// From the input to the output lead more paths than could be followed one by one.
    @Test func manyPathsAreFollowedOnce() throws {
        let b = GraphBuilder(seed: 15)
        let summand = b.constant(GraphSamples.floats([], [0.1])), factor = b.constant(GraphSamples.floats([], [-0.5]))
        var x = "x"
        for _ in 0..<64 { x = b.add("Add", [b.add("Add", [x, summand]), b.add("Mul", [x, factor])]) }
        let steps = try GraphBuilder.check(b, x, input: [1, 2, 3, 3])
        #expect(steps.count == 3 * 64)
    }

    @Test func whatKernelsDoNotCoverIsRefusedByName() throws {
        let b = GraphBuilder(seed: 6)
        let found = b.add("Erf", [b.convolution("x", 2, 2)])
        #expect(throws: GraphFailure("is not covered by kernels").at(b.nodes[1])) {
            try FusedNetwork(b.bound(found, input: [1, 2, 4, 4]))
        }
        let tiny = GraphBuilder(seed: 7)
        let divided = tiny.add(
            "Div", [tiny.convolution("x", 2, 2), tiny.constant(GraphSamples.floats([], [.leastNonzeroMagnitude]))])
        #expect(throws: GraphFailure("divides by numbers too close to 0").at(tiny.nodes[1])) {
            try FusedNetwork(tiny.bound(divided, input: [1, 2, 4, 4]))
        }
        let batch = GraphBuilder(seed: 8)
        let z = batch.convolution("x", 4, 4)
        #expect(throws: GraphFailure.self) { try FusedNetwork(batch.bound(z, input: [2, 4, 3, 3])) }
    }
}
