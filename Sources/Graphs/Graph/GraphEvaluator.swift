/// Runs a bound graph by the operators' own definitions: slow, and the reference for everything faster.
public struct GraphEvaluator: Sendable {
    public let bound: BoundGraph
    /// For each node, the values that nothing reads after it.
    private let released: [[String]]

    public init(_ bound: BoundGraph) {
        self.bound = bound
        var last: [String: Int] = [:]
        for (index, node) in bound.graph.nodes.enumerated() {
            for name in node.inputs + node.outputs where !name.isEmpty { last[name] = index }
        }
        let kept = Set(bound.graph.outputs).union(bound.graph.initialisers.keys)
        var released = [[String]](repeating: [], count: bound.graph.nodes.count)
        for (name, index) in last where !kept.contains(name) { released[index].append(name) }
        self.released = released
    }

    /// - Parameter inputs: by name, of the types that the graph was bound to.
    /// - Returns: the outputs by name.
    public func run(_ inputs: [String: TensorValue]) throws(GraphFailure) -> [String: TensorValue] {
        let graph = bound.graph
        var values = graph.initialisers
        for input in graph.inputs {
            guard let value = inputs[input.name] else {
                throw GraphFailure("the input \(input.name.printable) is missing")
            }
            guard value.type == bound.types[input.name] else {
                throw GraphFailure("the input \(input.name.printable) is \(value.type)")
            }
            values[input.name] = value
        }
        for (index, node) in graph.nodes.enumerated() {
            do throws(GraphFailure) {
                let call = OperatorCall(node, values: node.inputs.map { values[$0] })
                let results = try OperatorTable.row(for: node).evaluateChecked(call)
                for (name, value) in zip(node.outputs, results) where !name.isEmpty { values[name] = value }
            } catch {
                throw error.at(node)
            }
            for name in released[index] { values[name] = nil }
        }
        var outputs: [String: TensorValue] = [:]
        for name in graph.outputs { outputs[name] = values[name] }
        return outputs
    }
}
