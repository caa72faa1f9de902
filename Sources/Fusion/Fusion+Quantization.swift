import Graphs

/// Maps that QuantizeLinear rounds and DequantizeLinear reads: the step before it rounds its result, and what comes
/// after reads that result.
extension Fusion {
    /// What QuantizeLinear or DequantizeLinear says of a whole map; `nil` where that is not constant or not of 8 bits.
    func quantization(of node: Node) -> Quantization? {
        let integers = node.operatorName == "QuantizeLinear" ? node.outputs.first : node.inputs.first
        guard let integers, let element = bound.types[integers]?.element, [.int8, .uint8].contains(element),
            case let call = call(node), case .float32(let scales)? = call.known(1)?.elements, scales.count == 1,
            scales[0] > 0, scales[0].isFinite
        else { return nil }
        let zeros = call.has(2) ? call.known(2)?.integers ?? [] : [0]
        guard zeros.count == 1 else { return nil }
        return Quantization(scale: scales[0], zeroPoint: Int(zeros[0]), isSigned: element == .int8)
    }

    mutating func fuseQuantize(_ node: Node) throws(GraphFailure) {
        guard let quantization = quantization(of: node) else {
            throw GraphFailure("does not round a whole map to 8 bits by constants")
        }
        let output = node.outputs[0]
        if let sample = sampled(node.inputs[0]), quantizations[sample.source] == quantization {
            return self.sample(output, sample)
        }
        let input = try mapInput(node, 0)
        // What was rounded the same way before stays as it is.
        if quantizations[input.name] == quantization { return alias(output, to: input.name) }
        add(
            FusedStep(
                name: node.label, work: .nothing, inputs: [input.name], output: output, shape: input.shape,
                outputQuantization: quantization))
    }

    mutating func fuseDequantize(_ node: Node) throws(GraphFailure) {
        if let sample = sampled(node.inputs[0]), let source = quantizations[sample.source] {
            guard quantization(of: node) == source else { throw GraphFailure("reads 8 bits by another scale") }
            return self.sample(node.outputs[0], sample)
        }
        guard let map = map(of: node.inputs[0]), let quantized = quantizations[map] else {
            throw GraphFailure("its input is not a map of 8 bits that a step computes")
        }
        guard quantization(of: node) == quantized else { throw GraphFailure("reads 8 bits by another scale") }
        alias(node.outputs[0], to: map)
        // An activation in parts, of bytes: no step comes before it that could take it over.
        let readers = readers(of: node.outputs[0])
        guard readers.count == 2, let composed = try composed(node.outputs[0], readers) else { return }
        setLayout(of: composed.output, layout(of: node.outputs[0]))
        try append(
            node.label, .nothing, [map], value: composed.output, try shape(of: map), composed.activation)
    }

    /// Makes the step round its result as its only reader does.
    /// - Returns: whether it does.
    mutating func round(_ step: inout FusedStep) throws(GraphFailure) -> Bool {
        let readers = readers(of: step.output)
        guard readers.count == 1, nodes[readers[0]].operatorName == "QuantizeLinear", !isAbsorbed(readers[0]),
            !left.contains(readers[0]),
            let quantization = quantization(of: nodes[readers[0]])
        else { return false }
        absorb(readers[0])
        step.output = nodes[readers[0]].outputs[0]
        step.outputQuantization = quantization
        try clip(&step)
        return true
    }

    /// A ReLU between two roundings by one scale moves before the first one, where that changes no integer.
    private mutating func clip(_ step: inout FusedStep) throws(GraphFailure) {
        guard step.finish.activation == .none, let first = step.outputQuantization,
            let dequantize = onlyReader(of: step.output, "DequantizeLinear"),
            quantization(of: nodes[dequantize]) == first
        else { return }
        let clips = readers(of: nodes[dequantize].outputs[0])
        guard clips.count == 1, let activation = try activation(of: nodes[clips[0]]), activation.isClipping,
            let last = onlyReader(of: nodes[clips[0]].outputs[0], "QuantizeLinear"), !left.contains(last),
            let second = quantization(of: nodes[last]), first.scale == second.scale,
            first.range.upperBound - first.zeroPoint >= second.range.upperBound - second.zeroPoint
        else { return }
        step.finish.activation = activation
        step.finish.residual?.isActivated = true
        step.output = nodes[last].outputs[0]
        step.outputQuantization = second
        [dequantize, clips[0], last].forEach { absorb($0) }
    }

    private func onlyReader(of value: String, _ operatorName: String) -> Int? {
        let readers = readers(of: value)
        return readers.count == 1 && nodes[readers[0]].operatorName == operatorName ? readers[0] : nil
    }

    /// `x * f(x)` of a map of 8 bits: a value for each of the integers.
    func lookup(_ map: String, times factors: String) -> FusedStep.Work? {
        guard let input = quantizations[map], let step = steps.first(where: { $0.output == factors }),
            step.inputs == [map], step.work == .nothing, step.finish.residual == nil
        else { return nil }
        return .lookup(
            input.range.map { integer in
                let x = input.value(of: integer)
                let factor = step.finish.activation.value(at: x)
                return x * (step.outputQuantization?.rounded(factor) ?? factor)
            })
    }

    /// The readers of a value, or of what it is after rounding.
    func readersBeyondRounding(of value: String) -> [Int] {
        readers(of: value).flatMap { reader in
            ["QuantizeLinear", "DequantizeLinear"].contains(nodes[reader].operatorName)
                ? readersBeyondRounding(of: nodes[reader].outputs[0]) : [reader]
        }
    }
}

extension FusedActivation {
    /// Changes nothing but values beyond its bounds, of which 0 is the lower one.
    fileprivate var isClipping: Bool {
        switch self {
        case .relu, .clippedRelu: true
        default: false
        }
    }
}
