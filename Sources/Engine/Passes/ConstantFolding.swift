/// Computes before the network runs what follows from constants and shapes alone.
enum ConstantFolding {
    /// - Parameter types: those of inputs and initialisers; completed for everything that is computed.
    static func apply(to graph: Graph, types: inout [String: ValueType]) throws(GraphFailure) -> Graph {
        var constants = graph.initialisers
        var nodes: [Node] = []
        for node in graph.nodes {
            do throws(GraphFailure) {
                let row = try OperatorTable.row(for: node)
                let inputs = node.inputs.map { types[$0] }
                // A type is missing where it depends on data, and then nothing below is known either.
                guard zip(node.inputs, inputs).allSatisfy({ $0.isEmpty || $1 != nil }) else {
                    nodes.append(node)
                    continue
                }
                let call = OperatorCall(node, types: inputs, values: node.inputs.map { constants[$0] })
                guard let results = try row.inferChecked(call) else {
                    nodes.append(node)
                    continue
                }
                for (name, type) in zip(node.outputs, results) where !name.isEmpty { types[name] = type }
                guard folds(node, row, results, constants) else {
                    nodes.append(node)
                    continue
                }
                let values = try row.evaluateChecked(call)
                for (name, value) in zip(node.outputs, values) where !name.isEmpty { constants[name] = value }
            } catch {
                throw error.at(node)
            }
        }
        return try Graph(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs,
            initialisers: DeadCode.read(constants, by: nodes, and: graph.outputs), nodes: nodes)
    }

    /// Constants in, and not much more out: a few bytes in a file must not become gigabytes in memory.
    private static func folds(
        _ node: Node, _ row: Operator, _ results: [ValueType], _ constants: [String: TensorValue]
    ) -> Bool {
        // These ask for the shape only.
        if node.operatorName == "Shape" || node.operatorName == "Size" { return true }
        let inputs = node.inputs.filter { !$0.isEmpty }
        guard row.folds, inputs.allSatisfy({ constants[$0] != nil }) else { return false }
        let given = inputs.reduce(0) { $0 + (constants[$1]?.count ?? 0) }
        let made = results.reduce(0) { $0 + $1.count }
        return node.operatorName == "Constant" || made <= max(GraphLimits.foldedElements, given)
    }
}
