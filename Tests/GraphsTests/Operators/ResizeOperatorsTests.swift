import Testing

@testable import Graphs

@Suite struct ResizeOperatorsTests {
    private let floats = GraphSamples.floats

    private func resized(_ values: [Float], _ scale: Float, _ attributes: [String: Attribute]) throws -> TensorValue {
        let x = floats([1, 1, 1, values.count], values)
        return try GraphSamples.run("Resize", opset: 13, [x, nil, floats([4], [1, 1, 1, scale])], attributes)[0]
    }

    /// Lengths that ONNX Runtime gives, whose products are 32-bit floats; in 64 bits 10 x 0.7 is less than 7.
    @Test(arguments: [(10, 0.7, 7), (10, 0.1, 1), (5, 0.6, 3), (3, 0.34, 1), (7, 0.99, 6), (4, 1.5, 6)])
    func lengthsAreRoundedDownIn32Bits(length: Int, scale: Float, expected: Int) throws {
        let result = try resized([Float](repeating: 1, count: length), scale, [:])
        #expect(result.shape == [1, 1, 1, expected])
    }

    @Test(arguments: [(Float(-1), "-1.0"), (1e9, "1000000000.0"), (.nan, "nan"), (0, "0.0")])
    func impossibleScalesAreNamed(scale: Float, named: String) {
        let failure = #expect(throws: GraphFailure.self) { try resized([1, 2], scale, [:]) }
        #expect(failure?.reason == "the scale \(named) is not above 0 and at most 65536.0")
    }

    /// ONNX's `test_resize_downsample_nearest` of version 10: the neighbour above where it shrinks.
    @Test func version10RoundsUpWhereItShrinks() throws {
        let x = floats([1, 1, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8])
        let result = try GraphSamples.run("Resize", opset: 10, [x, floats([4], [1, 1, 0.6, 0.6])], [:])[0]
        #expect(result == floats([1, 1, 1, 2], [1, 3]))
    }

    /// 14 columns become 17: column 8 lies at 6.5 exactly, which the default rounds down.
    @Test func halvesOfSizesAreExact() throws {
        let x = floats([1, 1, 1, 14], (0..<14).map(Float.init))
        let sizes = TensorValue(shape: [4], .int64([1, 1, 1, 17]))
        let result = try GraphSamples.run("Resize", opset: 13, [x, nil, nil, sizes], [:])[0]
        guard case .float32(let values) = result.elements else { throw GraphFailure("no floats") }
        #expect(values[8] == 6)
    }

    /// ONNX: `pytorch_half_pixel` reads position 0 where one is left, which a cubic gives as it is.
    @Test func aSinglePositionIsTheFirst() throws {
        let attributes: [String: Attribute] = [
            "mode": .string("cubic"), "coordinate_transformation_mode": .string("pytorch_half_pixel"),
        ]
        #expect(try resized([3, 5, 9, 20], 0.25, attributes) == floats([1, 1, 1, 1], [3]))
    }
}
