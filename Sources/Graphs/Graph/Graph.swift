/// A network as a graph of operators over named values, every name defined once.
public struct Graph: Equatable, Sendable {
    public let name: String
    public let inputs: [GraphInput]
    public let outputs: [String]
    /// Constants by name.
    public let initialisers: [String: TensorValue]
    /// In an order in which every node comes after those whose results it reads.
    public let nodes: [Node]

    /// Checks names and sorts the nodes, keeping their order where it is possible.
    /// - Throws: where a name is defined twice or not at all, nodes read each other in a circle, or a limit is passed.
    public init(
        name: String, inputs: [GraphInput], outputs: [String], initialisers: [String: TensorValue], nodes: [Node]
    ) throws(GraphFailure) {
        try GraphLimits.check(nodes.count, GraphLimits.nodes, "nodes")
        try GraphLimits.check(inputs.count, GraphLimits.inputs, "inputs")
        try GraphLimits.check(initialisers.count, GraphLimits.initialisers, "initialisers")
        let producers = try Self.producers(inputs, initialisers, nodes)
        guard !outputs.isEmpty else { throw GraphFailure("the graph has no output") }
        for output in outputs where producers[output] == nil {
            throw GraphFailure("nothing computes the output \(output.printable)")
        }
        guard Set(outputs).count == outputs.count else { throw GraphFailure("an output is listed twice") }
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.initialisers = initialisers
        self.nodes = try Self.sorted(nodes, producers)
    }

    /// The node that computes each value; -1 for inputs and initialisers.
    private static func producers(
        _ inputs: [GraphInput], _ initialisers: [String: TensorValue], _ nodes: [Node]
    ) throws(GraphFailure) -> [String: Int] {
        var producers: [String: Int] = [:]
        func define(_ name: String, by producer: Int) throws(GraphFailure) {
            guard producers.updateValue(producer, forKey: name) == nil else {
                throw GraphFailure("the name \(name.printable) is defined twice")
            }
        }
        for input in inputs {
            guard !input.name.isEmpty else { throw GraphFailure("an input has no name") }
            try define(input.name, by: -1)
        }
        for name in initialisers.keys { try define(name, by: -1) }
        for (index, node) in nodes.enumerated() {
            guard node.outputs.contains(where: { !$0.isEmpty }) else {
                throw GraphFailure("computes nothing", at: node)
            }
            for output in node.outputs where !output.isEmpty { try define(output, by: index) }
        }
        return producers
    }

    /// Visits every node after its producers, depth first, without recursion.
    private static func sorted(_ nodes: [Node], _ producers: [String: Int]) throws(GraphFailure) -> [Node] {
        enum Mark { case new, open, done }
        var marks = [Mark](repeating: .new, count: nodes.count)
        var order: [Node] = []
        order.reserveCapacity(nodes.count)
        for root in nodes.indices where marks[root] == .new {
            var stack: [(node: Int, next: Int)] = [(root, 0)]
            marks[root] = .open
            while let (index, next) = stack.last {
                let node = nodes[index]
                guard next < node.inputs.count else {
                    marks[index] = .done
                    order.append(node)
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                let input = node.inputs[next]
                if input.isEmpty { continue }
                guard let producer = producers[input] else {
                    throw GraphFailure("nothing defines its input \(input.printable)", at: node)
                }
                guard producer >= 0, marks[producer] != .done else { continue }
                guard marks[producer] == .new else { throw GraphFailure("reads its own result in a circle", at: node) }
                marks[producer] = .open
                stack.append((producer, 0))
            }
        }
        return order
    }
}

/// What a caller hands to a graph.
public struct GraphInput: Codable, Equatable, Sendable, CustomStringConvertible {
    public let name: String
    public let element: ElementType
    public let dimensions: [Dimension]

    public init(name: String, element: ElementType, dimensions: [Dimension]) {
        self.name = name
        self.element = element
        self.dimensions = dimensions
    }

    /// Such as `x: batch 1, channels 3, height 224, width 224`, of a picture; other sizes are only listed.
    public var description: String {
        let sizes = dimensions.map(\.description)
        let axes = ["batch", "channels", "height", "width"]
        let known = dimensions.count == 4 ? zip(axes, sizes).map { "\($0) \($1)" } : sizes
        return "\(name.printable): \(known.joined(separator: ", "))"
    }
}

public enum Dimension: Equatable, Sendable, CustomStringConvertible {
    case fixed(Int)
    /// Bound at plan time; the same name means the same size.
    case symbolic(String)
    /// Bound at plan time, each by itself.
    case unknown

    public var description: String {
        switch self {
        case .fixed(let size): "\(size)"
        case .symbolic(let name): name.printable
        case .unknown: "open"
        }
    }
}
