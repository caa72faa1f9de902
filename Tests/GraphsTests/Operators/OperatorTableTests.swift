import Testing

@testable import Graphs

/// What the official node tests do not show: refusals, limits, older versions.
@Suite struct OperatorTableTests {
    private let floats = GraphSamples.floats

    @Test func namesAreUnique() {
        #expect(Set(OperatorTable.names).count == OperatorTable.rows.count)
        #expect(OperatorTable.rows.allSatisfy { 7...21 ~= $0.opsets.lowerBound && $0.opsets.upperBound <= 21 })
    }

    /// Whatever is missing, of an odd shape or type is refused or computed; nothing traps.
    @Test(arguments: OperatorTable.names) func oddInputsAreHandled(name: String) throws {
        let odd: [TensorValue?] = [
            nil, floats([], [1]), floats([0], []), floats([2, 0, 3], []),
            floats([2, 3], [1, -2, .nan, 4, 5, .infinity]),
            floats([1, 1, 2, 2], [1, 2, 3, 4]), TensorValue(integers: [.max, .min]), TensorValue(integers: [0]),
            TensorValue(integers: [-1, 1, 2, 2]), TensorValue(shape: [2], .bool([true, false])),
            TensorValue(shape: [2, 2], .uint8([0, 255, 1, 2])), TensorValue(shape: [1], .int8([-128])),
        ]
        let row = try #require(OperatorTable.rows.first { $0.name == name })
        for opset in Set([row.opsets.lowerBound, min(12, row.opsets.upperBound), row.opsets.upperBound])
        where row.opsets.contains(opset) {
            for first in odd {
                for second in odd {
                    for third in [nil, odd[1], odd[6], odd[7]] {
                        _ = try? GraphSamples.run(name, opset: opset, [first, second, third], attributes(opset))
                    }
                }
            }
        }
    }

    private func attributes(_ opset: Int) -> [String: Attribute] {
        [
            "kernel_shape": .ints([2, 2]), "axis": .int(opset % 2), "to": .int(7), "size": .int(.max),
            "blocksize": .int(2),
            "num_groups": .int(1), "value": .int(3), "scales": .floats([1, 1, .infinity, 2]), "p": .int(0),
        ]
    }

    @Test func attributesOfOlderVersionsAreRead() throws {
        let x = floats([1, 4], [1, 2, 3, 4])
        let sliced = try GraphSamples.run(
            "Slice", opset: 9, [x], ["starts": .ints([1]), "ends": .ints([-1]), "axes": .ints([1])])
        #expect(sliced == [floats([1, 2], [2, 3])])
        let clipped = try GraphSamples.run("Clip", opset: 10, [x], ["min": .float(2), "max": .float(3)])
        #expect(clipped == [floats([1, 4], [2, 2, 3, 3])])
        let top = try GraphSamples.run("TopK", opset: 9, [x], outputs: 2, ["k": .int(2)])
        #expect(top == [floats([1, 2], [4, 3]), TensorValue(shape: [1, 2], .int64([3, 2]))])
        let padded = try GraphSamples.run("Pad", opset: 10, [x], ["pads": .ints([0, 1, 0, -1]), "value": .float(9)])
        #expect(padded == [floats([1, 4], [9, 1, 2, 3])])
        let parts = try GraphSamples.run(
            "Split", opset: 11, [x], outputs: 2, ["axis": .int(1), "split": .ints([1, 3])])
        #expect(parts == [floats([1, 1], [1]), floats([1, 3], [2, 3, 4])])
        let squeezed = try GraphSamples.run("Squeeze", opset: 12, [x], ["axes": .ints([0])])
        #expect(squeezed == [floats([4], [1, 2, 3, 4])])
        let flat = try GraphSamples.run("Softmax", opset: 12, [floats([1, 2, 2], [0, 0, 0, 0])], ["axis": .int(1)])
        #expect(flat == [floats([1, 2, 2], [0.25, 0.25, 0.25, 0.25])])
    }

    /// The official tests have no case of these two.
    @Test func normsAreThoseOfTheirPower() throws {
        let x = floats([1, 1, 2], [3, -4])
        #expect(try GraphSamples.run("GlobalLpPool", [x]) == [floats([1, 1, 1], [5])])
        #expect(try GraphSamples.run("GlobalLpPool", [x], ["p": .int(1)]) == [floats([1, 1, 1], [7])])
        #expect(try GraphSamples.run("LpNormalization", [x]) == [floats([1, 1, 2], [0.6, -0.8])])
        let halves = try GraphSamples.run("LpNormalization", [floats([2], [2, -2])], ["p": .int(1), "axis": .int(0)])
        #expect(halves == [floats([2], [0.5, -0.5])])
        #expect(throws: GraphFailure.self) { try GraphSamples.run("LpNormalization", [x], ["p": .int(3)]) }
    }

    @Test func integersDivideAsStated() throws {
        let left = TensorValue(shape: [3], .int32([7, -7, .min]))
        #expect(
            try GraphSamples.run("Div", [left, TensorValue(shape: [], .int32([-1]))])[0].integers == [
                -7, 7, -2_147_483_648,
            ])
        #expect(try GraphSamples.run("Mod", [left, TensorValue(shape: [], .int32([3]))])[0].integers == [1, 2, 1])
        #expect(throws: GraphFailure.self) { try GraphSamples.run("Div", [left, TensorValue(shape: [], .int32([0]))]) }
    }

    @Test func indicesOutsideAreRefused() throws {
        let x = floats([2, 2], [1, 2, 3, 4])
        for index in [2, -3, Int.max, Int.min] {
            #expect(throws: GraphFailure.self) { try GraphSamples.run("Gather", [x, TensorValue(integers: [index])]) }
        }
    }

    // MARK: Empty values, odd ranks

    @Test func emptyValuesAreMoved() throws {
        #expect(try GraphSamples.run("Transpose", [floats([0], [])]) == [floats([0], [])])
        #expect(
            try GraphSamples.run("Transpose", [floats([2, 0], [])], ["perm": .ints([0, 1])]) == [floats([2, 0], [])])
        let pads = TensorValue(integers: [1, -2, 0, 0])
        #expect(
            try GraphSamples.run("Pad", opset: 19, [floats([0, 2], []), pads], ["mode": .string("wrap")])
                == [floats([1, 0], [])])
        let statistics = try GraphSamples.run(
            "LayerNormalization", opset: 17, [floats([2, 0], []), floats([0], [])], outputs: 3)
        #expect(statistics.map(\.shape) == [[2, 0], [2, 1], [2, 1]])
        #expect(throws: GraphFailure.self) {
            try GraphSamples.run(
                "SpaceToDepth", [TensorValue(shape: [1, 1 << 31, 0, 0], .uint8([]))], ["blocksize": .int(65_536)])
        }
    }

    @Test(arguments: ["AveragePool", "LpPool", "MaxPool"]) func poolsOfNoImageAreRefused(name: String) {
        for value in [floats([], [1]), floats([3], [1, 2, 3]), floats([1, 2], [1, 2])] {
            #expect(throws: GraphFailure.self) { try GraphSamples.run(name, [value], ["kernel_shape": .ints([])]) }
        }
    }

    // MARK: Integers

    /// 2^53 + 1 is the first number that 64-bit floats do not hold.
    @Test func productsOfIntegersAreExact() throws {
        let large = TensorValue(shape: [1, 2], .int64([1 << 53, 1]))
        let ones = TensorValue(shape: [2, 1], .int64([1, 1]))
        let sum = TensorValue(shape: [1, 1], .int64([(1 << 53) + 1]))
        #expect(try GraphSamples.run("MatMul", [large, ones]) == [sum])
        #expect(try GraphSamples.run("Gemm", [large, ones]) == [sum])
        let wrapped = try GraphSamples.run(
            "MatMul", [TensorValue(shape: [1], .int32([.max])), TensorValue(shape: [1], .int32([2]))])
        #expect(wrapped == [TensorValue(shape: [], .int32([-2]))])
        let unsigned = try GraphSamples.run(
            "MatMul", [TensorValue(shape: [1], .uint64([1 << 63])), TensorValue(shape: [1], .uint64([1]))])
        #expect(unsigned == [TensorValue(shape: [], .uint64([1 << 63]))])
    }

    /// What can never run is refused from the types alone: scales, zero points and axes that do not fit.
    @Test(arguments: ["QuantizeLinear", "DequantizeLinear"]) func scalesAreCheckedByTheirTypes(name: String) throws {
        let isRounding = name == "QuantizeLinear"
        func types(
            _ scale: [Int], _ zero: ValueType? = nil, _ attributes: [String: Attribute] = [:]
        ) throws(GraphFailure) -> [ValueType]? {
            let node = GraphSamples.node(name, opset: 21, ["x", "s", zero == nil ? "" : "z"], ["y"], attributes)
            let input = ValueType(isRounding ? .float32 : .uint8, [1, 4, 6])
            let call = OperatorCall(node, types: [input, ValueType(.float32, scale), zero], values: [nil, nil, nil])
            return try OperatorTable.row(for: node).inferChecked(call)
        }
        let expected = [ValueType(isRounding ? .uint8 : .float32, [1, 4, 6])]
        let zero = ValueType(.uint8, [4])
        #expect(try types([4], zero) == expected)
        #expect(try types([], nil, ["axis": .int(9)]) == expected)
        #expect(try types([1, 2, 6], nil, ["block_size": .int(2)]) == expected)
        for scale in [[3], [0], [1, 3, 6], [4, 1]] {
            #expect(throws: GraphFailure.self, "\(scale)") { try types(scale) }
        }
        for shape in [[3], [0]] {
            #expect(throws: GraphFailure.self) { try types([4], ValueType(.uint8, shape)) }
        }
        for axis in [9, -9, 3] { #expect(throws: GraphFailure.self) { try types([4], zero, ["axis": .int(axis)]) } }
        for (scale, block) in [([4], 2), ([1, 2], 2), ([1, 3, 6], 2), ([1, 2, 6], -1), ([1, 2, 6, 1], 2)] {
            #expect(throws: GraphFailure.self, "\(scale)") { try types(scale, nil, ["block_size": .int(block)]) }
        }
    }
}
