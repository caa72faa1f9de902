public import Graphs

/// Channels of a map brought to one magnitude: a convolution's output channel is multiplied by a gain and the weights
/// that read it are divided by the gain, so that one scale for the whole map suits every channel (Nagel et al. 2019,
/// "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.1, by measured maps).
extension Calibration {
    /// A channel that is almost always zero is not made noise.
    private static let greatestGain: Float = 64
    /// Room above the greatest value that occurred, where the gain moves it towards the bound of a clipped activation.
    private static let headroom: Float = 1.1

    /// The network with equalised channels: what it computes stays the same, but for values above all that occurred in
    /// channels before a clipped activation.
    ///
    /// - Returns: `nil` where there is nothing to equalise.
    public func equalized() -> FusedNetwork? {
        var steps = network.steps
        var found = false
        for reader in steps.indices {
            guard case .convolution(let next) = steps[reader].work,
                let writer = steps.firstIndex(where: { $0.output == steps[reader].inputs[0] }),
                case .convolution(let convolution) = steps[writer].work, isEqualizable(steps[writer]),
                let peaks = values[steps[writer].output]?.channels.magnitudes
            else { continue }
            let gains = Self.gains(peaks, steps[writer].finish.activation, exponent: next.isDepthwise ? 1 : 0.5)
            steps[writer].work = .convolution(convolution.scalingOutputs(by: gains))
            steps[reader].work = .convolution(next.dividingInputs(by: gains))
            found = true
        }
        guard found else { return nil }
        return FusedNetwork(
            input: network.input, inputShape: network.inputShape, steps: steps, output: network.output,
            outputType: network.outputType)
    }

    /// Its result is read once and passes only through functions that a positive factor passes through.
    private func isEqualizable(_ step: FusedStep) -> Bool {
        guard step.finish.residual == nil, step.output != network.output else { return false }
        switch step.finish.activation {
        case .none, .relu, .clippedRelu, .leakyRelu: break
        case .hardSigmoid, .hardSwish, .sigmoid, .silu: return false
        }
        let readings = network.steps.reduce(0) { count, other in
            count + other.inputs.count { $0 == step.output } + (other.finish.residual?.value == step.output ? 1 : 0)
        }
        return readings == 1
    }

    /// - Parameter exponent: 1 makes the channels equal; less leaves a part of their differences, where the reader's
    ///   weights of one output channel share a scale.
    static func gains(_ peaks: [Float], _ activation: FusedActivation, exponent: Double) -> [Float] {
        var most = peaks.max() ?? 0
        if case .clippedRelu(let high) = activation { most = high }
        return peaks.map { peak in
            let room = peak * headroom
            guard room < most else { return 1 }
            guard room > most / greatestGain else { return greatestGain.raised(to: exponent) }
            return (most / room).raised(to: exponent)
        }
    }
}

extension FusedConvolution {
    fileprivate func scalingOutputs(by gains: [Float]) -> FusedConvolution {
        var result = self
        for channel in 0..<outputChannels {
            result.scale[channel] *= gains[channel]
            result.shift[channel] *= gains[channel]
        }
        return result
    }

    fileprivate func dividingInputs(by gains: [Float]) -> FusedConvolution {
        let (taps, depth) = (window.kernelHeight * window.kernelWidth, inputChannels / groups)
        let perGroup = outputChannels / groups
        return FusedConvolution(
            window: window, groups: groups, inputChannels: inputChannels, outputChannels: outputChannels,
            weights: weights.indices.map { index in
                let group = index / (depth * taps) / perGroup
                return weights[index] / gains[group * depth + index / taps % depth]
            }, scale: scale, shift: shift)
    }
}
