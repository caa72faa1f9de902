public import Graphs

extension Calibration {
    /// The network in 8 bits: weights symmetric by output channel, after batch normalisation was folded into them; maps
    /// unsigned with a zero point, the image among them; the output stays real.
    ///
    /// What rounding the weights adds to a channel's mean is taken out of its shift again (Nagel et al. 2019,
    /// "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.2, with measured means).
    /// - Throws: `GraphFailure` without images, or where a map holds what is not a number.
    public func quantized(_ method: RangeMethod) throws(GraphFailure) -> FusedNetwork {
        guard imageCount > 0 else { throw GraphFailure("there are no images to calibrate on") }
        for name in [network.input] + network.steps.map(\.output) where values[name]?.histogram.isBroken == true {
            throw GraphFailure("\(name.printable) holds values that are infinite or not numbers")
        }
        let image = network.input + ".rounded"
        func renamed(_ value: String) -> String { value == network.input ? image : value }
        var steps = [
            FusedStep(
                name: image, work: .nothing, inputs: [network.input], output: image, shape: network.inputShape,
                outputQuantization: quantization(of: network.input, method))
        ]
        for step in network.steps {
            var work = step.work
            if case .convolution(let convolution) = work {
                work = .convolution(convolution.quantized(inputMeans: values[step.inputs[0]]?.channels.means ?? []))
            }
            let residual = step.finish.residual.map {
                FusedFinish.Residual(value: renamed($0.value), isActivated: $0.isActivated)
            }
            steps.append(
                FusedStep(
                    name: step.name, work: work, inputs: step.inputs.map(renamed), output: step.output,
                    shape: step.shape, finish: FusedFinish(step.finish.activation, residual: residual),
                    outputQuantization: step.output == network.output ? nil : quantization(of: step.output, method)))
        }
        return FusedNetwork(
            input: network.input, inputShape: network.inputShape, steps: steps, output: network.output,
            outputType: network.outputType)
    }

    private func quantization(of value: String, _ method: RangeMethod) -> Quantization {
        guard let histogram = values[value]?.histogram else { preconditionFailure("\(value) was not looked at") }
        return Quantization(unsigned: method.range(of: histogram))
    }
}

extension FusedConvolution {
    /// - Parameter inputMeans: one for each input channel.
    func quantized(inputMeans: [Double]) -> FusedConvolution {
        let perChannel = weights.count / outputChannels
        let taps = window.kernelHeight * window.kernelWidth
        var (integers, scales, shift) = ([Int8](), [Float](), shift)
        integers.reserveCapacity(weights.count)
        for channel in 0..<outputChannels {
            let factor = scale[channel]
            let row = weights[channel * perChannel..<(channel + 1) * perChannel].map { $0 * factor }
            let most = row.reduce(0) { max($0, abs($1)) }
            // Weights that are all zero, or as good as, stay zero.
            let step = most / 127 >= .leastNormalMagnitude ? most / 127 : 1
            let first = channel * groups / outputChannels * (inputChannels / groups)
            var error = 0.0
            for (index, weight) in row.enumerated() {
                let integer = Int8(min(max((weight / step).rounded(.toNearestOrEven), -127), 127))
                integers.append(integer)
                error += Double(weight - Float(integer) * step) * inputMeans[first + index / taps]
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
