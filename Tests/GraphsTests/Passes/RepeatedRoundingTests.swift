import Testing

@testable import Graphs

@Suite struct RepeatedRoundingTests {
    private static let values: [Float] = [0, 1, -1, 2.55, 3.5, 1_000, -1_000, .nan]

    /// Rounds x, returns, moves it to and fro, and rounds again after every move; then the absolute value.
    private static func graph(
        second scale: String = "s", zero: String = "z", outputs: [String] = ["y"], further: [Node] = []
    ) throws -> Graph {
        try Graph(
            name: "sample",
            inputs: [GraphInput(name: "x", element: .float32, dimensions: [2, 4].map { .fixed($0) })],
            outputs: outputs,
            initialisers: [
                "s": GraphSamples.floats([], [0.5]), "same": GraphSamples.floats([1], [0.5]),
                "t": GraphSamples.floats([], [0.25]), "z": TensorValue(shape: [], .uint8([100])),
                "other": TensorValue(shape: [], .uint8([101])), "signed": TensorValue(shape: [], .int8([100])),
                "shape": TensorValue(integers: [4, 2]),
            ],
            nodes: [
                GraphSamples.node("QuantizeLinear", ["x", "s", "z"], ["q0"]),
                GraphSamples.node("DequantizeLinear", ["q0", "s", "z"], ["v0"]),
                GraphSamples.node("Reshape", ["v0", "shape"], ["m1"]),
                GraphSamples.node("QuantizeLinear", ["m1", scale, zero], ["q1"]),
                GraphSamples.node("DequantizeLinear", ["q1", scale, zero], ["v1"]),
                GraphSamples.node("Transpose", ["v1"], ["m2"], ["perm": .ints([1, 0])]),
                GraphSamples.node("QuantizeLinear", ["m2", scale, zero], ["q2"]),
                GraphSamples.node("DequantizeLinear", ["q2", scale, zero], ["v2"]),
                GraphSamples.node("Abs", ["v2"], ["y"]),
            ] + further)
    }

    private static func operators(_ graph: Graph) throws -> [String] {
        try BoundGraph(graph).graph.nodes.map(\.operatorName)
    }

    private static func results(_ graph: Graph, bound: Bool) throws -> [String: TensorValue] {
        var values: [String: TensorValue] = graph.initialisers
        values["x"] = GraphSamples.floats([2, 4], Self.values)
        guard bound else {
            // Node by node, without any pass.
            for node in graph.nodes {
                let call = OperatorCall(node, values: node.inputs.map { values[$0] })
                let outputs = try OperatorTable.row(for: node).evaluateChecked(call)
                for (name, value) in zip(node.outputs, outputs) { values[name] = value }
            }
            return values.filter { graph.outputs.contains($0.key) }
        }
        return try GraphEvaluator(BoundGraph(graph)).run(["x": GraphSamples.floats([2, 4], Self.values)])
    }

    @Test(arguments: ["s", "same"]) func isLeftOutWhereNothingChanged(scale: String) throws {
        let graph = try Self.graph(second: scale)
        #expect(
            try Self.operators(graph) == [
                "QuantizeLinear", "DequantizeLinear", "Reshape", "Transpose", "QuantizeLinear", "DequantizeLinear",
                "Abs",
            ])
        #expect(try Self.results(graph, bound: true) == Self.results(graph, bound: false))
    }

    @Test(arguments: [("t", "z"), ("s", "other"), ("s", "signed")])
    func staysWhereItRoundsOtherwise(scale: String, zero: String) throws {
        let graph = try Self.graph(second: scale, zero: zero)
        #expect(try Self.operators(graph).count { $0 == "QuantizeLinear" } == 3)
        #expect(try Self.results(graph, bound: true) == Self.results(graph, bound: false))
    }

    @Test func staysForThoseWhoReadTheIntegers() throws {
        let graph = try Self.graph(
            outputs: ["y", "w", "v2"], further: [GraphSamples.node("Cast", ["q1"], ["w"], ["to": .int(1)])])
        let found = try Self.operators(graph)
        #expect(found.count { $0 == "QuantizeLinear" } == 3)
        #expect(found.count { $0 == "DequantizeLinear" } == 2)
        #expect(try Self.results(graph, bound: true) == Self.results(graph, bound: false))
    }

    /// Every integer of every type that the pass takes comes back from its real value.
    @Test func everyIntegerComesBack() throws {
        for scale: Float in [0x1p-100, 1e-7, 0.1, 0.3, 1, 7.7, 0x1.fffffep99] {
            for zero in [-128, 0, 255] {
                for integer in -32_768...65_535 {
                    let value = Float(Double(integer - zero) * Double(scale))
                    let back = Int((value / scale).rounded(.toNearestOrEven)) + zero
                    if back != integer { Issue.record("\(integer) with \(scale) and \(zero) became \(back)") }
                }
            }
        }
    }
}
