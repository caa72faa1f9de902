import Graphs

/// Channels that are joined, picked or reordered: nothing is copied until a step reads them.
extension Fusion {
    /// Neighbouring channels of a map, or of zeros.
    struct Run: Equatable {
        let map: String?
        let first: Int
        let count: Int
    }

    /// The channels of a value, in order, and its rows and columns.
    struct Picked {
        var runs: [Run]
        let height: Int
        let width: Int
        /// Of the node that asked for it.
        let label: String

        /// Channels of `range`.
        func slice(_ range: Range<Int>) -> [Run] {
            var (result, position) = ([Run](), 0)
            for run in runs {
                let low = max(range.lowerBound, position), high = min(range.upperBound, position + run.count)
                if low < high {
                    result.append(Run(map: run.map, first: run.first + low - position, count: high - low))
                }
                position += run.count
            }
            return result
        }
    }

    /// What a value with its channels first is made of.
    mutating func channels(_ node: Node, _ index: Int) throws(GraphFailure) -> Picked {
        guard index < node.inputs.count else { throw GraphFailure("input \(index) is missing") }
        if let picked = arranged.picked[node.inputs[index]] { return picked }
        if let zeros = zeros(node.inputs[index], node.label) { return zeros }
        let input = try mapInput(node, index)
        return Picked(
            runs: [Run(map: input.name, first: 0, count: input.shape.channels)], height: input.shape.height,
            width: input.shape.width, label: node.label)
    }

    /// A constant of zeros.
    private func zeros(_ name: String, _ label: String) -> Picked? {
        guard let shape = bound.graph.initialisers[name]?.shape, shape.count == 4, shape[0] == 1,
            let values = constant(name), values.allSatisfy({ $0 == 0 })
        else { return nil }
        return Picked(
            runs: [Run(map: nil, first: 0, count: shape[1])], height: shape[2], width: shape[3], label: label)
    }

    /// States that a value has these channels.
    mutating func pick(_ name: String, _ picked: Picked) {
        var merged: [Run] = []
        for run in picked.runs {
            if let last = merged.last, last.map == run.map, run.map == nil || last.first + last.count == run.first {
                merged[merged.count - 1] = Run(map: run.map, first: last.first, count: last.count + run.count)
            } else {
                merged.append(run)
            }
        }
        arranged.picked[name] = Picked(runs: merged, height: picked.height, width: picked.width, label: picked.label)
    }

    /// Computes a value that was only picked so far.
    mutating func arrange(_ name: String) throws(GraphFailure) {
        guard let picked = arranged.picked[name] else { return }
        arranged.picked[name] = nil
        let count = picked.runs.reduce(0) { $0 + $1.count }
        let shape = MapShape(channels: count, height: picked.height, width: picked.width)
        if picked.runs.count == 1, let map = picked.runs[0].map, try self.shape(of: map) == shape {
            return alias(name, to: map)
        }
        var inputs: [String] = []
        let channels = picked.runs.map { run in
            guard let map = run.map else { return FusedChannels(input: nil, first: 0, count: run.count) }
            if !inputs.contains(map) { inputs.append(map) }
            return FusedChannels(input: inputs.firstIndex(of: map), first: run.first, count: run.count)
        }
        add(FusedStep(name: picked.label, work: .gather(channels), inputs: inputs, output: name, shape: shape))
    }

    mutating func fuseConcat(_ node: Node) throws(GraphFailure) {
        let rank = bound.types[node.outputs[0]]?.rank ?? 0
        guard let axis = try call(node).int("axis"), axis == 1 || axis == 1 - rank else {
            throw GraphFailure("joins something else than channels")
        }
        var runs: [Run] = []
        var size: (Int, Int)?
        for index in node.inputs.indices {
            let picked = try channels(node, index)
            if let size, size != (picked.height, picked.width) { throw GraphFailure("joins maps of different sizes") }
            size = (picked.height, picked.width)
            runs += picked.runs
        }
        guard let size else { throw GraphFailure("joins nothing") }
        pick(node.outputs[0], Picked(runs: runs, height: size.0, width: size.1, label: node.label))
    }

    mutating func fuseSplit(_ node: Node) throws(GraphFailure) {
        let rank = bound.types[node.inputs[0]]?.rank ?? 0
        let axis = try call(node).int("axis", 0)
        guard axis == 1 || axis == 1 - rank else { throw GraphFailure("splits something else than channels") }
        let picked = try channels(node, 0)
        var first = 0
        for output in node.outputs where !output.isEmpty {
            guard let count = bound.types[output]?.shape[1] else { throw GraphFailure("has no shape") }
            var part = picked
            part.runs = picked.slice(first..<first + count)
            pick(output, part)
            first += count
        }
    }

    /// `[1, C, H, W]` to `[1, g, C / g, H, W]`, transposed to `[1, C / g, g, H, W]`, and back: a channel shuffle (Zhang
    /// et al. 2018).
    /// - Returns: whether the node begins one.
    mutating func fuseShuffle(_ node: Node) throws(GraphFailure) -> Bool {
        guard let split = bound.types[node.outputs[0]]?.shape, let whole = bound.types[node.inputs[0]]?.shape,
            split.count == 5, whole.count == 4, split[1] * split[2] == whole[1], split[3...] == whole[2...],
            let turn = onlyReader(of: node.outputs[0]), nodes[turn].operatorName == "Transpose",
            try call(nodes[turn]).ints("perm") == [0, 2, 1, 3, 4],
            let join = onlyReader(of: nodes[turn].outputs[0]), nodes[join].operatorName == "Reshape",
            bound.types[nodes[join].outputs[0]]?.shape == whole
        else { return false }
        let picked = try channels(node, 0)
        var shuffled = picked
        shuffled.runs = (0..<whole[1]).flatMap { channel in
            let from = channel % split[1] * split[2] + channel / split[1]
            return picked.slice(from..<from + 1)
        }
        absorb(turn)
        absorb(join)
        pick(nodes[join].outputs[0], shuffled)
        return true
    }

    private func onlyReader(of value: String) -> Int? {
        let readers = readers(of: value)
        return readers.count == 1 && !isAbsorbed(readers[0]) ? readers[0] : nil
    }

    /// Channels to pixels (ONNX `DepthToSpace` 1 to 13, modes DCR and CRD).
    mutating func fuseDepthToSpace(_ node: Node) throws(GraphFailure) {
        let call = call(node)
        guard let side = try call.int("blocksize"), side > 0, let type = bound.types[node.outputs[0]] else {
            throw GraphFailure("has no blocksize")
        }
        var picked = try channels(node, 0)
        let isDepthFirst = try call.text("mode", "DCR") == "DCR"
        let (count, phases) = (type.shape[1], side * side)
        let spare = FusedInterleave.padded(count) - count
        let source = picked
        picked.runs = (0..<phases).flatMap { phase in
            let own = (0..<count).flatMap { channel in
                let from = isDepthFirst ? phase * count + channel : channel * phases + phase
                return source.slice(from..<from + 1)
            }
            return own + (spare > 0 ? [Run(map: nil, first: 0, count: spare)] : [])
        }
        let phased = node.outputs[0] + ".phases"
        pick(phased, picked)
        try arrange(phased)
        guard let map = map(of: phased) else { throw GraphFailure("has no input") }
        try append(
            node.label, .interleave(FusedInterleave(stride: side)), [map], value: node.outputs[0],
            MapShape(channels: count, height: type.shape[2], width: type.shape[3]))
    }

    /// Pixels to channels (ONNX `SpaceToDepth`).
    mutating func fuseSpaceToDepth(_ node: Node) throws(GraphFailure) {
        let input = try mapInput(node, 0)
        guard let side = try call(node).int("blocksize"), side > 0 else { throw GraphFailure("has no blocksize") }
        let shape = MapShape(
            channels: input.shape.channels, height: input.shape.height / side, width: input.shape.width / side)
        var runs: [Run] = []
        for phase in 0..<side * side {
            let output = "\(node.outputs[0]).phase\(phase)"
            let rows = (0..<shape.height).map { FusedTap($0 * side + phase / side) }
            let columns = (0..<shape.width).map { FusedTap($0 * side + phase % side) }
            try append(
                node.label, .resample(rows: rows, columns: columns), [input.name], value: output, shape, follow: false)
            runs.append(Run(map: output, first: 0, count: shape.channels))
        }
        pick(node.outputs[0], Picked(runs: runs, height: shape.height, width: shape.width, label: node.label))
    }
}
