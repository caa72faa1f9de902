import Graphs

/// Networks that take a picture with its channels last, `[batch, height, width, channels]`, and move them to the front
/// before anything else, as exporters of TensorFlow write them. Pictures come with their channels first, so the network
/// is read without that step, and its input as `[batch, channels, height, width]`.
enum ChannelsLastInput {
    /// The graph with every such input turned and its Transpose left out; any other input stays as it is.
    ///
    /// An input is such where it has one or three channels at its end and not in the second place, nothing but one
    /// Transpose by 0, 3, 1, 2 reads it, and neither its value nor what the Transpose makes of it is an output.
    static func absorbed(in graph: Graph) throws(GraphFailure) -> Graph {
        var readers: [String: [Int]] = [:]
        for (index, node) in graph.nodes.enumerated() {
            for name in node.inputs { readers[name, default: []].append(index) }
        }
        var absorbed: Set<Int> = []
        var renamed: [String: String] = [:]
        var inputs = graph.inputs
        for (place, input) in inputs.enumerated() where isChannelsLast(input.dimensions) {
            guard let reader = readers[input.name], reader.count == 1, !graph.outputs.contains(input.name) else {
                continue
            }
            let node = graph.nodes[reader[0]]
            guard node.operatorName == "Transpose", node.domain.isEmpty, node.inputs == [input.name],
                node.attributes["perm"] == .ints([0, 3, 1, 2]), node.outputs.count == 1,
                !graph.outputs.contains(node.outputs[0])
            else { continue }
            absorbed.insert(reader[0])
            renamed[node.outputs[0]] = input.name
            inputs[place] = GraphInput(
                name: input.name, element: input.element, dimensions: [0, 3, 1, 2].map { input.dimensions[$0] })
        }
        guard !absorbed.isEmpty else { return graph }
        let nodes = graph.nodes.indices.filter { !absorbed.contains($0) }.map { index in
            let node = graph.nodes[index]
            return Node(
                node.operatorName, domain: node.domain, opset: node.opset, name: node.name,
                inputs: node.inputs.map { renamed[$0] ?? $0 }, outputs: node.outputs, attributes: node.attributes)
        }
        return try Graph(
            name: graph.name, inputs: inputs, outputs: graph.outputs, initialisers: graph.initialisers, nodes: nodes)
    }

    private static func isChannelsLast(_ dimensions: [Dimension]) -> Bool {
        let channels: [Dimension] = [.fixed(1), .fixed(3)]
        return dimensions.count == 4 && channels.contains(dimensions[3]) && !channels.contains(dimensions[1])
    }
}
