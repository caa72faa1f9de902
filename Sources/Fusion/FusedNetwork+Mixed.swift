/// What it takes to compute any of a network's convolutions in 8 bits: read off the same network, quantised whole.
public struct EightBitForms: Equatable, Sendable {
    /// How values are rounded, by name; the network's input among them.
    public let quantizations: [String: Quantization]
    /// By the output of their step.
    public let convolutions: [String: FusedConvolution]

    /// - Parameter quantized: rounds its input first of all, then has the steps of the network itself.
    public init(_ quantized: FusedNetwork) {
        var found: [String: Quantization] = [:]
        var convolutions: [String: FusedConvolution] = [:]
        for step in quantized.steps {
            if step.work == .nothing, step.inputs == [quantized.input] {
                found[quantized.input] = step.outputQuantization
            }
            found[step.output] = step.outputQuantization
            if case .convolution(let convolution) = step.work, convolution.integers != nil {
                convolutions[step.output] = convolution
            }
        }
        (quantizations, self.convolutions) = (found, convolutions)
    }

    /// Whether a step can read and multiply integers.
    public func cover(_ step: FusedStep) -> Bool {
        guard case .convolution(let convolution) = step.work, let own = convolutions[step.output] else { return false }
        return quantizations[step.inputs[0]] != nil && (convolution.groups == 1 || convolution.isDepthwise)
            && step.finish.residual.map { quantizations[$0.value] != nil } ?? true
            && own.weights.count / own.outputChannels <= FusedConvolution.mostIntegerProducts
    }
}

extension FusedNetwork {
    /// The network with some of its convolutions in 8 bits, and conversions only where a value is read otherwise than
    /// it was computed.
    ///
    /// A convolution of 8 bits reads integers, its residual among them. Pools, sums and activations whose inputs were
    /// computed in 8 bits are too. A value is stored as 8 bits where it was computed and is read in them; others that
    /// read it return it to real values, once for all. A value that only real steps read is never rounded.
    /// - Parameter eightBits: outputs of convolutions; others stay as they are.
    /// - Precondition: the forms cover the convolutions, and the network rounds nothing yet.
    public func mixed(_ eightBits: Set<String>, _ forms: EightBitForms) -> FusedNetwork {
        let places = MixedPlaces(self, eightBits, forms)
        var result: [FusedStep] = []
        if places.isRounded(input) { result.append(rounding(of: input, inputShape, forms)) }
        for step in steps {
            let isNarrow = places.narrow.contains(step.output)
            func form(_ value: String) -> String { places.form(of: value, narrow: isNarrow) }
            var work = step.work
            if isNarrow, let own = forms.convolutions[step.output] { work = .convolution(own) }
            let residual = step.finish.residual.map {
                FusedFinish.Residual(value: form($0.value), isActivated: $0.isActivated)
            }
            let isStored = places.isStored(step.output)
            result.append(
                FusedStep(
                    name: step.name, work: work, inputs: step.inputs.map(form), output: step.output, shape: step.shape,
                    finish: FusedFinish(step.finish.activation, residual: residual),
                    outputQuantization: isStored ? forms.quantizations[step.output] : nil))
            if places.isReturned(step.output) {
                let real = MixedPlaces.real(step.output)
                result.append(
                    FusedStep(name: real, work: .nothing, inputs: [step.output], output: real, shape: step.shape))
            }
            if places.isRounded(step.output) { result.append(rounding(of: step.output, step.shape, forms)) }
        }
        return FusedNetwork(inputs: inputs, steps: result, outputs: outputs)
    }

    private func rounding(of value: String, _ shape: MapShape, _ forms: EightBitForms) -> FusedStep {
        let name = MixedPlaces.rounded(value)
        return FusedStep(
            name: name, work: .nothing, inputs: [value], output: name, shape: shape,
            outputQuantization: forms.quantizations[value])
    }
}

/// Where values of a network of mixed precision are integers.
private struct MixedPlaces {
    /// Outputs of the steps that compute in 8 bits.
    let narrow: Set<String>
    /// Values that steps of 8 bits, and those that others read.
    private let readNarrow: Set<String>
    private let readReal: Set<String>
    private let outputs: Set<String>

    init(_ network: FusedNetwork, _ eightBits: Set<String>, _ forms: EightBitForms) {
        var narrow: Set<String> = []
        var (readNarrow, readReal) = (Set<String>(), Set<String>())
        outputs = Set(network.outputs.map(\.map))
        for step in network.steps {
            let isNarrow: Bool
            if case .convolution = step.work {
                isNarrow = eightBits.contains(step.output)
                precondition(!isNarrow || forms.cover(step), "\(step.name): has no form of 8 bits")
            } else {
                isNarrow =
                    step.joinsEightBits && step.reads.allSatisfy(narrow.contains)
                    && forms.quantizations[step.output] != nil
                    && step.reads.allSatisfy { forms.quantizations[$0] != nil }
            }
            if isNarrow { narrow.insert(step.output) }
            if isNarrow { readNarrow.formUnion(step.reads) } else { readReal.formUnion(step.reads) }
        }
        (self.narrow, self.readNarrow, self.readReal) = (narrow, readNarrow, readReal)
    }

    static func real(_ value: String) -> String { value + ".real" }
    static func rounded(_ value: String) -> String { value + ".rounded" }

    /// Stored as integers by the step that computes it.
    func isStored(_ value: String) -> Bool {
        narrow.contains(value) && readNarrow.contains(value) && !outputs.contains(value)
    }

    /// Stored as integers and returned to real values for others.
    func isReturned(_ value: String) -> Bool { isStored(value) && readReal.contains(value) }

    /// Real, and rounded for those who read integers.
    func isRounded(_ value: String) -> Bool { !isStored(value) && readNarrow.contains(value) }

    func form(of value: String, narrow: Bool) -> String {
        if narrow { return isStored(value) ? value : Self.rounded(value) }
        return isStored(value) ? Self.real(value) : value
    }
}

extension FusedStep {
    /// Has kernels of 8 bits for whatever its inputs stand for, and is cheap.
    fileprivate var joinsEightBits: Bool {
        switch work {
        case .maximum, .addition: finish.residual == nil
        case .average, .globalAverage: finish.isPlain
        default: false
        }
    }
}
