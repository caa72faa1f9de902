import Testing

@testable import Graphs

@Suite struct BinaryOperatorsTests {
    private func integers(_ values: [Int64]) -> TensorValue { TensorValue(shape: [values.count], .int64(values)) }

    /// `x` as integers, divided by a constant.
    private func bind(_ name: String, by divisor: TensorValue, to number: Int) throws {
        let nodes = [
            GraphSamples.node("Cast", ["x"], ["n"], ["to": .int(number)]),
            GraphSamples.node(name, ["n", "d"], ["y"], name == "Mod" ? ["fmod": .int(number == 1 ? 1 : 0)] : [:]),
        ]
        let graph = try GraphSamples.graph(nodes, outputs: ["y"], initialisers: ["d": divisor])
        _ = try BoundGraph(graph, sizes: BoundGraph.Sizes(symbols: ["N": 1]))
    }

    @Test(arguments: ["Div", "Mod"]) func constantZerosDivideNoIntegers(name: String) throws {
        let folded = #expect(throws: GraphFailure.self) {
            try GraphSamples.run(name, [integers([4, 5]), integers([2, 0])])
        }
        let bound = #expect(throws: GraphFailure.self) { try bind(name, by: integers([2, 0]), to: 7) }
        #expect(folded?.reason == "divides an integer by zero" && bound?.reason == folded?.reason)

        try bind(name, by: integers([2, -1]), to: 7)
        try bind(name, by: GraphSamples.floats([2], [2, 0]), to: 1)
    }

    /// Nothing is divided, so nothing is wrong.
    @Test(arguments: ["Div", "Mod"]) func nothingMayBeDividedByZero(name: String) throws {
        #expect(try GraphSamples.run(name, [integers([]), integers([0])]) == [integers([])])
    }

    /// The quotient of the least number by -1 does not exist; its remainder is 0.
    @Test func theLeastNumberHasARemainder() throws {
        #expect(try GraphSamples.run("Mod", [integers([.min]), integers([-1])]) == [integers([0])])
    }
}
