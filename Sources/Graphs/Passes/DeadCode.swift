/// Removes what no output needs.
enum DeadCode {
    static func removed(from graph: Graph) throws(GraphFailure) -> Graph {
        var needed = Set(graph.outputs)
        var kept: [Node] = []
        for node in graph.nodes.reversed() where node.outputs.contains(where: needed.contains) {
            needed.formUnion(node.inputs)
            kept.append(node)
        }
        kept.reverse()
        return try Graph(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs,
            initialisers: read(graph.initialisers, by: kept, and: graph.outputs), nodes: kept)
    }

    /// Those constants that some node or the caller reads.
    static func read(
        _ constants: [String: TensorValue], by nodes: [Node], and outputs: [String]
    ) -> [String: TensorValue] {
        let names = Set(nodes.flatMap(\.inputs)).union(outputs)
        return constants.filter { names.contains($0.key) }
    }
}
