import Testing

@testable import Graphs

@Suite struct ShapeOperatorsTests {
    @Test func shapesWithTwoOpenSizesAreRefusedAsSuch() throws {
        let x = GraphSamples.floats([2, 3], [1, 2, 3, 4, 5, 6])
        let failure = #expect(throws: GraphFailure.self) {
            try GraphSamples.run("Reshape", [x, TensorValue(integers: [-1, -1])])
        }
        #expect(failure?.reason == "the shape [-1, -1] leaves 2 sizes open; one may be")
        #expect(try GraphSamples.run("Reshape", [x, TensorValue(integers: [3, -1])])[0].shape == [3, 2])
    }
}
