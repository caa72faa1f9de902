import Graphs

/// Two maps, or a map and a constant, into one; activations and normalisations that no convolution takes over.
extension Fusion {
    /// A map that has its channels first or last.
    mutating func anyMap(
        _ node: Node, _ index: Int
    ) throws(GraphFailure) -> (name: String, shape: MapShape, layout: FusedPort.Layout) {
        guard index < node.inputs.count else { throw GraphFailure("input \(index) is missing") }
        let name = node.inputs[index]
        if layout(of: name) == .channelsFirst {
            let input = try mapInput(node, index)
            return (input.name, input.shape, .channelsFirst)
        }
        guard let value = map(of: name), bound.types[name]?.element == .float32 else {
            throw GraphFailure("input \(index) (\(name.printable)) is not a map that a step computes")
        }
        return (value, try shape(of: value), .channelsLast)
    }

    /// Adds, subtracts, multiplies, divides, or takes the larger or smaller.
    mutating func fuseCombination(_ node: Node, _ kind: FusedCombination.Kind) throws(GraphFailure) {
        guard node.inputs.count == 2 else { throw GraphFailure("has \(node.inputs.count) inputs; kernels take two") }
        for index in 0...1 where bound.graph.initialisers[node.inputs[index]] != nil {
            return try combine(node, kind, withConstant: index)
        }
        let (first, second) = (try anyMap(node, 0), try anyMap(node, 1))
        guard let shapes = Optional(node.inputs.compactMap { bound.types[$0]?.shape }), shapes.count == 2,
            let output = bound.types[node.outputs[0]]?.shape
        else { throw GraphFailure("has no shape") }
        setLayout(of: node.outputs[0], first.layout)
        if first.shape == second.shape, shapes[0] == shapes[1], first.layout == second.layout {
            let combination = FusedCombination(kind, .each)
            return try append(
                node.label, kind == .add ? .addition : .combination(combination), [first.name, second.name],
                value: node.outputs[0], first.shape)
        }
        let isReversed = shapes[0] != output
        let (map, other) = isReversed ? (second, first) : (first, second)
        let (whole, part) = isReversed ? (shapes[1], shapes[0]) : (shapes[0], shapes[1])
        setLayout(of: node.outputs[0], map.layout)
        guard whole == output else { throw GraphFailure("broadcasts both inputs") }
        let channelAxis = map.layout == .channelsFirst ? 1 : whole.count - 1
        let padded = [Int](repeating: 1, count: whole.count - part.count) + part
        let differing = whole.indices.filter { padded[$0] != whole[$0] }
        let operand: FusedCombination.Operand
        if other.shape.pixels == 1, other.shape.channels == map.shape.channels, !differing.contains(channelAxis) {
            operand = .perChannel
        } else if other.shape.channels == 1, other.shape.pixels == map.shape.pixels, differing == [channelAxis] {
            operand = .perPixel
        } else {
            throw GraphFailure("broadcasts otherwise than over channels or pixels")
        }
        if kind == .multiply, operand == .perChannel {
            return try append(
                node.label, .scaling, [map.name, other.name], value: node.outputs[0], map.shape)
        }
        try append(
            node.label, .combination(FusedCombination(kind, operand, isReversed: isReversed)), [map.name, other.name],
            value: node.outputs[0], map.shape)
    }

    private mutating func combine(
        _ node: Node, _ kind: FusedCombination.Kind, withConstant index: Int
    ) throws(GraphFailure) {
        let input = try anyMap(node, 1 - index)
        setLayout(of: node.outputs[0], input.layout)
        let value = node.inputs[1 - index]
        guard bound.types[value]?.shape == bound.types[node.outputs[0]]?.shape,
            let constants = channelConstant(
                node.inputs[index], input.shape.channels, rank: bound.types[value]?.rank ?? 0, layout: input.layout)
        else { throw GraphFailure("has a constant that is not one number per channel") }
        let (zeros, ones) = (constants.map { _ in Float(0) }, constants.map { _ in Float(1) })
        let isFirst = index == 0
        let work: FusedStep.Work
        switch kind {
        case .add: work = .affine(scale: ones, shift: constants)
        case .subtract where isFirst: work = .affine(scale: ones.map { -$0 }, shift: constants)
        case .subtract: work = .affine(scale: ones, shift: constants.map { -$0 })
        case .multiply: work = .affine(scale: constants, shift: zeros)
        case .divide where !isFirst:
            let factors = constants.map { 1 / $0 }
            guard factors.allSatisfy(\.isFinite) else { throw GraphFailure("divides by numbers too close to 0") }
            work = .affine(scale: factors, shift: zeros)
        case .maximum, .minimum:
            guard let bound = constants.first, constants.allSatisfy({ $0 == bound }) else {
                throw GraphFailure("has a constant that is not a single number")
            }
            let clip = kind == .maximum ? FusedActivation.clip(bound, .infinity) : .clip(-.infinity, bound)
            return try appendActivation(node, input, clip)
        default: throw GraphFailure("divides a constant by a map")
        }
        try append(node.label, work, [input.name], value: node.outputs[0], input.shape)
    }

    private mutating func appendActivation(
        _ node: Node, _ input: (name: String, shape: MapShape, layout: FusedPort.Layout), _ activation: FusedActivation
    ) throws(GraphFailure) {
        setLayout(of: node.outputs[0], input.layout)
        add(
            FusedStep(
                name: node.label, work: .nothing, inputs: [input.name], output: node.outputs[0], shape: input.shape,
                finish: FusedFinish(activation)))
    }

    mutating func fuseActivation(_ node: Node) throws(GraphFailure) -> Bool {
        guard let activation = try activation(of: node) else { return false }
        try appendActivation(node, try anyMap(node, 0), activation)
        return true
    }

    /// ONNX `PRelu`, one slope per channel.
    mutating func fuseSlopes(_ node: Node) throws(GraphFailure) {
        let input = try anyMap(node, 0)
        guard
            let slopes = channelConstant(
                node.inputs[1], input.shape.channels, rank: bound.types[node.inputs[0]]?.rank ?? 0,
                layout: input.layout)
        else { throw GraphFailure("has slopes that are not one number per channel") }
        setLayout(of: node.outputs[0], input.layout)
        try append(node.label, .slopes(slopes), [input.name], value: node.outputs[0], input.shape, follow: false)
    }

    /// Batch normalisation that follows no convolution.
    mutating func fuseNormalisation(_ node: Node) throws(GraphFailure) {
        let input = try mapInput(node, 0)
        guard let affine = try affine(node, of: node.inputs[0], channels: input.shape.channels) else {
            throw GraphFailure("is not a normalisation by constants")
        }
        try append(
            node.label, .affine(scale: affine.scale, shift: affine.shift), [input.name], value: node.outputs[0],
            input.shape)
    }

    // MARK: Across channels

    /// Whether the axis is that of the channels.
    private func isChannelAxis(_ axis: Int, of name: String) -> Bool {
        let rank = bound.types[name]?.rank ?? 0
        return (axis < 0 ? axis + rank : axis) == (layout(of: name) == .channelsFirst ? 1 : rank - 1)
    }

    mutating func fuseSoftmax(_ node: Node) throws(GraphFailure) {
        let input = try anyMap(node, 0)
        let axis = try call(node).int("axis", node.opset >= 13 ? -1 : 1)
        // Before version 13 it runs over all dimensions from the axis on.
        guard isChannelAxis(axis, of: node.inputs[0]),
            node.opset >= 13 || input.layout == .channelsLast || input.shape.pixels == 1
        else { throw GraphFailure("runs over something else than channels") }
        setLayout(of: node.outputs[0], input.layout)
        try append(node.label, .softmax, [input.name], value: node.outputs[0], input.shape, follow: false)
    }

    mutating func fuseLayerNorm(_ node: Node) throws(GraphFailure) {
        let input = try anyMap(node, 0)
        let call = call(node)
        let rank = bound.types[node.inputs[0]]?.rank ?? 0
        let axis = try call.int("axis", -1)
        let channels = input.shape.channels
        guard isChannelAxis(axis, of: node.inputs[0]), axis == -1 || axis == rank - 1,
            node.outputs.dropFirst().allSatisfy(\.isEmpty), let scale = constant(node.inputs[1]),
            scale.count == channels
        else { throw GraphFailure("does not normalise channels alone") }
        var shift = [Float](repeating: 0, count: channels)
        if call.has(2) {
            guard let bias = constant(node.inputs[2]), bias.count == channels else {
                throw GraphFailure("its bias is not constant")
            }
            shift = bias
        }
        setLayout(of: node.outputs[0], input.layout)
        try append(
            node.label, .layerNorm(epsilon: Float(try call.float("epsilon", 1e-5)), scale: scale, shift: shift),
            [input.name], value: node.outputs[0], input.shape, follow: false)
    }

    /// Mean or maximum over all pixels.
    mutating func fuseReduction(_ node: Node, isMean: Bool) throws(GraphFailure) {
        let input = try anyMap(node, 0)
        let rank = bound.types[node.inputs[0]]?.rank ?? 0
        if node.operatorName.hasPrefix("Global") {
            // Of several images, or of a map with more dimensions, the channels are not those of the map.
            guard input.layout == .channelsFirst, bound.types[node.outputs[0]]?.count == input.shape.channels else {
                throw GraphFailure("does not run over the pixels")
            }
        } else {
            guard case .known(let axes) = try call(node).list("axes", input: 1, since: isMean ? 18 : 18) else {
                throw GraphFailure("has no constant axes")
            }
            let pixels = input.layout == .channelsFirst ? Set(2..<max(2, rank)) : Set(1..<max(1, rank - 1))
            guard Set(axes.map { $0 < 0 ? $0 + rank : $0 }) == pixels, !pixels.isEmpty,
                input.layout == .channelsFirst || bound.types[node.inputs[0]]?.shape[0] == 1
            else { throw GraphFailure("does not run over the pixels") }
        }
        let output = node.outputs[0]
        if let type = bound.types[output], type.rank != 2 { setLayout(of: output, input.layout) }
        let window = FusedWindow(kernelHeight: input.shape.height, kernelWidth: input.shape.width)
        try append(
            node.label, isMean ? .globalAverage : .maximum(window), [input.name], value: output,
            MapShape(channels: input.shape.channels, height: 1, width: 1))
    }
}
