/// Some nodes of a bound graph, run by their operators' own definitions over named values.
public struct OperatorSequence: Sendable {
    public let nodes: [Node]

    /// - Parameter nodes: every node after those whose results it reads.
    public init(_ nodes: [Node]) { self.nodes = nodes }

    /// Adds the nodes' results to the values by name.
    /// - Parameters:
    ///   - kernel: computes a node in place of its definition, if it can.
    ///   - finished: called after each node.
    /// - Throws: what an operator refuses, with its node.
    public func run(
        _ values: inout [String: TensorValue], kernel: (OperatorCall) -> [TensorValue]? = { _ in nil },
        finished: (Node) -> Void = { _ in }
    ) throws(GraphFailure) {
        for node in nodes {
            do throws(GraphFailure) {
                let call = OperatorCall(node, values: node.inputs.map { values[$0] })
                let computed = kernel(call)
                let results =
                    if let computed { computed } else { try OperatorTable.row(for: node).evaluateChecked(call) }
                for (name, value) in zip(node.outputs, results) where !name.isEmpty { values[name] = value }
            } catch {
                throw error.at(node)
            }
            finished(node)
        }
    }
}
