import Graphs

/// What follows a step's result and becomes part of the step.
extension Fusion {
    /// Absorbs the nodes after the step's result for as long as nothing else reads what is between.
    mutating func follow(_ step: inout FusedStep) throws(GraphFailure) {
        while step.outputQuantization == nil {
            let (value, readers) = (step.output, readers(of: step.output))
            if readers.count == 2, step.finish.activation == .none, let gated = gated(value, readers) {
                step.finish.activation = gated.activation
                step.finish.residual?.isActivated = true
                readers.forEach { absorb($0) }
                setLayout(of: gated.output, layout(of: value))
                step.output = gated.output
                continue
            }
            if readers.count == 2, step.finish.activation == .none, let composed = try composed(value, readers) {
                step.finish.activation = composed.activation
                step.finish.residual?.isActivated = true
                setLayout(of: composed.output, layout(of: value))
                step.output = composed.output
                continue
            }
            if try round(&step) { return setLayout(of: step.output, layout(of: value)) }
            guard readers.count == 1, let reader = readers.first, !isAbsorbed(reader) else { break }
            let node = nodes[reader]
            if step.finish == FusedFinish(), try foldAffine(node, after: value, into: &step.work) {
                // Part of scale and shift.
            } else if step.finish.activation == .none, let activation = try activation(of: node) {
                step.finish.activation = activation
                step.finish.residual?.isActivated = true
            } else if step.finish.residual == nil, isSummed(step.work),
                let other = addend(node, besides: value, step.shape)
            {
                step.finish.residual = .init(value: other, isActivated: false)
            } else {
                break
            }
            absorb(reader)
            setLayout(of: node.outputs[0], layout(of: value))
            step.output = node.outputs[0]
        }
    }

    private func isSummed(_ work: FusedStep.Work) -> Bool {
        if case .convolution = work { true } else { false }
    }

    /// The other operand of an addition, if it is a map of the same shape that has been computed by now.
    private func addend(_ node: Node, besides value: String, _ shape: MapShape) -> String? {
        guard node.operatorName == "Add", node.inputs.count == 2, node.inputs.contains(value),
            let other = node.inputs.first(where: { $0 != value }), let map = map(of: other), shapes[map] == shape,
            layout(of: other) == layout(of: value), bound.types[other]?.shape == bound.types[node.outputs[0]]?.shape,
            bound.types[value]?.shape == bound.types[other]?.shape
        else { return nil }
        return map
    }

    /// `x * sigmoid(x)` or `x * hardSigmoid(x)`, where both nodes read x.
    private func gated(_ value: String, _ readers: [Int]) -> (activation: FusedActivation, output: String)? {
        for (gate, product) in [(readers[0], readers[1]), (readers[1], readers[0])] {
            let (gate, product) = (nodes[gate], nodes[product])
            guard product.operatorName == "Mul", gate.inputs == [value],
                Set(product.inputs) == [value, gate.outputs[0]], self.readers(of: gate.outputs[0]).count == 1,
                let activation = try? activation(of: gate)
            else { continue }
            switch activation {
            case .sigmoid: return (.silu, product.outputs[0])
            case .hardSigmoid: return (.hardSwish, product.outputs[0])
            default: continue
            }
        }
        return nil
    }

    /// The node as an activation, if it is one that the kernels know.
    func activation(of node: Node) throws(GraphFailure) -> FusedActivation? {
        let call = call(node)
        switch node.operatorName {
        case "Relu": return .relu
        case "Sigmoid": return .sigmoid
        case "HardSwish": return .hardSwish
        case "LeakyRelu": return .leakyRelu(slope: Float(try call.float("alpha", 0.01)))
        case "HardSigmoid":
            let (alpha, beta) = (try call.float("alpha", 0.2), try call.float("beta", 0.5))
            let isUsual = abs(alpha - 1 / 6) < 1e-6 && abs(beta - 0.5) < 1e-6
            return isUsual ? .hardSigmoid : try furtherActivation(of: node)
        case "Clip":
            func bound(_ name: String, _ input: Int) throws(GraphFailure) -> Double? {
                if node.opset < 11 { return node.attributes[name] == nil ? nil : try call.float(name, 0) }
                guard call.has(input) else { return nil }
                return call.known(input)?.doubles.first ?? .nan
            }
            guard try bound("min", 1) == 0 else { return try furtherActivation(of: node) }
            guard let high = try bound("max", 2) else { return .relu }
            return high > 0 ? .clippedRelu(Float(high)) : try furtherActivation(of: node)
        default: return try furtherActivation(of: node)
        }
    }

    /// Batch normalisation, or a product or sum with one constant per channel, after a convolution.
    private func foldAffine(
        _ node: Node, after value: String, into work: inout FusedStep.Work
    ) throws(GraphFailure) -> Bool {
        if case .affine(let scale, let shift) = work {
            guard let affine = try affine(node, of: value, channels: scale.count) else { return false }
            work = .affine(
                scale: zip(scale, affine.scale).map { $0 * $1 },
                shift: scale.indices.map { shift[$0] * affine.scale[$0] + affine.shift[$0] })
            return true
        }
        guard case .convolution(var convolution) = work,
            let affine = try affine(node, of: value, channels: convolution.outputChannels)
        else { return false }
        for channel in 0..<convolution.outputChannels {
            convolution.scale[channel] *= affine.scale[channel]
            convolution.shift[channel] = convolution.shift[channel] * affine.scale[channel] + affine.shift[channel]
        }
        work = .convolution(convolution)
        return true
    }

    /// What batch normalisation, or a product or sum with constants, does to each channel.
    func affine(
        _ node: Node, of value: String, channels: Int
    ) throws(GraphFailure) -> (scale: [Float], shift: [Float])? {
        if node.operatorName == "BatchNormalization" {
            let parameters = node.inputs.dropFirst().compactMap { constant($0) }
            guard node.inputs.first == value, parameters.count == 4, parameters.allSatisfy({ $0.count == channels }),
                node.outputs.dropFirst().allSatisfy(\.isEmpty)
            else { return nil }
            let epsilon = Float(try call(node).float("epsilon", 1e-5))
            let scale = (0..<channels).map { parameters[0][$0] / (parameters[3][$0] + epsilon).squareRoot() }
            return (scale, (0..<channels).map { parameters[1][$0] - parameters[2][$0] * scale[$0] })
        }
        guard ["Add", "Mul"].contains(node.operatorName), node.inputs.count == 2,
            let other = node.inputs.first(where: { $0 != value }),
            bound.types[value]?.shape == bound.types[node.outputs[0]]?.shape,
            let perChannel = channelConstant(
                other, channels, rank: bound.types[value]?.rank ?? 0, layout: layout(of: value))
        else { return nil }
        let (zeros, ones) = ([Float](repeating: 0, count: channels), [Float](repeating: 1, count: channels))
        return node.operatorName == "Add" ? (ones, perChannel) : (perChannel, zeros)
    }

    /// A constant that broadcasts over everything but the channels.
    func channelConstant(
        _ name: String, _ channels: Int, rank: Int, layout: FusedPort.Layout = .channelsFirst
    ) -> [Float]? {
        guard let values = constant(name), let shape = bound.graph.initialisers[name]?.shape, rank >= 2 else {
            return nil
        }
        if values.count == 1 { return [Float](repeating: values[0], count: channels) }
        let padded = [Int](repeating: 1, count: max(0, rank - shape.count)) + shape
        var expected = [Int](repeating: 1, count: rank)
        expected[layout == .channelsFirst ? 1 : rank - 1] = channels
        return padded == expected ? values : nil
    }
}
