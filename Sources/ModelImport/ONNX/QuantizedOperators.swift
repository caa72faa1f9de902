import Graphs

/// Operators on integers, as ONNX Runtime's quantiser writes them in its QOperator format, put as what they stand for:
/// DequantizeLinear of what they read, the operator on real values, QuantizeLinear of its result.
///
/// So a network runs by the same kernels for 8 bits in either format. Rounding is that of QuantizeLinear: to the
/// nearest integer, ties to even.
///
/// Source: ONNX's QLinearConv 10 and QLinearMatMul 10 and 21; version 1 of the operators of the domain
/// `com.microsoft`, as ONNX Runtime 1.20 documents them.
struct QuantizedOperators {
    private struct Row {
        /// Places of integers, each followed by its scale and zero point, and the axis of scales in plural.
        var quantized: [(place: Int, axis: Int?)]
        /// Place of the result's scale; its zero point comes next.
        var result: Int
        var real: String
        var bias: Int? = nil
        var plain: [Int] = []
    }

    /// By name, those of ONNX itself and of `com.microsoft`; QLinearConcat has any number of inputs.
    private static let rows: [String: Row] = [
        "QLinearConv": Row(quantized: [(0, nil), (3, 0)], result: 6, real: "Conv", bias: 8),
        "QLinearMatMul": Row(quantized: [(0, nil), (3, -1)], result: 6, real: "MatMul"),
        "QLinearAdd": Row(quantized: [(0, nil), (3, nil)], result: 6, real: "Add"),
        "QLinearMul": Row(quantized: [(0, nil), (3, nil)], result: 6, real: "Mul"),
        "QLinearLeakyRelu": Row(quantized: [(0, nil)], result: 3, real: "LeakyRelu"),
        "QLinearSigmoid": Row(quantized: [(0, nil)], result: 3, real: "Sigmoid"),
        "QLinearSoftmax": Row(quantized: [(0, nil)], result: 3, real: "Softmax"),
        "QLinearAveragePool": Row(quantized: [(0, nil)], result: 3, real: "AveragePool"),
        "QLinearGlobalAveragePool": Row(quantized: [(0, nil)], result: 3, real: "GlobalAveragePool"),
        "QLinearWhere": Row(quantized: [(1, nil), (4, nil)], result: 7, real: "Where", plain: [0]),
        "QGemm": Row(quantized: [(0, nil), (3, 1)], result: 7, real: "Gemm", bias: 6),
    ]
    /// Move integers about, or pick some of them.
    private static let moving: Set = ["MaxPool", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze"]

    /// Of ONNX's own operators.
    private let opset: Int
    private(set) var initialisers: [String: TensorValue]
    private(set) var nodes: [Node] = []
    /// Scale and zero point of integers that a node before has rounded.
    private var roundings: [String: [String]] = [:]
    private var realValues: [[String]: String] = [:]

    /// - Parameter opset: 10 or later wherever integers occur.
    init(opset: Int, initialisers: [String: TensorValue]) {
        self.opset = opset
        self.initialisers = initialisers
    }

    /// Whether the operator is one of another domain that `append` knows.
    static func covers(_ node: Node) -> Bool {
        guard node.domain == "com.microsoft", node.opset == 1 else { return false }
        return switch node.operatorName {
        case "QLinearConcat", "QuantizeLinear", "DequantizeLinear": true
        case "QLinearConv", "QLinearMatMul": false
        default: rows[node.operatorName] != nil
        }
    }

    mutating func append(_ node: Node) throws(GraphFailure) {
        do throws(GraphFailure) {
            guard node.outputs.first?.isEmpty == false else { return nodes.append(node) }
            switch (node.domain, node.operatorName) {
            case (_, "QuantizeLinear"): try quantize(node)
            case ("com.microsoft", "DequantizeLinear"): try own(node)
            case ("com.microsoft", "QLinearConcat"): try concatenate(node)
            case ("com.microsoft", let name),
                ("", let name) where Self.rows[name] != nil:
                guard let row = Self.rows[name], node.domain != "" || isConstant(row, node) else {
                    return nodes.append(node)
                }
                try expand(node, row)
            case ("", let name) where Self.moving.contains(name): move(node)
            default: nodes.append(node)
            }
        } catch {
            throw error.at(node)
        }
    }

    /// Whether scales in a place where a product of them is needed are constant.
    private func isConstant(_ row: Row, _ node: Node) -> Bool {
        row.quantized.allSatisfy { place, _ in
            place + 1 < node.inputs.count && initialisers[node.inputs[place + 1]] != nil
        }
    }

    private mutating func expand(_ node: Node, _ row: Row) throws(GraphFailure) {
        guard node.inputs.count > (row.bias ?? row.result) - (row.bias == nil ? 0 : 1) else {
            throw GraphFailure("has \(node.inputs.count) inputs")
        }
        guard (node.attributes["channels_last"] ?? .int(0)) == .int(0) else {
            throw GraphFailure("has its channels last, which is not supported")
        }
        var inputs = row.plain.map { node.inputs[$0] }
        for (place, axis) in row.quantized {
            let axis = try axis.map { (axis) throws(GraphFailure) in try self.axis(axis, node, place) }
            inputs.append(dequantized(node, place, axis: axis ?? 1))
        }
        if let place = row.bias, place < node.inputs.count, !node.inputs[place].isEmpty {
            inputs.append(try bias(node, row, place))
        }
        var attributes = node.attributes
        var opset = opset
        for name in ["channels_last", "opset"] {
            if case .int(let version)? = attributes.removeValue(forKey: name), name == "opset" { opset = version }
        }
        let isRounded = row.result < node.inputs.count && !node.inputs[row.result].isEmpty
        try add(row.real, of: node, inputs, attributes, opset: opset, result: isRounded ? row.result : nil)
    }

    /// The dimension of weights along which scales are in plural.
    private func axis(_ axis: Int, _ node: Node, _ place: Int) throws(GraphFailure) -> Int {
        guard let scale = initialisers[node.inputs[place + 1]], scale.count > 1 else { return 0 }
        if node.operatorName == "QGemm" { return node.attributes["transB"] == .int(1) ? 0 : axis }
        guard axis < 0 else { return axis }
        guard let weights = initialisers[node.inputs[place]], scale.shape.count == 1 else {
            throw GraphFailure("has scales in plural for weights that are not constant")
        }
        return weights.shape.count + axis
    }

    /// - Returns: the name of the real values that the integers at a place stand for, computed once for all readers.
    private mutating func dequantized(_ node: Node, _ place: Int, axis: Int) -> String {
        let inputs = (place..<place + 3).map { $0 < node.inputs.count ? node.inputs[$0] : "" }
        if let known = realValues[inputs + ["\(axis)"]] { return known }
        let name = "\(node.outputs[0])/real \(place)"
        realValues[inputs + ["\(axis)"]] = name
        nodes.append(
            Node(
                "DequantizeLinear", opset: max(opset, 13), name: node.name, inputs: inputs, outputs: [name],
                attributes: ["axis": .int(axis)]))
        return name
    }

    /// A bias is in units of what it is added to: the scale of the input times that of the weights.
    private mutating func bias(_ node: Node, _ row: Row, _ place: Int) throws(GraphFailure) -> String {
        let factors = row.quantized.map { initialisers[node.inputs[$0.place + 1]] }
        guard case .float32(let input)? = factors[0]?.elements, case .float32(let weights)? = factors[1]?.elements,
            input.count == 1
        else { throw GraphFailure("has a bias, and scales that are not constant") }
        var factor = input[0]
        if case .float(let alpha)? = node.attributes["alpha"] { factor *= alpha }
        let scale = "\(node.outputs[0])/bias scale"
        let shape = weights.count == 1 ? [] : [weights.count]
        try define(scale, TensorValue(shape: shape, .float32(weights.map { $0 * factor })))
        let name = "\(node.outputs[0])/bias"
        let rank = initialisers[node.inputs[place]]?.shape.count ?? 1
        nodes.append(
            Node(
                "DequantizeLinear", opset: max(opset, 13), name: node.name, inputs: [node.inputs[place], scale],
                outputs: [name], attributes: ["axis": .int(max(rank - 1, 0))]))
        return name
    }

    private mutating func concatenate(_ node: Node) throws(GraphFailure) {
        guard node.inputs.count >= 5, node.inputs.count % 3 == 2 else {
            throw GraphFailure("has \(node.inputs.count) inputs")
        }
        let inputs = stride(from: 2, to: node.inputs.count, by: 3).map { dequantized(node, $0, axis: 0) }
        try add("Concat", of: node, inputs, node.attributes, opset: opset, result: 0)
    }

    /// A node of the real operator, and one that rounds its result.
    private mutating func add(
        _ real: String, of node: Node, _ inputs: [String], _ attributes: [String: Attribute], opset: Int, result: Int?
    ) throws(GraphFailure) {
        let output = result == nil ? node.outputs[0] : "\(node.outputs[0])/real"
        let added = Node(real, opset: opset, name: node.name, inputs: inputs, outputs: [output], attributes: attributes)
        try OperatorTable.check(added)
        nodes.append(added)
        guard let result else { return }
        var zero = result + 1 < node.inputs.count ? node.inputs[result + 1] : ""
        if zero.isEmpty {
            // It decides the type of the result, which is that of the input.
            let place = (Self.rows[node.operatorName]?.quantized.first?.place ?? 2) + 2
            guard place < node.inputs.count, let type = initialisers[node.inputs[place]]?.elements.type else {
                throw GraphFailure("states no zero point of its result")
            }
            zero = "\(node.outputs[0])/zero point"
            try define(
                zero,
                TensorValue(shape: [], Elements(littleEndian: [UInt8](repeating: 0, count: type.byteCount), as: type)))
        }
        try quantize(
            Node(
                "QuantizeLinear", opset: max(self.opset, 13), name: node.name,
                inputs: [output, node.inputs[result], zero], outputs: node.outputs))
    }

    private mutating func quantize(_ node: Node) throws(GraphFailure) {
        if node.inputs.count == 3, node.outputs.count == 1 {
            roundings[node.outputs[0]] = Array(node.inputs.dropFirst())
        }
        try own(node)
    }

    /// Integers that are moved about stand for what they stood for before.
    private mutating func move(_ node: Node) {
        guard let integers = node.inputs.first, let rounding = roundings[integers], node.outputs.count == 1 else {
            return nodes.append(node)
        }
        let read = Node(
            node.operatorName, opset: node.opset, name: node.name, inputs: [integers] + rounding,
            outputs: node.outputs)
        let real = "\(node.outputs[0])/real"
        nodes.append(
            Node(
                node.operatorName, opset: node.opset, name: node.name,
                inputs: [dequantized(read, 0, axis: 1)] + node.inputs.dropFirst(), outputs: [real],
                attributes: node.attributes))
        nodes.append(
            Node(
                "QuantizeLinear", opset: max(opset, 13), name: node.name, inputs: [real] + rounding,
                outputs: node.outputs))
        roundings[node.outputs[0]] = rounding
    }

    /// The node as one of ONNX's own, which `com.microsoft` has with the same inputs and attributes.
    private mutating func own(_ node: Node) throws(GraphFailure) {
        guard !node.domain.isEmpty else { return nodes.append(node) }
        let own = Node(
            node.operatorName, opset: max(opset, 13), name: node.name, inputs: node.inputs, outputs: node.outputs,
            attributes: node.attributes)
        try OperatorTable.check(own)
        nodes.append(own)
    }

    private mutating func define(_ name: String, _ value: TensorValue) throws(GraphFailure) {
        guard initialisers.updateValue(value, forKey: name) == nil else {
            throw GraphFailure("the name \(name.printable) is defined twice")
        }
    }
}
