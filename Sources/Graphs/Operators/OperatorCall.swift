/// A node with what is known of its inputs: types always, values where they are constants or the network runs.
public struct OperatorCall: Sendable {
    public let node: Node
    private let types: [ValueType?]
    private let values: [TensorValue?]

    /// - Parameter types: one per input of the node, `nil` where it is left out.
    package init(_ node: Node, types: [ValueType?], values: [TensorValue?]) {
        precondition(types.count == node.inputs.count && values.count == types.count, "inputs of another node")
        self.node = node
        self.types = types
        self.values = values
    }

    package init(_ node: Node, values: [TensorValue?]) {
        self.init(node, types: values.map { $0?.type }, values: values)
    }

    package var opset: Int { node.opset }
    package var inputCount: Int { types.count }
    package var outputCount: Int { node.outputs.count }

    package func has(_ input: Int) -> Bool { input < types.count && types[input] != nil }

    /// - Precondition: the input is not left out.
    package func type(_ input: Int) -> ValueType {
        guard input < types.count, let type = types[input] else { preconditionFailure("input \(input) is left out") }
        return type
    }

    package func shape(_ input: Int) -> [Int] { type(input).shape }
    package func element(_ input: Int) -> ElementType { type(input).element }

    /// The value, if it is known by now.
    package func known(_ input: Int) -> TensorValue? { input < values.count ? values[input] : nil }

    /// - Precondition: the network runs, and the input is not left out.
    package func value(_ input: Int) -> TensorValue {
        guard let value = known(input) else { preconditionFailure("the value of input \(input) is not known") }
        return value
    }

    package func doubles(_ input: Int) -> [Double] { value(input).doubles }
}

/// Attributes, each of the type that the operator asks for or refused.
extension OperatorCall {
    package func int(_ name: String) throws(GraphFailure) -> Int? {
        switch node.attributes[name] {
        case nil: nil
        case .int(let value): value
        default: throw GraphFailure("attribute \(name) is not an integer")
        }
    }

    package func int(_ name: String, _ standard: Int) throws(GraphFailure) -> Int { try int(name) ?? standard }

    package func flag(_ name: String, _ standard: Bool = false) throws(GraphFailure) -> Bool {
        try int(name, standard ? 1 : 0) != 0
    }

    package func float(_ name: String, _ standard: Float) throws(GraphFailure) -> Double {
        switch node.attributes[name] {
        case nil: Double(standard)
        case .float(let value): Double(value)
        default: throw GraphFailure("attribute \(name) is not a number")
        }
    }

    package func text(_ name: String, _ standard: String) throws(GraphFailure) -> String {
        switch node.attributes[name] {
        case nil: standard
        case .string(let value): value
        default: throw GraphFailure("attribute \(name) is not a text")
        }
    }

    package func ints(_ name: String) throws(GraphFailure) -> [Int]? {
        switch node.attributes[name] {
        case nil: nil
        case .ints(let values): values
        default: throw GraphFailure("attribute \(name) is not a list of integers")
        }
    }

    package func tensor(_ name: String) throws(GraphFailure) -> TensorValue? {
        switch node.attributes[name] {
        case nil: nil
        case .tensor(let value): value
        default: throw GraphFailure("attribute \(name) is not a tensor")
        }
    }

    /// A list of integers that newer versions take as an input and older ones as an attribute.
    package enum Listed {
        case absent
        case unknown
        case known([Int])
    }

    package func list(_ name: String, input: Int, since opset: Int) throws(GraphFailure) -> Listed {
        if self.opset < opset { return try ints(name).map { .known($0) } ?? .absent }
        guard has(input) else { return .absent }
        guard shape(input).count <= 1, element(input).isInteger else {
            throw GraphFailure("input \(input) (\(name)) is not a list of integers")
        }
        return known(input).map { .known($0.integers.map(Int.init)) } ?? .unknown
    }
}
