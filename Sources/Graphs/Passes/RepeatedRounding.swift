/// Values that are rounded again as they were rounded before, when they have only been moved about since: a quantiser
/// puts QuantizeLinear and DequantizeLinear around reshapes and transpositions as around anything else. What moves them
/// further reads the moved values instead, which are the same to the bit: an integer of up to 16 bits times its scale,
/// divided by it, is less than a half from the integer. What computes with them still reads rounded values, and so
/// knows that a kernel for bytes will do.
struct RepeatedRounding {
    /// How integers stand for real values.
    private struct Rounding: Equatable {
        var integers: ElementType
        var scale: Float
        var zero: Int64
    }

    /// With one value as input, others of shapes or places, and outputs that hold some of it, in any order.
    private static let moving: Set = ["Reshape", "Transpose", "Flatten", "Slice", "Split", "Squeeze", "Unsqueeze"]

    private let graph: Graph
    private let types: [String: ValueType]
    /// Of real values.
    private var roundings: [String: Rounding] = [:]
    /// Integers that real values were rounded to which were rounded so before, with those.
    private var repeated: [String: (values: String, rounding: Rounding)] = [:]
    /// What is read instead of what.
    private var instead: [String: String] = [:]

    static func removed(from graph: Graph, _ types: [String: ValueType]) throws(GraphFailure) -> Graph {
        var pass = Self(graph: graph, types: types)
        return try pass.removed()
    }

    private init(graph: Graph, types: [String: ValueType]) { (self.graph, self.types) = (graph, types) }

    private mutating func removed() throws(GraphFailure) -> Graph {
        let outputs = Set(graph.outputs)
        var nodes: [Node] = []
        for node in graph.nodes {
            let node = reading(node)
            nodes.append(node)
            guard let value = node.inputs.first, let output = node.outputs.first, node.domain.isEmpty else { continue }
            switch node.operatorName {
            case "QuantizeLinear":
                guard let rounding = rounding(of: node, integers: output), roundings[value] == rounding else {
                    continue
                }
                repeated[output] = (value, rounding)
            case "DequantizeLinear":
                guard let rounding = rounding(of: node, integers: value) else { continue }
                roundings[output] = rounding
                guard let before = repeated[value], before.rounding == rounding, !outputs.contains(output) else {
                    continue
                }
                instead[output] = before.values
            case let name where Self.moving.contains(name):
                for output in node.outputs { roundings[output] = roundings[value] }
            default: continue
            }
        }
        if instead.isEmpty { return graph }
        // What nothing reads any more is removed with the other dead code.
        return try Graph(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs, initialisers: graph.initialisers,
            nodes: nodes)
    }

    private func reading(_ node: Node) -> Node {
        guard node.domain.isEmpty, Self.moving.contains(node.operatorName),
            node.inputs.contains(where: { instead[$0] != nil })
        else { return node }
        return Node(
            node.operatorName, domain: node.domain, opset: node.opset, name: node.name,
            inputs: node.inputs.map { instead[$0] ?? $0 }, outputs: node.outputs, attributes: node.attributes)
    }

    /// `nil` where it is not one constant of 32-bit floats for all values, or of integers that are not exact.
    private func rounding(of node: Node, integers: String) -> Rounding? {
        guard let element = types[integers]?.element, element.isInteger, element.byteCount <= 2,
            node.inputs.count > 1, case .float32(let scales)? = graph.initialisers[node.inputs[1]]?.elements,
            scales.count == 1, (0x1p-100...0x1p100).contains(scales[0])
        else { return nil }
        guard node.inputs.count > 2, !node.inputs[2].isEmpty else {
            return Rounding(integers: element, scale: scales[0], zero: 0)
        }
        guard let zeros = graph.initialisers[node.inputs[2]]?.elements.integers, zeros.count == 1 else { return nil }
        return Rounding(integers: element, scale: scales[0], zero: zeros[0])
    }
}
