/// Layer normalisation that a graph states in parts, as exporters write it for opsets below 17, made one
/// LayerNormalization (ONNX 17): mean of the last dimension, difference, its square, their mean, sum with epsilon,
/// root, quotient, and where they follow the factors and summands of every place.
struct LayerNormalizationPattern {
    private let uses: GraphUses
    private let types: [String: ValueType]

    static func joined(in graph: Graph, _ types: [String: ValueType]) throws(GraphFailure) -> Graph {
        try Self(uses: GraphUses(graph), types: types).joined()
    }

    private func joined() throws(GraphFailure) -> Graph {
        let graph = uses.graph
        var nodes = graph.nodes
        var initialisers = graph.initialisers
        var found = false
        for node in graph.nodes where node.operatorName == "Div" && node.domain.isEmpty {
            guard let (input, epsilon) = normalised(node) else { continue }
            guard let length = types[input]?.shape.last else { continue }
            var last = node
            var inputs = [input]
            if let (next, scale) = follower(of: node, "Mul", length) {
                (last, inputs) = (next, inputs + [scale])
                if let (sum, shift) = follower(of: next, "Add", length) { (last, inputs) = (sum, inputs + [shift]) }
            } else {
                let ones = node.outputs[0] + ".ones"
                initialisers[ones] = TensorValue(shape: [length], .float32([Float](repeating: 1, count: length)))
                inputs.append(ones)
            }
            guard let place = uses.place(of: last.outputs[0]) else { continue }
            nodes[place] = Node(
                "LayerNormalization", opset: 17, name: last.name, inputs: inputs, outputs: last.outputs,
                attributes: ["axis": .int(-1), "epsilon": .float(epsilon)])
            found = true
        }
        if !found { return graph }
        // What nothing reads any more is removed with the other dead code.
        return try Graph(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs, initialisers: initialisers, nodes: nodes)
    }

    /// What the quotient normalises, where it is `(x - mean) / sqrt(mean of (x - mean)^2 + epsilon)`.
    private func normalised(_ quotient: Node) -> (input: String, epsilon: Float)? {
        guard let difference = uses.made(quotient.inputs[0], "Sub"), let root = uses.made(quotient.inputs[1], "Sqrt"),
            let sum = uses.made(root.inputs[0], "Add"),
            let place = sum.inputs.firstIndex(where: { uses.made($0, "ReduceMean") != nil }),
            let epsilon = uses.number(sum.inputs[1 - place]), epsilon >= 0,
            let variance = uses.made(sum.inputs[place], "ReduceMean"), isMeanOfLast(variance),
            let square = squared(variance.inputs[0]), let mean = uses.made(difference.inputs[1], "ReduceMean"),
            isMeanOfLast(mean), mean.inputs[0] == difference.inputs[0], isSame(square, difference)
        else { return nil }
        let input = difference.inputs[0]
        guard types[input]?.element == .float32, types[input] == types[quotient.outputs[0]] else { return nil }
        return (input, Float(epsilon))
    }

    /// The difference that a square is of.
    private func squared(_ value: String) -> Node? {
        if let power = uses.made(value, "Pow"), uses.number(power.inputs[1]) == 2 {
            return uses.made(power.inputs[0], "Sub")
        }
        if let product = uses.made(value, "Mul"), product.inputs[0] == product.inputs[1] {
            return uses.made(product.inputs[0], "Sub")
        }
        return nil
    }

    /// Some exporters state the difference twice.
    private func isSame(_ first: Node, _ second: Node) -> Bool {
        first.inputs[0] == second.inputs[0] && (first.outputs == second.outputs || first.inputs[1] == second.inputs[1])
    }

    private func isMeanOfLast(_ node: Node) -> Bool {
        guard let rank = types[node.inputs[0]]?.rank, rank > 0 else { return false }
        let call = OperatorCall(
            node, types: node.inputs.map { types[$0] }, values: node.inputs.map { uses.graph.initialisers[$0] })
        guard let keeps = try? call.flag("keepdims", true), keeps,
            case .known(let axes)? = try? call.list("axes", input: 1, since: 18)
        else { return false }
        return axes == [-1] || axes == [rank - 1]
    }

    /// The only reader of a node's result, where it multiplies or adds one number for every place of the last
    /// dimension, and the name of these numbers.
    private func follower(of node: Node, _ name: String, _ length: Int) -> (node: Node, constant: String)? {
        let value = node.outputs[0]
        guard let next = uses.onlyReader(of: value), next.operatorName == name, next.inputs.count == 2,
            next.inputs[0] != next.inputs[1], let constant = next.inputs.first(where: { $0 != value }),
            uses.graph.initialisers[constant]?.type == ValueType(.float32, [length])
        else { return nil }
        return (next, constant)
    }
}
