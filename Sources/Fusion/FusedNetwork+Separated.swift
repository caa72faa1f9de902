extension FusedNetwork {
    /// The same network with steps that kernels for bytes compute, steps that read and leave real values, and steps
    /// between them that only round or return to real values; without steps that nothing reads.
    public func separated() -> FusedNetwork {
        guard !quantizations.isEmpty else { return self }
        let quantizations = quantizations
        let shapes = steps.reduce(into: inputs.reduce(into: [:]) { $0[$1.map] = $1.shape }) {
            $0[$1.output] = $1.shape
        }
        var result: [FusedStep] = []
        for step in liveSteps {
            guard !step.isForBytes(quantizations) else {
                result.append(step)
                continue
            }
            result.append(contentsOf: step.amongReals(quantizations, shapes))
        }
        return FusedNetwork(inputs: inputs, steps: result, outputs: outputs)
    }

    private var liveSteps: [FusedStep] {
        var read = Set(outputs.map(\.map))
        var live: [FusedStep] = []
        for step in steps.reversed() where read.contains(step.output) {
            live.append(step)
            read.formUnion(step.reads)
        }
        return live.reversed()
    }
}

extension FusedConvolution {
    /// Products of one value whose sum 32 bits hold: 65,000 * 255 * 128.
    public static let mostIntegerProducts = 65_000
}

extension FusedStep {
    /// Whether kernels for bytes compute the step, or it is none of theirs because nothing in it is rounded.
    fileprivate func isForBytes(_ quantizations: [String: Quantization]) -> Bool {
        let areBytes = inputs.map { quantizations[$0] != nil }
        let isAddedByte = finish.residual.map { quantizations[$0.value] != nil }
        if outputQuantization == nil, !areBytes.contains(true), isAddedByte != true { return true }
        switch work {
        case .convolution(let convolution):
            return areBytes[0] && convolution.integers != nil
                && (convolution.groups == 1 || convolution.isDepthwise)
                && isAddedByte ?? true
                && convolution.weights.count / convolution.outputChannels <= FusedConvolution.mostIntegerProducts
        case .maximum, .lookup: return areBytes[0] && finish.residual == nil
        case .average, .globalAverage: return areBytes[0] && finish.isPlain
        case .addition: return !areBytes.contains(false) && finish.residual == nil
        case .scaling: return !areBytes.contains(false) && finish.isPlain && outputQuantization != nil
        case .nothing: return finish.residual == nil && (areBytes[0] || finish.activation == .none)
        default: return false
        }
    }

    /// The step among real values, between steps that return its inputs to them and one that rounds its result.
    fileprivate func amongReals(
        _ quantizations: [String: Quantization], _ shapes: [String: MapShape]
    ) -> [FusedStep] {
        var before: [FusedStep] = []
        func real(_ value: String) -> String {
            guard quantizations[value] != nil else { return value }
            let name = "\(value) for \(self.name)"
            if !before.contains(where: { $0.output == name }) {
                before.append(
                    FusedStep(name: name, work: .nothing, inputs: [value], output: name, shape: shapes[value] ?? shape))
            }
            return name
        }
        var finish = finish
        let inputs = inputs.map { real($0) }
        if let residual = finish.residual { finish.residual?.value = real(residual.value) }
        let target = outputQuantization == nil ? output : "\(output) before rounding"
        let own = FusedStep(
            name: name, work: work, inputs: inputs, output: target, shape: shape, finish: finish)
        guard let outputQuantization else { return before + [own] }
        let rounding = FusedStep(
            name: name + ".rounding", work: .nothing, inputs: [target], output: output, shape: shape,
            outputQuantization: outputQuantization)
        return before + [own, rounding]
    }
}
