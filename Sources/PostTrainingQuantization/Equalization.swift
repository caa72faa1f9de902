public import Fusion
import Graphs

/// Channels of a map brought to one magnitude: a convolution's output channel is multiplied by a gain and the weights
/// that read it are divided by the gain, so that one scale for the whole map suits every channel (Nagel et al. 2019,
/// "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.1, by measured maps).
extension Calibration {
    /// A channel that is almost always zero is not made noise.
    private static let greatestGain: Float = 64
    /// Room above the greatest value that occurred, where the gain moves it towards the bound of a clipped activation.
    private static let headroom: Float = 1.1
    /// Values of a channel below which its greatest says too little of it: what comes later is clipped. On a network of
    /// three connected layers 160 lost more by it than was gained, 300 did not.
    static let leastValues = 256

    /// The network with equalised channels: what it computes stays the same, but for values above all that occurred in
    /// channels before a clipped activation.
    ///
    /// - Returns: `nil` where there is nothing to equalise.
    public func equalized() -> FusedNetwork? {
        let gains = gains
        return gains.isEmpty ? nil : network.equalized(by: gains)
    }

    /// What the channels of maps are multiplied by, by the name of the map; nothing for maps that held fewer than
    /// `leastValues` of each channel.
    public var gains: [String: [Float]] {
        var result: [String: [Float]] = [:]
        for reader in network.steps {
            guard case .convolution(let next) = reader.work,
                let writer = network.steps.first(where: { $0.output == reader.inputs[0] }),
                case .convolution = writer.work, isEqualizable(writer),
                let channels = values[writer.output]?.channels, channels.pixels >= Self.leastValues
            else { continue }
            result[writer.output] = Self.gains(
                channels.magnitudes, writer.finish.activation, exponent: next.isDepthwise ? 1 : 0.5)
        }
        return result
    }

    /// Its result is read once and passes only through functions that a positive factor passes through.
    private func isEqualizable(_ step: FusedStep) -> Bool {
        guard step.finish.residual == nil, !network.outputs.contains(where: { $0.map == step.output }) else {
            return false
        }
        switch step.finish.activation {
        case .none, .relu, .clippedRelu, .leakyRelu: break
        default: return false
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

extension FusedNetwork {
    /// The network with the channels of these maps multiplied where they are computed, and divided where they are read.
    /// - Precondition: one gain for each channel of the results of convolutions that one other reads alone.
    public func equalized(by gains: [String: [Float]]) -> FusedNetwork {
        let steps = steps.map { step in
            guard case .convolution(var convolution) = step.work else { return step }
            if let gains = gains[step.inputs[0]] { convolution = convolution.dividingInputs(by: gains) }
            if let gains = gains[step.output] { convolution = convolution.scalingOutputs(by: gains) }
            var result = step
            result.work = .convolution(convolution)
            return result
        }
        return FusedNetwork(inputs: inputs, steps: steps, outputs: outputs)
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
