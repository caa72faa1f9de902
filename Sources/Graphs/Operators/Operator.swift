/// One row of `OperatorTable`: what an operator takes, what comes out, and its definition in plain Swift.
///
/// The definition folds constants, runs what no kernel covers, and is what kernels are tested against.
public struct Operator: Sendable {
    public typealias Inference = @Sendable (OperatorCall) throws(GraphFailure) -> [ValueType]?
    public typealias Evaluation = @Sendable (OperatorCall, [ValueType]) throws(GraphFailure) -> [TensorValue]

    /// Which element types the first input may have.
    enum Accepted: Sendable {
        case anything, floats, numbers, integers, booleans
    }

    public let name: String
    /// Versions of ONNX's operators in which it exists, among those that are read.
    public let opsets: ClosedRange<Int>
    /// How many inputs a node of it may list.
    let inputs: ClosedRange<Int>
    let accepts: Accepted
    /// Whether it may be computed before the network runs. Never if its time is not linear in its output.
    let folds: Bool
    /// The types of the outputs, where they follow from the types of the inputs and from those values that are known;
    /// `nil` where a value is missing for that. Called only when the types of all inputs are known.
    let infer: Inference
    /// The outputs, given all values, and the types that `infer` found from them.
    let evaluate: Evaluation

    init(
        _ name: String, _ opsets: ClosedRange<Int> = 7...21, inputs: ClosedRange<Int> = 1...1,
        accepts: Accepted = .anything, folds: Bool = true, infer: @escaping Inference,
        evaluate: @escaping Evaluation
    ) {
        self.name = name
        self.opsets = opsets
        self.inputs = inputs
        self.accepts = accepts
        self.folds = folds
        self.infer = infer
        self.evaluate = evaluate
    }
}

extension Operator {
    /// Output types, checked against the limits.
    func inferChecked(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
        guard inputs.contains(call.inputCount) else {
            throw GraphFailure(
                "has \(call.inputCount) inputs; \(inputs.lowerBound) to \(inputs.upperBound) are allowed")
        }
        for index in 0..<inputs.lowerBound where !call.has(index) { throw GraphFailure("input \(index) is missing") }
        if call.has(0), !accepts.contains(call.type(0).element) {
            throw GraphFailure("does not take \(call.type(0).element.rawValue)")
        }
        guard let types = try infer(call) else { return nil }
        guard call.node.outputs.dropFirst(types.count).allSatisfy(\.isEmpty) else {
            throw GraphFailure("its output \(types.count) is not supported")
        }
        for type in types { try GraphLimits.checkedCount(of: type.shape, type.element) }
        return types
    }

    /// - Precondition: all inputs' values are known.
    func evaluateChecked(_ call: OperatorCall) throws(GraphFailure) -> [TensorValue] {
        guard let types = try inferChecked(call) else { throw GraphFailure("has no shape") }
        // Nothing to compute, however large the dimensions beside an empty one are.
        guard types.contains(where: { $0.count > 0 }) else {
            return types.map { TensorValue(shape: $0.shape, Elements([Int64](), as: $0.element)) }
        }
        let values = try evaluate(call, types)
        guard values.map(\.type) == types else {
            throw GraphFailure("computes \(values.map(\.type)) instead of \(types)")
        }
        return values
    }
}

extension Operator.Accepted {
    func contains(_ type: ElementType) -> Bool {
        switch self {
        case .anything: true
        case .floats: type.isFloatingPoint
        case .numbers: type != .bool
        case .integers: type.isInteger
        case .booleans: type == .bool
        }
    }
}
