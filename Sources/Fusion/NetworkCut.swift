import Graphs

/// The steps and nodes of a graph, in its order, and ways to cut them into parts. In a part all steps come before all
/// nodes.
///
/// The fewest parts come of putting everything into the first part where all that it reads is there: what the branches
/// of a network compute by kernels becomes one plan. But the maps of all branches are then made before the first is
/// consumed. So the graph is cut into windows that follow each other, with the fewest parts in each: as long as the
/// window is the whole graph memory is left out of account, and where a window ends wherever a step follows a node the
/// parts have the graph's own order.
struct NetworkCut {
    enum Item {
        case step(FusedStep)
        case node(Node)
    }

    /// Where the fewest parts need no more than so many bytes, memory is no reason for more: about the weights of a
    /// network for a small board.
    static let leastBudget = 32 << 20
    /// Where they need more, they may still need so many times what the graph's own order needs.
    static let tolerance = 2
    /// By how much windows shrink, and the bytes below which there is nothing between them and the graph's own order.
    private static let (shrinkage, leastWindow) = (2, 64 << 10)

    private let bound: BoundGraph
    private var fusion: Fusion
    private let items: [Item]
    /// Values that come from outside the steps, by the name under which nodes and steps know them.
    private let evaluated: Set<String>
    /// For each item, the values that have to be there.
    private let reads: [[String]]
    /// For each item, the bytes that it makes for items of the other kind.
    private let handed: [Int]

    /// - Throws: where a node reads what nothing computes.
    init(_ bound: BoundGraph, _ fusion: Fusion, _ items: [Item]) throws(GraphFailure) {
        self.bound = bound
        self.fusion = fusion
        self.items = items
        var evaluated = Set(bound.graph.inputs.map(\.name)).union(bound.graph.initialisers.keys)
        for case .node(let node) in items { evaluated.formUnion(node.outputs) }
        var reads: [[String]] = []
        for item in items { reads.append(try Self.reads(of: item, fusion, evaluated)) }
        let crossing = zip(items, reads).flatMap { item, names in
            names.filter { if case .step = item { evaluated.contains($0) } else { !evaluated.contains($0) } }
        }
        self.evaluated = evaluated
        self.reads = reads
        handed = Self.bytes(of: items, Set(crossing), bound)
    }

    private static func reads(
        of item: Item, _ fusion: Fusion, _ evaluated: Set<String>
    ) throws(GraphFailure) -> [String] {
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

    private static func bytes(of items: [Item], _ names: Set<String>, _ bound: BoundGraph) -> [Int] {
        items.map { item in
            switch item {
            case .step(let step): names.contains(step.output) ? step.mapBytes : 0
            case .node(let node):
                node.outputs.filter(names.contains).reduce(0) { $0 + (bound.types[$1]?.byteCount ?? 0) }
            }
        }
    }

    // MARK: Cutting

    /// The fewest parts that keep to the budget: `leastBudget` or, where that is more, `tolerance` times what the
    /// graph's own order needs. That order itself where no window that keeps to the budget saves a plan.
    func segments() throws(GraphFailure) -> [SegmentedNetwork.Segment] {
        let fewest = try segments(window: .max)
        guard fewest.count > 1 else { return fewest }
        let needed = peakBytes(fewest)
        guard needed > Self.leastBudget else { return fewest }
        let ordered = try segments(window: 0)
        let budget = max(Self.leastBudget, Self.tolerance * peakBytes(ordered))
        guard needed > budget else { return fewest }
        var window = budget
        while window >= Self.leastWindow {
            let found = try segments(window: window)
            if peakBytes(found) <= budget { return plans(found) < plans(ordered) ? found : ordered }
            window /= Self.shrinkage
        }
        return ordered
    }

    private func peakBytes(_ segments: [SegmentedNetwork.Segment]) -> Int {
        SegmentedNetwork(bound, segments).peakBytes
    }

    private func plans(_ segments: [SegmentedNetwork.Segment]) -> Int {
        segments.count { if case .kernels = $0 { true } else { false } }
    }

    private struct Part {
        var steps: [FusedStep] = []
        var nodes: [Node] = []
    }

    /// The fewest parts within each window.
    /// - Parameter window: bytes handed between steps and nodes after which, where the next step follows a node, all
    ///   that is left comes after all before.
    func segments(window: Int) throws(GraphFailure) -> [SegmentedNetwork.Segment] {
        // By value: the part that computes it, and whether a node does, so that no step of that part may read it.
        var places: [String: (part: Int, isOfNode: Bool)] = [:]
        for name in bound.graph.inputs.map(\.name) + bound.graph.initialisers.keys { places[name] = (0, false) }
        var parts = [Part()]
        var (first, bytes, followsNode) = (0, 0, false)
        for (index, item) in items.enumerated() {
            if case .step = item, followsNode, bytes >= window { (first, bytes) = (parts.count, 0) }
            bytes += handed[index]
            var part = first
            for name in reads[index] {
                guard let place = places[name] else { throw GraphFailure("its nodes read each other in a circle") }
                if case .step = item, place.isOfNode { part = max(part, place.part + 1) }
                part = max(part, place.part)
            }
            if part == parts.count { parts.append(Part()) }
            switch item {
            case .step(let step):
                parts[part].steps.append(step)
                places[step.output] = (part, false)
                followsNode = false
            case .node(let node):
                parts[part].nodes.append(node)
                for output in node.outputs { places[output] = (part, true) }
                followsNode = true
            }
        }
        var copy = self
        let steps = copy.separate(parts.map(\.steps))
        for index in parts.indices { parts[index].steps = steps[index] }
        return copy.assemble(parts)
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

    private func assemble(_ parts: [Part]) -> [SegmentedNetwork.Segment] {
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
