import Graphs

/// Runs a fused network by the plain formulas, to see that fusion changed no number.
struct FusedInterpreter {
    let network: FusedNetwork

    /// - Parameter image: channel by channel, row by row.
    func run(_ image: [Float]) -> [Float] {
        let quantizations = network.quantizations
        var maps: [String: (shape: MapShape, values: [Float])] = [network.input: (network.inputShape, image)]
        for step in network.steps {
            let inputs = step.inputs.map { maps[$0] ?? (MapShape(channels: 0, height: 0, width: 0), []) }
            var values: [Float]
            if case .lookup(let table) = step.work, let input = quantizations[step.inputs[0]] {
                values = inputs[0].values.map { table[input.integer(of: $0) - input.range.lowerBound] }
            } else {
                values = Self.compute(step, inputs)
            }
            let residual = step.finish.residual
            let added = residual.flatMap { maps[$0.value]?.values }
            for index in values.indices {
                if let added, residual?.isActivated == true { values[index] += added[index] }
                values[index] = step.finish.activation.value(at: values[index])
                if let added, residual?.isActivated == false { values[index] += added[index] }
                if let quantization = step.outputQuantization { values[index] = quantization.rounded(values[index]) }
            }
            maps[step.output] = (step.shape, values)
        }
        return maps[network.output]?.values ?? []
    }

    private static func compute(_ step: FusedStep, _ inputs: [(shape: MapShape, values: [Float])]) -> [Float] {
        let (shape, values) = inputs[0]
        switch step.work {
        case .convolution(let convolution): return convolve(convolution, shape, values, step.shape)
        case .maximum(let window):
            return pool(window, shape, values, step.shape) { found, _ in found.max() ?? 0 }
        case .average(let window, let countsPadding):
            return pool(window, shape, values, step.shape) { found, all in
                found.reduce(0, +) / Float(countsPadding ? all : found.count)
            }
        case .globalAverage:
            return (0..<shape.channels).map { channel in
                values[channel * shape.pixels..<(channel + 1) * shape.pixels].reduce(0, +) / Float(shape.pixels)
            }
        case .addition: return zip(values, inputs[1].values).map { $0 + $1 }
        case .scaling: return values.indices.map { values[$0] * inputs[1].values[$0 / shape.pixels] }
        case .nothing: return values
        case .lookup: preconditionFailure("looks up a value that is not of 8 bits")
        }
    }

    private static func convolve(
        _ convolution: FusedConvolution, _ shape: MapShape, _ values: [Float], _ output: MapShape
    ) -> [Float] {
        let window = convolution.window
        let depth = convolution.inputChannels / convolution.groups
        let taps = window.kernelHeight * window.kernelWidth
        var result: [Float] = []
        for channel in 0..<output.channels {
            let first = channel * convolution.groups / output.channels * depth
            for position in 0..<output.pixels {
                var sum: Float = 0
                forEachTap(window, shape, position / output.width, position % output.width) { tap, pixel in
                    for input in 0..<depth {
                        sum +=
                            convolution.weights[(channel * depth + input) * taps + tap]
                            * values[(first + input) * shape.pixels + pixel]
                    }
                }
                result.append(sum * convolution.scale[channel] + convolution.shift[channel])
            }
        }
        return result
    }

    private static func pool(
        _ window: FusedWindow, _ shape: MapShape, _ values: [Float], _ output: MapShape,
        _ reduce: ([Float], Int) -> Float
    ) -> [Float] {
        (0..<output.channels * output.pixels).map { index in
            var found: [Float] = []
            let (channel, position) = (index / output.pixels, index % output.pixels)
            forEachTap(window, shape, position / output.width, position % output.width) { _, pixel in
                found.append(values[channel * shape.pixels + pixel])
            }
            return reduce(found, window.kernelHeight * window.kernelWidth)
        }
    }

    private static func forEachTap(
        _ window: FusedWindow, _ shape: MapShape, _ row: Int, _ column: Int, _ body: (_ tap: Int, _ pixel: Int) -> Void
    ) {
        for tap in 0..<window.kernelHeight * window.kernelWidth {
            let y = row * window.strideHeight + tap / window.kernelWidth * window.dilationHeight - window.padding.top
            let x = column * window.strideWidth + tap % window.kernelWidth * window.dilationWidth - window.padding.left
            if (0..<shape.height).contains(y), (0..<shape.width).contains(x) { body(tap, y * shape.width + x) }
        }
    }
}
