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

    /// - Parameters:
    ///   - evaluates: whether nodes without a kernel are allowed; else they are refused.
    ///   - window: as `NetworkCut.segments` takes it; `nil` chooses one by the memory that is needed.
    init(_ bound: BoundGraph, evaluates: Bool, window: Int? = nil) throws(GraphFailure) {
        self.bound = bound
        var left: Set<Int> = []
        for _ in 0..<Self.attempts {
            do throws(GraphFailure) {
                var walk = Walk(bound, leaving: left)
                try walk.run(evaluates: evaluates)
                let culprits = walk.makers.subtracting(left)
                guard !culprits.isEmpty else {
                    let cut = try walk.cut()
                    segments = if let window { try cut.segments(window: window) } else { try cut.segments() }
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

    init(_ bound: BoundGraph, _ segments: [Segment]) {
        self.bound = bound
        self.segments = segments
    }

    /// A node that makes integers for others to read takes those before it along, so that a few turns are enough.
    private static let attempts = 8
}

/// Turns nodes into steps as long as there are kernels for them.
private struct Walk {
    private let bound: BoundGraph
    private var fusion: Fusion
    private var items: [NetworkCut.Item] = []
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
                items += fusion.steps[first...].map(NetworkCut.Item.step)
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
        items += fusion.steps[first...].map(NetworkCut.Item.step)
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
        items += fusion.steps[first...].map(NetworkCut.Item.step) + [.node(node)]
        for output in node.outputs where !output.isEmpty { fusion.admit(output) }
    }

    func cut() throws(GraphFailure) -> NetworkCut { try NetworkCut(bound, fusion, items) }
}

extension FusedStep {
    /// The maps that it reads.
    public var reads: [String] { inputs + (finish.residual.map { [$0.value] } ?? []) }
}
