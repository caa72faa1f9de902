import Testing

@testable import Graphs

@Suite struct OperatorSequenceTests {
    private func bound() throws -> BoundGraph {
        let nodes = [
            GraphSamples.node("Abs", ["x"], ["a"]), GraphSamples.node("Neg", ["a"], ["b"]),
            GraphSamples.node("Add", ["b", "w"], ["c"]), GraphSamples.node("Mul", ["c", "b"], ["y"]),
        ]
        let graph = try GraphSamples.graph(
            nodes, outputs: ["a", "y"], initialisers: ["w": GraphSamples.floats([2], [10, 20])])
        return try BoundGraph(graph, sizes: BoundGraph.Sizes(symbols: ["N": 1]))
    }

    @Test func valuesLeaveAfterTheirLastReader() throws {
        let bound = try bound()
        var values = bound.graph.initialisers
        values["x"] = GraphSamples.floats([1, 2], [-1, 2])
        var left: [Set<String>] = []

        try OperatorSequence(bound).run(&values, finished: { left.append(Set($1.keys)) })

        #expect(left == [["a", "w"], ["a", "b", "w"], ["a", "b", "c", "w"], ["a", "w", "y"]])
        #expect(values["y"] == GraphSamples.floats([1, 2], [-9, -36]))
    }

    @Test func theEvaluatorReturnsOutputsThatAreReadAgain() throws {
        let found = try GraphEvaluator(bound()).run(["x": GraphSamples.floats([1, 2], [-1, 2])])

        #expect(found == ["a": GraphSamples.floats([1, 2], [1, 2]), "y": GraphSamples.floats([1, 2], [-9, -36])])
    }
}
