public import Graphs

extension SegmentedNetwork {
    /// When the values between the plans and nodes are needed, one stage for every plan and every node. Outputs and
    /// initialisers are kept.
    public var lifetimes: ValueLifetimes {
        let stages = segments.flatMap { segment -> [ValueLifetimes.Stage] in
            switch segment {
            case .kernels(let network):
                [ValueLifetimes.Stage(reads: network.inputs.map(\.name), makes: network.outputs.map(\.name))]
            case .operators(let nodes): nodes.map { ValueLifetimes.Stage(reads: $0.inputs, makes: $0.outputs) }
            }
        }
        return ValueLifetimes(stages, keeping: Set(bound.graph.outputs).union(bound.graph.initialisers.keys))
    }

    /// About the most bytes that one run needs: the values between plans and nodes while the most are alive, the
    /// graph's inputs included, and beside them the maps of the plan that needs the most, as plans share an arena.
    /// Values whose shape depends on data count nothing, nor does what a kernel or a definition needs for itself.
    var peakBytes: Int {
        var sizes = bound.types.mapValues(\.byteCount)
        var arena = 0
        for case .kernels(let network) in segments {
            for port in network.inputs + network.outputs { sizes[port.name] = port.type.byteCount }
            arena = max(arena, network.mapBytes)
        }
        return arena + lifetimes.peakBytes(from: bound.graph.inputs.map(\.name)) { sizes[$0] ?? 0 }
    }
}

extension FusedNetwork {
    /// About the bytes of an arena: the most that are alive at once of the inputs' and the steps' maps.
    var mapBytes: Int {
        var sizes: [String: Int] = [:]
        for port in inputs { sizes[port.map] = port.shape.byteCount }
        for step in steps { sizes[step.output] = step.mapBytes }
        let stages = steps.map { ValueLifetimes.Stage(reads: $0.reads, makes: [$0.output]) }
        return ValueLifetimes(stages, keeping: Set(outputs.map(\.map))).peakBytes(from: inputs.map(\.map)) {
            sizes[$0] ?? 0
        }
    }
}

extension FusedStep {
    /// Bytes of the step's result.
    var mapBytes: Int { outputQuantization == nil ? shape.byteCount : shape.byteCount / MemoryLayout<Float>.size }
}

extension MapShape {
    /// Of real numbers, as the kernels keep them: channels in blocks.
    fileprivate var byteCount: Int {
        let block = FusedInterleave.multiple
        return (channels + block - 1) / block * block * pixels * MemoryLayout<Float>.size
    }
}

extension ValueType {
    var byteCount: Int { count * element.byteCount }
}
