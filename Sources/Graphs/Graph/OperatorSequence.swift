/// Some nodes of a bound graph, run by their operators' own definitions over named values.
public struct OperatorSequence: Sendable {
    public let nodes: [Node]
    /// For each node, the values that are let go of after it.
    private let ended: [[String]]

    /// - Parameters:
    ///   - nodes: every node after those whose results it reads.
    ///   - ended: for each node, the names of the values that nothing reads after it.
    public init(_ nodes: [Node], ended: [[String]]) {
        precondition(nodes.count == ended.count, "\(nodes.count) nodes, \(ended.count) lists of values")
        self.nodes = nodes
        self.ended = ended
    }

    /// All nodes of a graph; what remains are its outputs and initialisers.
    public init(_ bound: BoundGraph) {
        let stages = bound.graph.nodes.map { ValueLifetimes.Stage(reads: $0.inputs, makes: $0.outputs) }
        let kept = Set(bound.graph.outputs).union(bound.graph.initialisers.keys)
        self.init(bound.graph.nodes, ended: ValueLifetimes(stages, keeping: kept).ended)
    }

    /// Adds the nodes' results to the values by name, and takes away each after the last node that reads it.
    /// - Parameters:
    ///   - kernel: computes a node in place of its definition, if it can.
    ///   - finished: called after each node, with the values that are left.
    /// - Throws: what an operator refuses, with its node.
    public func run(
        _ values: inout [String: TensorValue], kernel: (OperatorCall) -> [TensorValue]? = { _ in nil },
        finished: (Node, [String: TensorValue]) -> Void = { _, _ in }
    ) throws(GraphFailure) {
        for (node, ended) in zip(nodes, ended) {
            do throws(GraphFailure) {
                let call = OperatorCall(node, values: node.inputs.map { values[$0] })
                let computed = kernel(call)
                let results =
                    if let computed { computed } else { try OperatorTable.row(for: node).evaluateChecked(call) }
                for (name, value) in zip(node.outputs, results) where !name.isEmpty { values[name] = value }
            } catch {
                throw error.at(node)
            }
            for name in ended { values[name] = nil }
            finished(node, values)
        }
    }
}
