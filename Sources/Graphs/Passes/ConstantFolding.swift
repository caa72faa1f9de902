/// Computes before the network runs what follows from constants and shapes alone.
enum ConstantFolding {
    /// - Parameters:
    ///   - types: those of inputs and initialisers; completed for everything that is computed.
    ///   - quantized: completed by what DequantizeLinear makes of 8 bits.
    static func apply(
        to graph: Graph, types: inout [String: ValueType], quantized: inout [String: QuantizedConstant]
    ) throws(GraphFailure) -> Graph {
        var constants = graph.initialisers
        var room = max(GraphLimits.foldedElements, 4 * constants.values.reduce(0) { $0 + $1.count })
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
                let call = OperatorCall(
                    node, types: inputs, values: node.inputs.map { row.folds ? constants[$0] : nil })
                guard let results = try row.inferChecked(call) else {
                    nodes.append(node)
                    continue
                }
                for (name, type) in zip(node.outputs, results) where !name.isEmpty { types[name] = type }
                guard let made = folds(node, row, results, constants), made <= room else {
                    nodes.append(node)
                    continue
                }
                room -= made
                let values = try row.evaluateChecked(call)
                for (name, value) in zip(node.outputs, values) where !name.isEmpty { constants[name] = value }
                if node.operatorName == "DequantizeLinear" { quantized[node.outputs[0]] = QuantizedConstant(call) }
            } catch {
                throw error.at(node)
            }
        }
        return try Graph(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs,
            initialisers: DeadCode.read(constants, by: nodes, and: graph.outputs), nodes: nodes)
    }

    /// How many elements folding the node makes, `nil` where it must wait: a few bytes in a file must not become
    /// gigabytes in memory.
    private static func folds(
        _ node: Node, _ row: Operator, _ results: [ValueType], _ constants: [String: TensorValue]
    ) -> Int? {
        // These ask for the shape only.
        if node.operatorName == "Shape" || node.operatorName == "Size" { return results.reduce(0) { $0 + $1.count } }
        let inputs = node.inputs.filter { !$0.isEmpty }
        guard row.folds, inputs.allSatisfy({ constants[$0] != nil }) else { return nil }
        // A Constant's value is in the file already.
        return node.operatorName == "Constant" ? 0 : results.reduce(0) { $0 + $1.count }
    }
}
