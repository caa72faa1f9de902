/// Who computes and who reads the values of a graph, for passes that look for several nodes in a row.
struct GraphUses {
    let graph: Graph
    private let makers: [String: Int]
    private let readers: [String: [Int]]

    init(_ graph: Graph) {
        self.graph = graph
        var (makers, readers) = ([String: Int](), [String: [Int]]())
        for (index, node) in graph.nodes.enumerated() {
            for output in node.outputs where !output.isEmpty { makers[output] = index }
            for input in Set(node.inputs) where !input.isEmpty { readers[input, default: []].append(index) }
        }
        // What the caller reads as well has no only reader.
        for output in graph.outputs { readers[output] = nil }
        (self.makers, self.readers) = (makers, readers)
    }

    /// The place of the node that computes a value among the graph's; `nil` for inputs and constants.
    func place(of value: String) -> Int? { makers[value] }

    /// The node of ONNX's own operators that computes a value.
    func maker(of value: String) -> Node? {
        guard let place = makers[value], graph.nodes[place].domain.isEmpty else { return nil }
        return graph.nodes[place]
    }

    /// The node that computes a value, where it has this operator.
    func made(_ value: String, _ name: String) -> Node? {
        guard let node = maker(of: value), node.operatorName == name else { return nil }
        return node
    }

    /// The only node that reads a value, which is no output of the graph.
    func onlyReader(of value: String) -> Node? {
        guard let all = readers[value], all.count == 1, graph.nodes[all[0]].domain.isEmpty else { return nil }
        return graph.nodes[all[0]]
    }

    /// A constant of one number.
    func number(_ value: String) -> Double? {
        guard let constant = graph.initialisers[value], constant.count == 1 else { return nil }
        return constant.elements.doubles.first
    }
}
