import Testing

@testable import Graphs

@Suite struct GraphTests {
    @Test func nodesAreSortedAndKeepTheirOrderOtherwise() throws {
        let nodes = [
            GraphSamples.node("Add", ["b", "a"], ["y"]), GraphSamples.node("Relu", ["x"], ["a"]),
            GraphSamples.node("Neg", ["a"], ["b"]),
        ]
        let graph = try GraphSamples.graph(nodes, outputs: ["y"])
        #expect(graph.nodes.map(\.operatorName) == ["Relu", "Neg", "Add"])
    }

    @Test func longChainsAreSorted() throws {
        let nodes = (0..<20_000).reversed().map { index in
            GraphSamples.node("Relu", [index == 0 ? "x" : "v\(index - 1)"], ["v\(index)"])
        }
        #expect(try GraphSamples.graph(nodes, outputs: ["v19999"]).nodes.first?.inputs == ["x"])
    }

    @Test func circlesAndBrokenNamesAreRefused() {
        let circle = [GraphSamples.node("Relu", ["b"], ["a"]), GraphSamples.node("Relu", ["a"], ["b"])]
        #expect(throws: GraphFailure.self) { try GraphSamples.graph(circle, outputs: ["a"]) }
        let double = [GraphSamples.node("Relu", ["x"], ["a"]), GraphSamples.node("Neg", ["x"], ["a"])]
        #expect(throws: GraphFailure.self) { try GraphSamples.graph(double, outputs: ["a"]) }
        let open = [GraphSamples.node("Relu", ["z"], ["a"])]
        #expect(throws: GraphFailure.self) { try GraphSamples.graph(open, outputs: ["a"]) }
        let idle = [GraphSamples.node("Relu", ["x"], [""])]
        #expect(throws: GraphFailure.self) { try GraphSamples.graph(idle, outputs: ["x"]) }
    }

    @Test func tooManyNodesAreRefused() throws {
        let nodes = (0...GraphLimits.nodes).map { GraphSamples.node("Relu", ["x"], ["v\($0)"]) }
        #expect(throws: GraphFailure.self) { try GraphSamples.graph(nodes, outputs: ["v0"]) }
        #expect(try GraphSamples.graph(nodes.dropLast(), outputs: ["v0"]).nodes.count == GraphLimits.nodes)
    }

    @Test(arguments: [[-1], [1 << 40, 1 << 40], [0, 1 << 62, 8], [1 << 30], [Int](repeating: 1, count: 9)])
    func impossibleShapesAreRefused(shape: [Int]) {
        #expect(throws: GraphFailure.self) { try GraphLimits.checkedCount(of: shape, .float32) }
    }
}
