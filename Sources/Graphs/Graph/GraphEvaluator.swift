/// Runs a bound graph by the operators' own definitions: slow, and the reference for everything faster.
public struct GraphEvaluator: Sendable {
    public let bound: BoundGraph
    private let sequence: OperatorSequence

    public init(_ bound: BoundGraph) {
        self.bound = bound
        sequence = OperatorSequence(bound)
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
        try sequence.run(&values)
        var outputs: [String: TensorValue] = [:]
        for name in graph.outputs { outputs[name] = values[name] }
        return outputs
    }
}
