/// Hard sigmoids and hard swishes (Howard et al. 2019) that a graph states in parts, as exporters write them for opsets
/// below 14, made one HardSigmoid or HardSwish (ONNX 14): `relu6(x + 3) / 6`, and its product with x, with the division
/// before or after the product, as a factor, or as `clip(x / 6 + 1/2, 0, 1)`; the clipping by Clip, Min and Max, Relu.
///
/// Only where nothing else reads what is between, so that nothing between is rounded, either.
struct HardGatePattern {
    private let uses: GraphUses
    private let types: [String: ValueType]

    /// The longest known spelling of a gate has four nodes; a longer chain is none, and is not searched to its start.
    private static let longest = 5

    static func joined(in graph: Graph, _ types: [String: ValueType]) throws(GraphFailure) -> Graph {
        try Self(uses: GraphUses(graph), types: types).joined()
    }

    private func joined() throws(GraphFailure) -> Graph {
        let graph = uses.graph
        var nodes = graph.nodes
        var found = false
        for node in graph.nodes where node.domain.isEmpty {
            guard let (last, source) = product(node), let place = uses.place(of: last.outputs[0]) else { continue }
            nodes[place] = Node("HardSwish", opset: 14, name: last.name, inputs: [source], outputs: last.outputs)
            found = true
        }
        // The gates of products lead to nothing any more, and go with the other dead code.
        for (place, node) in graph.nodes.enumerated() where nodes[place] == node && node.domain.isEmpty {
            guard node.operatorName != "HardSigmoid", let source = gated(node) else { continue }
            nodes[place] = Node(
                "HardSigmoid", opset: 14, name: node.name, inputs: [source], outputs: node.outputs,
                attributes: ["alpha": .float(1 / 6), "beta": .float(0.5)])
            found = true
        }
        if !found { return graph }
        return try Graph(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs, initialisers: graph.initialisers,
            nodes: nodes)
    }

    /// The value whose hard sigmoid the node's result is.
    private func gated(_ node: Node) -> String? {
        guard let output = node.outputs.first, types[output]?.element == .float32 else { return nil }
        var (value, ramp) = (output, ClippedRamp())
        for _ in 0..<Self.longest {
            guard let (source, next) = extended(ramp, before: value), types[source] == types[output] else { return nil }
            (value, ramp) = (source, next)
            if let height = ramp.hardSigmoidHeight, isOne(height) { return value }
            guard uses.onlyReader(of: value) != nil else { return nil }
        }
        return nil
    }

    /// The value whose hard swish a product is, and the last node of it: the product, or a factor after it.
    private func product(_ node: Node) -> (last: Node, source: String)? {
        guard node.operatorName == "Mul", node.inputs.count == 2, node.inputs[0] != node.inputs[1] else { return nil }
        for (value, gate) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            guard types[value]?.element == .float32, types[value] == types[gate] else { continue }
            if let height = height(of: gate, over: value), let last = brought(node, height) { return (last, value) }
            // x is divided first.
            guard let (source, scale) = scaled(value), uses.onlyReader(of: value) != nil,
                let height = height(of: gate, over: source), let last = brought(node, height * scale)
            else { continue }
            return (last, source)
        }
        return nil
    }

    /// What a hard sigmoid of the source has to be multiplied by to become this value.
    private func height(of gate: String, over source: String) -> Double? {
        var (value, ramp) = (gate, ClippedRamp())
        for _ in 0..<Self.longest {
            guard uses.onlyReader(of: value) != nil, let (before, next) = extended(ramp, before: value),
                types[before] == types[gate]
            else { return nil }
            (value, ramp) = (before, next)
            if value == source { return ramp.hardSigmoidHeight }
        }
        return nil
    }

    /// The node after which the product of x and a gate of this height is a hard swish.
    private func brought(_ product: Node, _ height: Double) -> Node? {
        if isOne(height) { return product }
        guard let next = uses.onlyReader(of: product.outputs[0]), let (source, scale) = scaled(next.outputs[0]),
            source == product.outputs[0], isOne(height * scale)
        else { return nil }
        return next
    }

    private func isOne(_ number: Double) -> Bool { abs(number - 1) < ClippedRamp.tolerance }

    /// What a value is a multiple of.
    private func scaled(_ value: String) -> (source: String, scale: Double)? {
        guard let node = uses.maker(of: value), let (source, constant) = operands(node),
            types[source] == types[value]
        else { return nil }
        switch node.operatorName {
        case "Mul": return (source, constant)
        case "Div" where node.inputs[0] == source: return (source, 1 / constant)
        default: return nil
        }
    }

    /// A ramp over a value as one over what the value is computed from, where that is by numbers alone.
    private func extended(_ ramp: ClippedRamp, before value: String) -> (source: String, ramp: ClippedRamp)? {
        guard let node = uses.maker(of: value) else { return nil }
        if let (source, scale) = scaled(value) { return ramp.scaled(by: scale).map { (source, $0) } }
        switch node.operatorName {
        case "Relu": return (node.inputs[0], ramp.clipped(to: 0, .infinity))
        case "HardSigmoid":
            guard let alpha = try? call(node).float("alpha", 0.2), let beta = try? call(node).float("beta", 0.5) else {
                return nil
            }
            return ramp.clipped(to: 0, 1).shifted(by: beta).scaled(by: alpha).map { (node.inputs[0], $0) }
        case "Clip":
            guard let (least, most) = bounds(node), least <= most else { return nil }
            return (node.inputs[0], ramp.clipped(to: least, most))
        default: break
        }
        guard let (source, constant) = operands(node) else { return nil }
        switch node.operatorName {
        case "Add": return (source, ramp.shifted(by: constant))
        case "Sub" where node.inputs[0] == source: return (source, ramp.shifted(by: -constant))
        case "Max": return (source, ramp.clipped(to: constant, .infinity))
        case "Min": return (source, ramp.clipped(to: -.infinity, constant))
        default: return nil
        }
    }

    /// The value and the number that a node with two inputs reads.
    private func operands(_ node: Node) -> (source: String, constant: Double)? {
        guard node.inputs.count == 2 else { return nil }
        for (source, constant) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            if uses.graph.initialisers[source] == nil, let number = uses.number(constant) { return (source, number) }
        }
        return nil
    }

    private func call(_ node: Node) -> OperatorCall {
        OperatorCall(
            node, types: node.inputs.map { types[$0] }, values: node.inputs.map { uses.graph.initialisers[$0] })
    }

    private func bounds(_ node: Node) -> (least: Double, most: Double)? {
        func bound(_ name: String, _ input: Int, _ open: Double) -> Double? {
            if node.opset < 11 { return node.attributes[name] == nil ? open : try? call(node).float(name, 0) }
            guard input < node.inputs.count, !node.inputs[input].isEmpty else { return open }
            return uses.number(node.inputs[input])
        }
        guard let least = bound("min", 1, -.infinity), let most = bound("max", 2, .infinity) else { return nil }
        return (least, most)
    }
}

/// `clamp(slope * x + offset, least, most)` with a positive slope: what products with positive numbers, sums with
/// numbers and clippings in any order make of x. It is found from its result backwards.
struct ClippedRamp {
    private var slope = 1.0
    private var offset = 0.0
    private var least = -Double.infinity
    private var most = Double.infinity

    /// Exporters round 1/6 to 32 bits.
    static let tolerance = 1e-6

    /// The same over y, where x is `factor * y`; `nil` where that is no ramp that rises.
    func scaled(by factor: Double) -> ClippedRamp? {
        guard factor > 0, factor.isFinite else { return nil }
        var result = self
        result.slope *= factor
        return result
    }

    /// The same over y, where x is `y + summand`.
    func shifted(by summand: Double) -> ClippedRamp {
        var result = self
        result.offset += slope * summand
        return result
    }

    /// The same over y, where x is y between two bounds.
    func clipped(to low: Double, _ high: Double) -> ClippedRamp {
        func kept(_ bound: Double) -> Double { min(max(slope * bound + offset, least), most) }
        var result = self
        (result.least, result.most) = (kept(low), kept(high))
        return result
    }

    /// What `clamp(x / 6 + 1/2, 0, 1)` has to be multiplied by to become this; `nil` where nothing makes it that.
    var hardSigmoidHeight: Double? {
        guard most > 0, most.isFinite else { return nil }
        let differences = [least / most, slope / most - 1 / 6, offset / most - 0.5]
        return differences.allSatisfy { abs($0) < Self.tolerance } ? most : nil
    }
}
