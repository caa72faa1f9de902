public import Engine
import Fusion
public import Graphs

/// A network of any operators: what kernels cover runs as plans, the rest by the operators' definitions.
///
/// Nothing is allocated on the way of a network that is one plan (`plan`). Others allocate where a part without kernels
/// runs, and for the values that go in and out of it; each of these is let go of after its last reader. All plans of a
/// session share one arena.
public final class HybridNetwork: Sendable {
    enum Part: Sendable {
        /// With the names of the values that nothing reads after it.
        case plan(Plan, FusedNetwork, ended: [String])
        case operators(OperatorSequence)
    }

    public let bound: BoundGraph
    let parts: [Part]
    let product: MatrixProduct
    /// Operators that no kernel computes, each once, in alphabetical order.
    public let evaluatedOperators: [String]
    /// The whole network from one image to one output, where kernels cover all of it.
    public let plan: Plan?

    /// - Parameter precision: of the plans, as for a network that is one; definitions compute in 32 bits.
    /// - Throws: where the graph's nodes contradict each other; a missing kernel is no error.
    public convenience init(
        _ bound: BoundGraph, kernels: KernelSet, precision: Precision = .fp32
    ) throws(GraphFailure) {
        self.init(try SegmentedNetwork(bound), kernels: kernels, precision: precision)
    }

    init(_ segmented: SegmentedNetwork, kernels: KernelSet, precision: Precision = .fp32) {
        let bound = segmented.bound
        self.bound = bound
        var parts: [Part] = []
        do throws(GraphFailure) {
            parts = try Self.parts(of: segmented, kernels, precision)
        } catch {
            parts = [.operators(OperatorSequence(bound))]
        }
        self.parts = parts
        product = MatrixProduct(kernels)
        let evaluated = parts.flatMap { part -> [Node] in
            if case .operators(let sequence) = part { sequence.nodes } else { [] }
        }
        evaluatedOperators = Set(
            evaluated.filter { !MatrixProduct.covers($0, bound.types) }.map(\.operatorName)
        ).sorted()
        if parts.count == 1, case .plan(let plan, let network, _) = parts[0], network.inputs.count == 1,
            bound.graph.outputs == network.outputs.map(\.name)
        {
            self.plan = plan
        } else {
            plan = nil
        }
    }

    private static func parts(
        of network: SegmentedNetwork, _ kernels: KernelSet, _ precision: Precision
    ) throws(GraphFailure) -> [Part] {
        var parts: [Part] = []
        var ended = network.lifetimes.ended[...]
        for segment in network.segments {
            switch segment {
            case .kernels(let network):
                let plan = try network.plan(kernels: kernels, precision: precision)
                parts.append(.plan(plan, network, ended: ended.removeFirst()))
            case .operators(let nodes):
                parts.append(.operators(OperatorSequence(nodes, ended: Array(ended.prefix(nodes.count)))))
                ended = ended.dropFirst(nodes.count)
            }
        }
        return parts
    }

    /// Name of the kernel that computes a node outside the plans, if any does.
    public func kernelName(of node: Node) -> String? {
        MatrixProduct.covers(node, bound.types) ? product.kernelName : nil
    }

    /// int8 where a plan computes anything in 8 bits, else bf16 where one does in that.
    public var precision: Precision {
        let found = Set(plans.map(\.precision))
        return found.contains(.int8) ? .int8 : found.contains(.bf16) ? .bf16 : .fp32
    }

    public var plans: [Plan] {
        parts.compactMap { part in
            if case .plan(let plan, _, _) = part { plan } else { nil }
        }
    }

    /// Bytes of packed weights that the plans read.
    public var weightBytes: Int { plans.reduce(0) { $0 + $1.weightBytes } }
}

/// Runs a hybrid network, one input at a time. Belongs to one thread, which calls it.
public final class HybridSession {
    private let network: HybridNetwork
    private let session: Session

    /// - Parameter threads: how many share the plans and products of matrices, the caller's included; operators without
    ///   kernels run on the caller's.
    public init(_ network: HybridNetwork, threads: Int = 1) {
        self.network = network
        session = Session(for: network.plans, threads: threads)
    }

    /// Of the arena that all plans run in, one after another.
    var arenaBytes: Int { session.arenaBytes }

    /// What has just been computed: one of the network's plans, by its place, or an operator without a kernel.
    public enum Event: Sendable {
        case plan(Int)
        case node(Node)
    }

    /// - Parameters:
    ///   - inputs: by name, of the types that the graph was bound to.
    ///   - finished: called after each plan and each operator without a kernel.
    /// - Returns: the outputs by name.
    /// - Throws: what an operator's definition throws.
    public func run(
        _ inputs: [String: TensorValue], finished: (Event) -> Void = { _ in }
    ) throws(GraphFailure) -> [String: TensorValue] {
        try run(inputs, watched: { event, _ in finished(event) })
    }

    /// - Parameter finished: is also told which values are left for what comes, the graph's constants among them.
    func run(
        _ inputs: [String: TensorValue], watched finished: (Event, [String: TensorValue]) -> Void
    ) throws(GraphFailure) -> [String: TensorValue] {
        let bound = network.bound
        var values = bound.graph.initialisers
        for input in bound.graph.inputs {
            guard let value = inputs[input.name] else {
                throw GraphFailure("the input \(input.name.printable) is missing")
            }
            guard value.type == bound.types[input.name] else {
                throw GraphFailure("the input \(input.name.printable) is \(value.type)")
            }
            values[input.name] = value
        }
        var plans = 0
        for part in network.parts {
            switch part {
            case .operators(let sequence):
                try sequence.run(
                    &values, kernel: { network.product.result(of: $0, in: session) },
                    finished: { finished(.node($0), $1) })
            case .plan(let plan, let fused, let ended):
                try run(plan, fused, &values)
                for name in ended { values[name] = nil }
                finished(.plan(plans), values)
                plans += 1
            }
        }
        var outputs: [String: TensorValue] = [:]
        for name in bound.graph.outputs { outputs[name] = values[name] }
        return outputs
    }

    private func run(
        _ plan: Plan, _ fused: FusedNetwork, _ values: inout [String: TensorValue]
    ) throws(GraphFailure) {
        var arrays: [[Float]] = []
        for port in fused.inputs {
            guard case .float32(let array)? = values[port.name]?.elements, array.count == port.type.count else {
                throw GraphFailure("\(port.name.printable) is not what the graph says")
            }
            arrays.append(array)
        }
        let results = Self.withBuffers(arrays) { session.run(plan, on: $0).map { [Float]($0) } }
        for (port, result) in zip(fused.outputs, results) {
            values[port.name] = TensorValue(shape: port.type.shape, .float32(result))
        }
    }

    private static func withBuffers<Result>(
        _ arrays: [[Float]], _ found: [UnsafeBufferPointer<Float>] = [],
        _ body: ([UnsafeBufferPointer<Float>]) -> Result
    ) -> Result {
        guard found.count < arrays.count else { return body(found) }
        return arrays[found.count].withUnsafeBufferPointer { withBuffers(arrays, found + [$0], body) }
    }
}
