import Testing

@testable import Graphs

/// The input `x` has two columns.
@Suite struct IndexingOperatorsTests {
    private func bind(_ name: String, _ indices: TensorValue, _ attributes: [String: Attribute]) throws {
        let inputs = ["x", "i"] + (name.hasPrefix("Scatter") ? ["u"] : [])
        let nodes = [GraphSamples.node(name, inputs, ["y"], attributes)]
        let updates = GraphSamples.floats([1, 1], [5])
        let graph = try GraphSamples.graph(nodes, outputs: ["y"], initialisers: ["i": indices, "u": updates])
        _ = try BoundGraph(graph, sizes: BoundGraph.Sizes(symbols: ["N": 1]))
    }

    private static let columns: [String: Attribute] = ["axis": .int(1)]

    @Test(arguments: [
        ("Gather", [Int](), columns), ("GatherElements", [1, 1], columns), ("ScatterElements", [1, 1], columns),
    ])
    func constantIndicesAreCheckedBeforeTheFirstRun(
        name: String, shape: [Int], attributes: [String: Attribute]
    ) throws {
        for index in [Int64(2), -3, 7, .max, .min] {
            let failure = #expect(throws: GraphFailure.self) {
                try bind(name, TensorValue(shape: shape, .int64([index])), attributes)
            }
            #expect(failure?.reason == "the index \(index) is outside 2 elements")
        }
        for index in [Int64(1), -2] { try bind(name, TensorValue(shape: shape, .int64([index])), attributes) }
    }

    @Test func constantPlacesAreCheckedBeforeTheFirstRun() throws {
        let failure = #expect(throws: GraphFailure.self) {
            try bind("GatherND", TensorValue(shape: [1, 2], .int64([0, 2])), [:])
        }
        #expect(failure?.reason == "the index 2 is outside 2 elements")
        try bind("GatherND", TensorValue(shape: [1, 2], .int64([0, 1])), [:])
    }
}
