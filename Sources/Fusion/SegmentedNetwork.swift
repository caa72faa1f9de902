public import Graphs

/// A network cut into parts that kernels compute and parts that run by their operators' definitions, in an order in
/// which every part comes after those whose results it reads.
public struct SegmentedNetwork: Equatable, Sendable {
    public enum Segment: Equatable, Sendable {
        case kernels(FusedNetwork)
        /// Nodes of the bound graph, in order.
        case operators([Node])
    }

    public let bound: BoundGraph
    public let segments: [Segment]

    /// Operators that no kernel computes, each once, in alphabetical order.
    public var evaluatedOperators: [String] {
        var names: Set<String> = []
        for case .operators(let nodes) in segments { names.formUnion(nodes.map(\.operatorName)) }
        return names.sorted()
    }

    public init(_ bound: BoundGraph) throws(GraphFailure) { try self.init(bound, evaluates: true) }

    /// - Parameter evaluates: whether nodes without a kernel are allowed; else they are refused.
    init(_ bound: BoundGraph, evaluates: Bool) throws(GraphFailure) {
        self.bound = bound
        do throws(GraphFailure) {
            var walk = Walk(bound)
            try walk.run(evaluates: evaluates)
            segments = try walk.segments()
        } catch {
            // A node without a kernel that reads the integers which a step leaves.
            guard evaluates else { throw error }
            segments = [.operators(bound.graph.nodes)]
        }
    }
}

/// Turns nodes into steps as long as there are kernels for them, and cuts the result.
private struct Walk {
    private enum Item {
        case step(FusedStep)
        case node(Node)
    }

    private let bound: BoundGraph
    private var fusion: Fusion
    private var items: [Item] = []

    init(_ bound: BoundGraph) {
        self.bound = bound
        fusion = Fusion(bound)
    }

    mutating func run(evaluates: Bool) throws(GraphFailure) {
        for input in bound.graph.inputs { fusion.admit(input.name) }
        for index in bound.graph.nodes.indices where !fusion.isAbsorbed(index) {
            let node = bound.graph.nodes[index]
            let first = fusion.steps.count
            do throws(GraphFailure) {
                try fusion.fuse(index)
                items += fusion.steps[first...].map(Item.step)
            } catch {
                guard evaluates else { throw error.at(node) }
                try leave(node)
            }
        }
        let first = fusion.steps.count
        for output in bound.graph.outputs {
            try fusion.compute(output)
            guard evaluates || fusion.map(of: output) != nil else {
                throw GraphFailure("the output is computed by no step")
            }
        }
        items += fusion.steps[first...].map(Item.step)
    }

    /// Leaves a node to its operator's definition; what it reads is computed, what it computes may be read by kernels.
    private mutating func leave(_ node: Node) throws(GraphFailure) {
        let first = fusion.steps.count
        for name in node.inputs { try fusion.compute(name) }
        items += fusion.steps[first...].map(Item.step) + [.node(node)]
        for output in node.outputs where !output.isEmpty { fusion.admit(output) }
    }

    // MARK: Cutting

    /// Values that come from outside the steps, by the name under which nodes and steps know them.
    private var evaluated: Set<String> {
        var names = Set(bound.graph.inputs.map(\.name)).union(bound.graph.initialisers.keys)
        for case .node(let node) in items { names.formUnion(node.outputs) }
        return names
    }

    /// Takes turns: all steps whose inputs are there, then all such nodes, until none is left.
    func segments() throws(GraphFailure) -> [SegmentedNetwork.Segment] {
        let evaluated = self.evaluated
        var known = Set(bound.graph.inputs.map(\.name)).union(bound.graph.initialisers.keys)
        var rest = items
        var parts: [(steps: [FusedStep], nodes: [Node])] = []
        while !rest.isEmpty {
            var part = (steps: [FusedStep](), nodes: [Node]())
            var left: [Item] = []
            for item in rest {
                if case .step(let step) = item, step.reads.allSatisfy(known.contains) {
                    part.steps.append(step)
                    known.insert(step.output)
                } else {
                    left.append(item)
                }
            }
            rest = left
            left = []
            for item in rest {
                if case .node(let node) = item, isKnown(node, known, evaluated) {
                    part.nodes.append(node)
                    known.formUnion(node.outputs)
                } else {
                    left.append(item)
                }
            }
            guard left.count < rest.count || !part.steps.isEmpty else {
                throw GraphFailure("its nodes read each other in a circle")
            }
            rest = left
            parts.append(part)
        }
        return assemble(parts, evaluated)
    }

    private func isKnown(_ node: Node, _ known: Set<String>, _ evaluated: Set<String>) -> Bool {
        node.inputs.allSatisfy { name in
            if name.isEmpty || known.contains(name) && evaluated.contains(name) { return true }
            guard !evaluated.contains(name), let map = fusion.map(of: name) else { return false }
            return known.contains(map)
        }
    }

    private func assemble(
        _ parts: [(steps: [FusedStep], nodes: [Node])], _ evaluated: Set<String>
    ) -> [SegmentedNetwork.Segment] {
        // What the graph's outputs and the nodes read, and what other parts' steps read.
        let names = bound.graph.outputs + parts.flatMap { $0.nodes.flatMap(\.inputs) }
        var segments: [SegmentedNetwork.Segment] = []
        for (index, part) in parts.enumerated() {
            if !part.steps.isEmpty {
                let made = Set(part.steps.map(\.output))
                let elsewhere = parts.indices.filter { $0 != index }.flatMap { parts[$0].steps.flatMap(\.reads) }
                var ports: [FusedPort] = []
                for name in names where !evaluated.contains(name) && !ports.contains(where: { $0.name == name }) {
                    guard let map = fusion.map(of: name), made.contains(map), let port = fusion.port(name, map) else {
                        continue
                    }
                    ports.append(port)
                }
                for map in elsewhere where made.contains(map) && !ports.contains(where: { $0.name == map }) {
                    if let port = fusion.port(map, map) { ports.append(port) }
                }
                var inputs: [FusedPort] = []
                for map in part.steps.flatMap(\.reads)
                where !made.contains(map) && !inputs.contains(where: { $0.map == map }) {
                    if let port = fusion.port(map, map) { inputs.append(port) }
                }
                if !ports.isEmpty {
                    segments.append(
                        .kernels(FusedNetwork(inputs: inputs, steps: Self.read(part.steps, ports), outputs: ports)))
                }
            }
            if !part.nodes.isEmpty { segments.append(.operators(part.nodes)) }
        }
        return segments
    }

    /// The steps that the outputs need.
    private static func read(_ steps: [FusedStep], _ outputs: [FusedPort]) -> [FusedStep] {
        var needed = Set(outputs.map(\.map))
        var kept: [FusedStep] = []
        for step in steps.reversed() where needed.contains(step.output) {
            needed.formUnion(step.reads)
            kept.append(step)
        }
        return kept.reversed()
    }
}

extension FusedStep {
    /// The maps that it reads.
    public var reads: [String] { inputs + (finish.residual.map { [$0.value] } ?? []) }
}
