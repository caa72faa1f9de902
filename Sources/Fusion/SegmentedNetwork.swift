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
        var left: Set<Int> = []
        for _ in 0..<Self.attempts {
            do throws(GraphFailure) {
                var walk = Walk(bound, leaving: left)
                try walk.run(evaluates: evaluates)
                let culprits = walk.makers.subtracting(left)
                guard !culprits.isEmpty else {
                    segments = try walk.segments()
                    return
                }
                left.formUnion(culprits)
            } catch {
                guard evaluates else { throw error }
                break
            }
        }
        segments = [.operators(bound.graph.nodes)]
    }

    /// A node that makes integers for others to read takes those before it along, so that a few turns are enough.
    private static let attempts = 8
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
    /// Nodes whose integers, or rows and columns sampled apart, are read as such by a node without a kernel or by the
    /// caller, and the nodes that make what they read of that kind: steps cannot leave them.
    private(set) var makers: Set<Int> = []
    private let producers: [String: Int]

    init(_ bound: BoundGraph, leaving left: Set<Int>) {
        self.bound = bound
        fusion = Fusion(bound, leaving: left)
        var producers: [String: Int] = [:]
        for (index, node) in bound.graph.nodes.enumerated() { for name in node.outputs { producers[name] = index } }
        self.producers = producers
    }

    mutating func run(evaluates: Bool) throws(GraphFailure) {
        for input in bound.graph.inputs { fusion.admit(input.name) }
        for index in bound.graph.nodes.indices where !fusion.isAbsorbed(index) {
            let node = bound.graph.nodes[index]
            let first = fusion.steps.count
            do throws(GraphFailure) {
                guard !fusion.left.contains(index) else { throw GraphFailure("its integers are read as such") }
                try requireValues(node)
                try fusion.fuse(index)
                items += fusion.steps[first...].map(Item.step)
            } catch {
                guard evaluates else { throw error.at(node) }
                try leave(node)
            }
        }
        let first = fusion.steps.count
        for output in bound.graph.outputs {
            try compute(output, evaluates: evaluates)
            guard evaluates || fusion.map(of: output) != nil else {
                throw GraphFailure("the output is computed by no step")
            }
        }
        items += fusion.steps[first...].map(Item.step)
    }

    private mutating func compute(_ name: String, evaluates: Bool) throws(GraphFailure) {
        do throws(GraphFailure) { try fusion.compute(name) } catch {
            guard evaluates, !name.isEmpty else { throw error }
            var names = [name]
            while let next = names.popLast() {
                guard let maker = producers[next], makers.insert(maker).inserted else { continue }
                names += bound.graph.nodes[maker].inputs.filter { name in
                    bound.types[name]?.element != .float32 && bound.graph.initialisers[name] == nil
                }
            }
        }
    }

    /// Kernels do not take maps without values.
    private func requireValues(_ node: Node) throws(GraphFailure) {
        for name in node.inputs + node.outputs where bound.types[name]?.count == 0 {
            guard bound.graph.initialisers[name] == nil else { continue }
            throw GraphFailure("has a value without elements")
        }
    }

    /// Leaves a node to its operator's definition; what it reads is computed, what it computes may be read by kernels.
    private mutating func leave(_ node: Node) throws(GraphFailure) {
        let first = fusion.steps.count
        for name in node.inputs { try compute(name, evaluates: true) }
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

    private struct Part {
        var steps: [FusedStep] = []
        var nodes: [Node] = []
    }

    /// Every step and node goes into the first part in which all that it reads is there: within a part all steps come
    /// before all nodes.
    mutating func segments() throws(GraphFailure) -> [SegmentedNetwork.Segment] {
        let evaluated = self.evaluated
        // By value: the part that computes it, and whether a node does, so that no step of that part may read it.
        var places: [String: (part: Int, isOfNode: Bool)] = [:]
        for name in bound.graph.inputs.map(\.name) + bound.graph.initialisers.keys { places[name] = (0, false) }
        var parts = [Part()]
        for item in items {
            var part = 0
            for name in try reads(of: item, evaluated) {
                guard let place = places[name] else { throw GraphFailure("its nodes read each other in a circle") }
                if case .step = item, place.isOfNode { part = max(part, place.part + 1) }
                part = max(part, place.part)
            }
            if part == parts.count { parts.append(Part()) }
            switch item {
            case .step(let step):
                parts[part].steps.append(step)
                places[step.output] = (part, false)
            case .node(let node):
                parts[part].nodes.append(node)
                for output in node.outputs { places[output] = (part, true) }
            }
        }
        let steps = separate(parts.map(\.steps))
        for index in parts.indices { parts[index].steps = steps[index] }
        return assemble(parts, evaluated)
    }

    /// The values that have to be there.
    private func reads(of item: Item, _ evaluated: Set<String>) throws(GraphFailure) -> [String] {
        switch item {
        case .step(let step): return step.reads
        case .node(let node):
            var names: [String] = []
            for name in node.inputs where !name.isEmpty {
                guard let value = evaluated.contains(name) ? name : fusion.map(of: name) else {
                    throw GraphFailure("its nodes read each other in a circle")
                }
                names.append(value)
            }
            return names
        }
    }

    /// Between parts go real numbers: where a part reads another's map of 8 bits, the one returns it to real numbers
    /// and the other rounds these to the same integers again.
    private mutating func separate(_ parts: [[FusedStep]]) -> [[FusedStep]] {
        var made: [String: Int] = [:]
        for (index, steps) in parts.enumerated() { for step in steps { made[step.output] = index } }
        var result = parts
        var returned: Set<String> = []
        for (index, steps) in parts.enumerated() {
            var rounded: [FusedStep] = []
            for map in steps.flatMap(\.reads) {
                guard let maker = made[map], maker != index, let quantization = fusion.quantizations[map],
                    let shape = fusion.shapes[map], !rounded.contains(where: { $0.output == map })
                else { continue }
                let real = map + ".between"
                if returned.insert(real).inserted {
                    result[maker].append(
                        FusedStep(name: map, work: .nothing, inputs: [map], output: real, shape: shape))
                    fusion.state(real, shape)
                    fusion.setLayout(of: real, fusion.layout(of: map))
                }
                rounded.append(
                    FusedStep(
                        name: map, work: .nothing, inputs: [real], output: map, shape: shape,
                        outputQuantization: quantization))
            }
            result[index] = rounded + result[index]
        }
        return result
    }

    private func assemble(_ parts: [Part], _ evaluated: Set<String>) -> [SegmentedNetwork.Segment] {
        // Which part makes a map for others; what rounds another's map again makes it for its own part alone.
        var made: [String: Int] = [:]
        for (index, part) in parts.enumerated() {
            for step in part.steps where made[step.output] == nil { made[step.output] = index }
        }
        // What the graph's outputs and the nodes read, and what other parts' steps read.
        var ports = [[FusedPort]](repeating: [], count: parts.count)
        var known: Set<String> = []
        for name in bound.graph.outputs + parts.flatMap({ $0.nodes.flatMap(\.inputs) })
        where !evaluated.contains(name) && known.insert(name).inserted {
            guard let map = fusion.map(of: name), let maker = made[map], let port = fusion.port(name, map) else {
                continue
            }
            ports[maker].append(port)
        }
        var inputs = [[FusedPort]](repeating: [], count: parts.count)
        for (index, part) in parts.enumerated() {
            var own = Set(part.steps.map(\.output))
            for map in part.steps.flatMap(\.reads) where own.insert(map).inserted {
                guard let port = fusion.port(map, map) else { continue }
                inputs[index].append(port)
                if let maker = made[map], known.insert(map).inserted { ports[maker].append(port) }
            }
        }
        return parts.indices.flatMap { index -> [SegmentedNetwork.Segment] in
            var segments: [SegmentedNetwork.Segment] = []
            if !ports[index].isEmpty {
                let steps = Self.read(parts[index].steps, ports[index])
                segments.append(.kernels(FusedNetwork(inputs: inputs[index], steps: steps, outputs: ports[index])))
            }
            if !parts[index].nodes.isEmpty { segments.append(.operators(parts[index].nodes)) }
            return segments
        }
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
