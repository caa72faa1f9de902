/// One operator applied to named values. ONNX's words for an operator's name, domain and version are kept.
public struct Node: Codable, Equatable, Sendable {
    /// Such as `Conv`.
    public let operatorName: String
    /// Empty for ONNX's own operators.
    public let domain: String
    /// The version of the domain's operators that the node was written for.
    public let opset: Int
    /// May be empty.
    public let name: String
    /// Empty where an optional input is left out.
    public let inputs: [String]
    /// Empty where an optional output is not wanted.
    public let outputs: [String]
    public let attributes: [String: Attribute]

    private enum CodingKeys: String, CodingKey {
        case operatorName = "operator"
        case domain, opset, name, inputs, outputs, attributes
    }

    public init(
        _ operatorName: String, domain: String = "", opset: Int, name: String = "", inputs: [String],
        outputs: [String], attributes: [String: Attribute] = [:]
    ) {
        self.operatorName = operatorName
        self.domain = domain
        self.opset = opset
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.attributes = attributes
    }
}

/// A constant that belongs to a node.
public enum Attribute: Equatable, Sendable {
    case int(Int)
    case float(Float)
    case string(String)
    case ints([Int])
    case floats([Float])
    case strings([String])
    case tensor(TensorValue)
}
