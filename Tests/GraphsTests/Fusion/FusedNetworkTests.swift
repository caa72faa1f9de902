import Testing

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

    @Test func whatKernelsDoNotCoverIsRefusedByName() throws {
        let b = GraphBuilder(seed: 6)
        let joined = b.add("Concat", ["x", "x"], ["axis": .int(1)])
        #expect(throws: GraphFailure("is not covered by kernels").at(b.nodes[0])) {
            try FusedNetwork(b.bound(joined, input: [1, 2, 4, 4]))
        }
        let grouped = GraphBuilder(seed: 7)
        let y = grouped.convolution("x", 4, 4, groups: 2)
        #expect(throws: GraphFailure("has 2 groups").at(grouped.nodes[0])) {
            try FusedNetwork(grouped.bound(y, input: [1, 4, 3, 3]))
        }
        let batch = GraphBuilder(seed: 8)
        let z = batch.convolution("x", 4, 4)
        #expect(throws: GraphFailure.self) { try FusedNetwork(batch.bound(z, input: [2, 4, 3, 3])) }
    }
}
