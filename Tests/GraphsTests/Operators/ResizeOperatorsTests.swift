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

    /// ONNX: `pytorch_half_pixel` reads position 0 where one is left, which a cubic gives as it is.
    @Test func aSinglePositionIsTheFirst() throws {
        let attributes: [String: Attribute] = [
            "mode": .string("cubic"), "coordinate_transformation_mode": .string("pytorch_half_pixel"),
        ]
        #expect(try resized([3, 5, 9, 20], 0.25, attributes) == floats([1, 1, 1, 1], [3]))
    }
}
