import CKernels
import Graphs
import Testing

@testable import Engine
@testable import NetworkParts

/// Every kernel that rearranges, combines or normalises maps, against its operator's definition: odd numbers of
/// channels, rows and columns, by every instruction set and shared by threads.
@Suite struct MapKernelTests {
    private static let sizes = [(16, 8, 8), (21, 7, 5), (3, 9, 11), (40, 1, 1), (33, 12, 17)]

    /// A convolution of the image to so many channels, then what `build` adds, then the outputs.
    private func check(
        _ name: String, opset: Int = 14, evaluated: [String] = [], tolerance: Float = 2e-6,
        _ build: (inout NetworkSamples, String, (Int, Int, Int)) -> [String]
    ) throws {
        for (index, size) in Self.sizes.enumerated() {
            var s = NetworkSamples(seed: UInt64(index + 1))
            s.opset = opset
            let x = s.convolution("x", 2, size.0, kernel: 1)
            let outputs = build(&s, x, size)
            let found = try HybridCheck.check(s, outputs, input: [1, 2, size.1, size.2], tolerance: tolerance)
            #expect(found == evaluated, "\(name)")
        }
    }

    @Test func rowsAndBlocks() throws {
        try check("maps as outputs") { s, x, _ in [x, s.add("Relu", [x])] }
        try check("channels last") { s, x, _ in [s.add("Transpose", [x], ["perm": .ints([0, 2, 3, 1])])] }
    }

    @Test func concatenation() throws {
        try check("concat") { s, x, size in
            let y = s.convolution(x, size.0, 16, kernel: 1), z = s.convolution(x, size.0, 7, kernel: 1)
            let first = s.add("Concat", [y, x, z], ["axis": .int(1)])
            let second = s.add("Concat", [y, z, z, x], ["axis": .int(1)])
            return [first, s.add("Relu", [second]), s.add("Concat", [first, y], ["axis": .int(-3)]), y]
        }
    }

    /// A map that is part of a concatenation is scaled where others still read it.
    @Test func partsOfConcatenationsAreNotChangedInPlace() throws {
        var s = NetworkSamples(seed: 3)
        let a = s.convolution("x", 2, 16, kernel: 3), b = s.convolution("x", 2, 32, kernel: 1)
        let joined = s.add("Concat", [a, b], ["axis": .int(1)])
        let gate = s.add("Sigmoid", [s.convolution(s.add("GlobalAveragePool", [joined]), 48, 48)])
        let scaled = s.add("Mul", [joined, gate])
        let gated = s.add("Mul", [a, s.add("Sigmoid", [s.convolution(s.add("GlobalAveragePool", [a]), 16, 16)])])
        let outputs = [s.convolution(scaled, 48, 5), s.convolution(gated, 16, 3), s.add("Relu", [joined])]
        let last = s.add("Add", [s.convolution(joined, 48, 16), a])
        #expect(try HybridCheck.check(s, outputs + [last], input: [1, 2, 9, 7]).isEmpty)
    }

    @Test func partsOfChannels() throws {
        try check("split") { s, x, size in
            let rest = size.0 - 1
            let parts = s.split(x, into: 2, of: [1, rest])
            let starts = s.constant([1]), ends = s.constant([Int(Int32.max)])
            let axes = s.constant([1]), steps = s.constant([2])
            return [
                s.add("Relu", [parts[0]]), parts[1],
                s.add("Relu", [s.add("Slice", [x, starts, ends, axes, steps])]),
            ]
        }
    }

    @Test(arguments: ["nearest", "linear"])
    func resizing(mode: String) throws {
        for coordinates in ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"] {
            try check("\(mode) \(coordinates)") { s, x, size in
                let up = s.constant([4], [1, 1, 2, 2]), other = s.constant([1, size.0, 5, 13])
                let none = s.constant([0], [])
                let attributes: [String: Attribute] = [
                    "mode": .string(mode), "coordinate_transformation_mode": .string(coordinates),
                ]
                return [
                    s.add("Resize", [x, none, up], attributes), s.add("Resize", [x, none, none, other], attributes),
                ]
            }
        }
    }

    @Test func rowsAndColumns() throws {
        try check("pad and slice") { s, x, _ in
            let zero = s.add("Pad", [x, s.constant([0, 0, 1, 2, 0, 0, 3, 0])])
            let edge = s.add("Pad", [x, s.constant([0, 0, 1, 0, 0, 0, 0, 2])], ["mode": .string("edge")])
            let part = s.add(
                "Slice",
                [
                    zero, s.constant([1, -1]), s.constant([Int(Int32.max), -100]), s.constant([2, 3]),
                    s.constant([2, -1]),
                ])
            return [zero, edge, part]
        }
    }

    @Test func depthAndSpace() throws {
        for mode in ["DCR", "CRD"] {
            try check(mode) { s, x, size in
                let y = s.convolution(x, size.0, 4 * size.0)
                let z = s.add("DepthToSpace", [y], ["blocksize": .int(2), "mode": .string(mode)])
                return [z, s.add("SpaceToDepth", [z], ["blocksize": .int(2)])]
            }
        }
    }

    @Test func transposedConvolution() throws {
        for (kernel, stride, pad, extra) in [(2, 2, 0, 0), (4, 2, 1, 0), (3, 2, 1, 1), (3, 1, 1, 0), (5, 3, 1, 1)] {
            // With stride 1 by Winograd's way, whose rounding errors are larger.
            try check("transposed \(kernel)", tolerance: 2e-5) { s, x, size in
                [
                    s.add(
                        "ConvTranspose", [x, s.random([size.0, 5, kernel, kernel], size: 0.2), s.random([5])],
                        [
                            "strides": .ints([stride, stride]), "pads": .ints([pad, pad, pad, pad]),
                            "output_padding": .ints([extra, extra]), "kernel_shape": .ints([kernel, kernel]),
                        ])
                ]
            }
        }
    }

    @Test func combinations() throws {
        for name in ["Add", "Sub", "Mul", "Div", "Max", "Min"] {
            try check(name) { s, x, size in
                // Not near zero, for quotients.
                let y = s.add("Add", [s.add("Sigmoid", [s.convolution(x, size.0, size.0)]), s.constant([1], [1])])
                let means = s.add(
                    "Add", [s.add("Sigmoid", [s.add("GlobalAveragePool", [x])]), s.constant([1], [1])])
                let pixel = s.add("Add", [s.add("Sigmoid", [s.convolution(x, size.0, 1)]), s.constant([1], [1])])
                let constant = s.constant([1], [0.75])
                return [
                    s.add(name, [x, y]), s.add(name, [x, means]), s.add(name, [x, pixel]), s.add(name, [x, constant]),
                    s.add("Relu", [s.add(name, [x, y])]),
                ]
            }
        }
        try check("reversed") { s, x, size in
            let y = s.add("Sigmoid", [s.add("GlobalAveragePool", [x])])
            return [s.add("Sub", [y, x]), s.add("Sub", [s.random([size.0, 1, 1]), x])]
        }
    }

    @Test func normalisations() throws {
        try check("batch normalisation") { s, x, size in
            let pooled = s.add("MaxPool", [x], ["kernel_shape": .ints([1, 1])])
            return [s.add("Relu", [s.normalisation(pooled, size.0)]), s.normalisation(x, size.0), pooled]
        }
        try check("softmax") { s, x, _ in [s.add("Softmax", [x], ["axis": .int(1)])] }
        try check("layer normalisation", opset: 17) { s, x, size in
            let last = s.add("Transpose", [x], ["perm": .ints([0, 2, 3, 1])])
            let y = s.add(
                "LayerNormalization", [last, s.random([size.0]), s.random([size.0])],
                ["axis": .int(-1), "epsilon": .float(1e-3)])
            return [y, s.add("Transpose", [y], ["perm": .ints([0, 3, 1, 2])])]
        }
    }

    @Test func activations() throws {
        try check("activations", opset: 20) { s, x, size in
            let wide = s.add("Mul", [x, s.constant([1], [7])])
            let bounds = (s.constant([], [-1.5]), s.constant([], [2.25]))
            return [
                s.add("Tanh", [wide]), s.add("Elu", [wide], ["alpha": .float(0.7)]), s.add("Gelu", [wide]),
                s.add("Gelu", [wide], ["approximate": .string("tanh")]), s.add("Softplus", [wide]),
                s.add("Mish", [wide]), s.add("Clip", [wide, bounds.0, bounds.1]),
                s.add("HardSigmoid", [wide], ["alpha": .float(0.3), "beta": .float(0.4)]),
                s.add("PRelu", [wide, s.random([size.0, 1, 1])]),
            ]
        }
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func groupedConvolution(seed: UInt64) throws {
        for (inputs, outputs, groups, kernel, stride) in [
            (32, 32, 2, 3, 1), (64, 32, 2, 3, 2), (32, 32, 8, 3, 1), (48, 48, 2, 3, 1), (24, 36, 3, 5, 2),
            (16, 32, 16, 3, 1), (6, 4, 2, 1, 1),
        ] {
            var s = NetworkSamples(seed: seed)
            let x = s.convolution("x", 2, inputs)
            let y = s.convolution(x, inputs, outputs, kernel: kernel, stride: stride, groups: groups)
            let z = s.add("Relu", [s.add("Add", [y, s.convolution(x, inputs, outputs, stride: stride)])])
            #expect(try HybridCheck.check(s, [z], input: [1, 2, 11, 9], tolerance: 1e-5, seed: seed).isEmpty)
        }
    }

    @Test func depthwiseOfAnyWindow() throws {
        for (kernel, stride, dilation) in [
            ([1, 7], [1, 1], [1, 1]), ([3, 3], [1, 1], [2, 2]), ([5, 3], [2, 1], [1, 3]),
        ] {
            try check("depthwise \(kernel)") { s, x, size in
                let pads = zip(kernel, dilation).map { ($0 - 1) * $1 / 2 }
                let weights = s.random([size.0, 1, kernel[0], kernel[1]], size: 0.3)
                let y = s.add(
                    "Conv", [x, weights],
                    [
                        "group": .int(size.0), "kernel_shape": .ints(kernel), "strides": .ints(stride),
                        "dilations": .ints(dilation), "pads": .ints(pads + pads),
                    ])
                return [s.add("Relu", [y])]
            }
        }
    }

    /// Stacks, vectors, and sizes on both sides of a tile's, a panel's and a depth of the products' kernel.
    @Test(arguments: [
        ([1, 2, 29, 130], [1, 2, 130, 33]), ([3, 1, 5, 16], [2, 16, 16]), ([7], [4, 7, 1]), ([2, 60, 3], [3]),
        ([1, 1], [1, 1]), ([2, 3, 0], [0, 5]),
    ])
    func products(left: [Int], right: [Int]) throws {
        var s = NetworkSamples(seed: 5)
        // Both sides are computed, so that neither is weights.
        let zero = s.add("ReduceMax", [s.add("Relu", [s.add("Neg", [s.add("Abs", ["x"])])])], ["keepdims": .int(0)])
        let sides = [left, right].map { s.add("Add", [s.random($0), zero]) }
        let product = s.add("MatMul", sides)
        try HybridCheck.check(s, [product], input: [1, 16, 4, 4], seed: 5)
    }

    /// Every row of the table for maps occurs in some plan of these tests; a new row needs a test here.
    @Test func theTableHasNoOtherRows() {
        let last = CK_OP_FILTER.rawValue + 1
        #expect(CK_OP_MASKED_POINTWISE.rawValue == last)
        #expect(CK_OP_PRODUCT.rawValue == CK_OP_MASKED_WINOGRAD_OUTPUT.rawValue + 1)
        #expect(CK_OPERATION_COUNT.rawValue == CK_OP_PEAK.rawValue + 1)
    }
}
