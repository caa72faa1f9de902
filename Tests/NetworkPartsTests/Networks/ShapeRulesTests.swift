import Graphs
import Testing

@testable import Engine
@testable import NetworkParts

/// Operators whose ONNX shapes say something else than the maps that kernels know: either they are told apart or the
/// definition computes them.
@Suite struct ShapeRulesTests {
    private func check(
        _ shape: [Int] = [1, 8, 9, 8], _ build: (inout NetworkSamples) -> String
    ) throws {
        var s = NetworkSamples(seed: 11)
        s.opset = 13
        let output = build(&s)
        try HybridCheck.check(s, [output], input: shape, seed: 11)
    }

    private static func slice(
        _ s: inout NetworkSamples, _ x: String, starts: [Int], ends: [Int], axes: [Int], steps: [Int]
    ) -> String {
        s.add("Slice", [x, s.constant(starts), s.constant(ends), s.constant(axes), s.constant(steps)])
    }

    @Test(arguments: [
        [([2, 3], [2, 1])], [([2, 3], [1, 2])], [([2, 3], [2, 3])], [([2, 3], [2, 2])], [([2], [2]), ([3], [1])],
        [([2], [2]), ([2], [2])], [([2], [2]), ([3], [2])], [([3], [2]), ([2], [2])], [([2], [2]), ([3], [3])],
        [([2, 3], [2, 2]), ([2, 3], [2, 2])], [([2], [2])], [([2], [2]), ([1], [3])],
    ])
    func slices(_ slices: [([Int], [Int])]) throws {
        try check { s in
            slices.reduce(s.add("Relu", ["x"])) { x, slice in
                Self.slice(
                    &s, x, starts: slice.0.map { _ in 0 }, ends: slice.0.map { _ in 99 }, axes: slice.0,
                    steps: slice.1)
            }
        }
    }

    @Test func rowsAndThenSomeChannels() throws {
        try check { s in
            let rows = Self.slice(&s, s.add("Relu", ["x"]), starts: [0], ends: [99], axes: [2], steps: [2])
            return Self.slice(&s, rows, starts: [2], ends: [5], axes: [1], steps: [1])
        }
    }

    /// A vector meets the last dimension, also where that has as many values as there are channels.
    @Test(arguments: ["Add", "Sub", "Mul", "Div", "Max"], [[1, 8], [1, 8, 1], [1, 8, 1, 1], [8], [1, 1, 8]])
    func vectorsMeetTheLastDimension(name: String, shape: [Int]) throws {
        try check([1, 8, 8, 8]) { s in
            let pooled = s.add("Sigmoid", [s.add("GlobalAveragePool", ["x"])])
            let vector = s.add("Reshape", [pooled, s.constant(shape)])
            return s.add(name, [s.add("Relu", ["x"]), vector])
        }
        try check { s in
            let pooled = s.add("Sigmoid", [s.add("GlobalAveragePool", ["x"])])
            return s.add(name, [s.add("Reshape", [pooled, s.constant(shape)]), pooled])
        }
    }

    @Test func aFlatVectorAndAConvolvedOne() throws {
        try check { s in
            let pooled = s.add("GlobalAveragePool", ["x"])
            let convolved = s.convolution(pooled, 8, 8, kernel: 1)
            return s.add("Add", [s.add("Flatten", [pooled]), convolved])
        }
    }

    @Test(arguments: ["MaxPool", "AveragePool"], [(3, 0), (3, 1), (2, 0), (2, 1)])
    func poolsThatRoundUp(name: String, window: (kernel: Int, padding: Int)) throws {
        let (kernel, padding) = window
        for size in [7, 8, 9, 10] {
            try check([1, 8, size, size + 1]) { s in
                s.add(
                    name, [s.add("Relu", ["x"])],
                    [
                        "kernel_shape": .ints([kernel, kernel]), "strides": .ints([2, 2]), "ceil_mode": .int(1),
                        "pads": .ints([Int](repeating: padding, count: 4)),
                    ])
            }
        }
    }

    /// A window that would begin in the padding behind the map is none, also where it would fit.
    @Test(arguments: ["MaxPool", "AveragePool"], [1, 2, 3])
    func poolsWithoutTheWindowInThePadding(name: String, stride: Int) throws {
        for (size, counts) in [(1, 0), (1, 1), (5, 0), (6, 1)] where name == "AveragePool" || counts == 0 {
            var attributes: [String: Attribute] = [
                "kernel_shape": .ints([1, 2]), "strides": .ints([stride, stride]), "ceil_mode": .int(1),
                "pads": .ints([0, 1, 1, 1]),
            ]
            if counts == 1 { attributes["count_include_pad"] = .int(1) }
            try check([1, 8, size, size]) { s in s.add(name, [s.add("Relu", ["x"])], attributes) }
        }
    }

    @Test(arguments: ["ReduceMax", "Softmax", "Relu", "Conv"])
    func valuesWithoutElements(name: String) throws {
        try check { s in
            let empty = Self.slice(&s, s.add("Relu", ["x"]), starts: [3], ends: [3], axes: [2], steps: [1])
            switch name {
            case "ReduceMax":
                let none = Self.slice(&s, "x", starts: [3], ends: [3], axes: [1], steps: [1])
                return s.add(name, [none], ["axes": .ints([2, 3])])
            case "Conv": return s.add("Concat", [s.add("Relu", ["x"]), empty], ["axis": .int(2)])
            default: return s.add(name, [empty])
            }
        }
    }

    /// A map of 8 bits that kernels on both sides of an operator without one read.
    @Test func bytesOnBothSidesOfADefinition() throws {
        try check { s in
            func rounded(_ x: String) -> String {
                let parameters = [s.constant([], [0.05]), s.constant(TensorValue(shape: [], .uint8([128])))]
                return s.add("DequantizeLinear", [s.add("QuantizeLinear", [x] + parameters)] + parameters)
            }
            let x = rounded(s.add("Relu", ["x"]))
            let error = s.add("Erf", [s.add("Div", [x, s.constant([], [1.5])])])
            return rounded(s.add("Mul", [x, s.add("Add", [error, s.constant([], [1])])]))
        }
    }

    /// A few thousand operators, every other one without a kernel, are planned in a moment.
    @Test func longChains() throws {
        try check([1, 2, 2, 2]) { s in
            (0..<1500).reduce("x") { x, _ in s.add("Relu", [s.add("Neg", [s.add("Tanh", [x])])]) }
        }
    }
}
