public import Fusion
public import Graphs

extension Calibration {
    /// The network in 8 bits: weights symmetric by output channel, after batch normalisation was folded into them; maps
    /// unsigned with a zero point, the image among them; the output stays real.
    ///
    /// What rounding the weights adds to a channel's mean is taken out of its shift again (Nagel et al. 2019,
    /// "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.2, with measured means).
    /// - Throws: `GraphFailure` without images, or where a map or the weights, with batch normalisation in them, hold
    ///   what is infinite or not a number.
    public func quantized(_ method: RangeMethod) throws(GraphFailure) -> FusedNetwork {
        let ranges = try ranges(method)
        return network.quantized(by: ranges)
    }

    /// What the network is quantised by.
    /// - Throws: as `quantized`.
    public func ranges(_ method: RangeMethod) throws(GraphFailure) -> EightBitRanges {
        guard imageCount > 0 else { throw GraphFailure("there are no images to calibrate on") }
        for name in [network.input] + network.steps.map(\.output) where values[name]?.histogram.isBroken == true {
            throw GraphFailure("\(name.printable) holds values that are infinite or not numbers")
        }
        // Activations that clamp hide them in the maps.
        for step in network.steps where !step.hasFiniteWeights {
            throw GraphFailure(
                "\(step.name.printable): its weights, with batch normalisation in them, hold values that are "
                    + "infinite or not numbers")
        }
        return EightBitRanges(
            quantizations: values.mapValues { Quantization(unsigned: method.range(of: $0.histogram)) },
            means: values.mapValues { $0.channels.means.map { Float($0) } })
    }
}

/// What post-training quantisation has to know of a network's values besides its weights, by the name of the value.
public struct EightBitRanges: Equatable, Sendable {
    public var quantizations: [String: Quantization]
    /// Of every channel.
    public var means: [String: [Float]]

    public init(quantizations: [String: Quantization], means: [String: [Float]]) {
        (self.quantizations, self.means) = (quantizations, means)
    }
}

extension FusedNetwork {
    /// The network in 8 bits, as `Calibration.quantized` gives it.
    /// - Precondition: of this network.
    public func quantized(by ranges: EightBitRanges) -> FusedNetwork {
        let image = input + ".rounded"
        let ends = Set(outputs.map(\.map))
        func renamed(_ value: String) -> String { value == input ? image : value }
        var result = [
            FusedStep(
                name: image, work: .nothing, inputs: [input], output: image, shape: inputShape,
                outputQuantization: ranges.quantizations[input])
        ]
        for step in steps {
            var work = step.work
            if case .convolution(let convolution) = work {
                work = .convolution(convolution.quantized(inputMeans: ranges.means[step.inputs[0]] ?? []))
            }
            let residual = step.finish.residual.map {
                FusedFinish.Residual(value: renamed($0.value), isActivated: $0.isActivated)
            }
            result.append(
                FusedStep(
                    name: step.name, work: work, inputs: step.inputs.map(renamed), output: step.output,
                    shape: step.shape, finish: FusedFinish(step.finish.activation, residual: residual),
                    outputQuantization: ends.contains(step.output) ? nil : ranges.quantizations[step.output]))
        }
        return FusedNetwork(inputs: inputs, steps: result, outputs: outputs)
    }
}

extension FusedStep {
    fileprivate var hasFiniteWeights: Bool {
        guard case .convolution(let convolution) = work else { return true }
        let perChannel = convolution.weights.count / max(1, convolution.outputChannels)
        return convolution.shift.allSatisfy(\.isFinite)
            && convolution.weights.indices.allSatisfy {
                (convolution.weights[$0] * convolution.scale[$0 / max(1, perChannel)]).isFinite
            }
    }
}

extension FusedConvolution {
    /// - Parameters:
    ///   - inputMeans: one for each input channel.
    ///   - bits: of the weights, 2 to 8; symmetric, so that 2 leave -1, 0 and 1.
    func quantized(inputMeans: [Float], bits: Int = 8) -> FusedConvolution {
        let limit = Float((1 << (bits - 1)) - 1)
        let perChannel = weights.count / outputChannels
        let taps = window.kernelHeight * window.kernelWidth
        var (integers, scales, shift) = ([Int8](), [Float](), shift)
        integers.reserveCapacity(weights.count)
        for channel in 0..<outputChannels {
            let factor = scale[channel]
            let row = weights[channel * perChannel..<(channel + 1) * perChannel].map { $0 * factor }
            let most = row.reduce(0) { max($0, abs($1)) }
            // Weights that are all zero, or as good as, stay zero.
            let step = most / limit >= .leastNormalMagnitude ? most / limit : 1
            let first = channel * groups / outputChannels * (inputChannels / groups)
            var error = 0.0
            for (index, weight) in row.enumerated() {
                let integer = Int8(min(max((weight / step).rounded(.toNearestOrEven), -limit), limit))
                integers.append(integer)
                error += Double(weight - Float(integer) * step) * Double(inputMeans[first + index / taps])
            }
            shift[channel] += Float(error)
            scales.append(step)
        }
        let quantized = QuantizedWeights(values: integers, scales: scales)
        return FusedConvolution(
            window: window, groups: groups, inputChannels: inputChannels, outputChannels: outputChannels,
            weights: quantized.reals, integers: quantized,
            scale: [Float](repeating: 1, count: outputChannels), shift: shift)
    }
}
