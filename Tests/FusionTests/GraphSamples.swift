@testable import Graphs

/// Nodes and values for tests.
enum GraphSamples {
    static func node(
        _ name: String, opset: Int = 13, _ inputs: [String], _ outputs: [String],
        _ attributes: [String: Attribute] = [:]
    ) -> Node {
        Node(name, opset: opset, inputs: inputs, outputs: outputs, attributes: attributes)
    }

    /// The outputs of one operator.
    static func run(
        _ name: String, opset: Int = 13, _ inputs: [TensorValue?], outputs: Int = 1,
        _ attributes: [String: Attribute] = [:]
    ) throws(GraphFailure) -> [TensorValue] {
        let node = node(
            name, opset: opset, inputs.indices.map { inputs[$0] == nil ? "" : "i\($0)" },
            (0..<outputs).map { "o\($0)" }, attributes)
        return try OperatorTable.row(for: node).evaluateChecked(OperatorCall(node, values: inputs))
    }

    static func floats(_ shape: [Int], _ values: [Float]) -> TensorValue { TensorValue(shape: shape, .float32(values)) }
}
