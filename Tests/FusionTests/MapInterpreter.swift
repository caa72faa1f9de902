import Fusion
import Graphs

#if canImport(Glibc)
    import Glibc
#endif

/// Steps that rearrange, combine and normalise maps, by the plain formulas.
struct MapInterpreter {
    let step: FusedStep
    let inputs: [(shape: MapShape, values: [Float])]

    private var pixels: Int { step.shape.pixels }

    var values: [Float] {
        let first = inputs[0]
        switch step.work {
        case .gather(let channels): return gathered(channels)
        case .resample(let rows, let columns): return resampled(rows, columns)
        case .interleave(let interleave): return interleaved(interleave)
        case .combination(let combination):
            return first.values.indices.map { index in
                let place =
                    switch combination.operand {
                    case .each: index
                    case .perChannel: index / pixels
                    case .perPixel: index % pixels
                    }
                let pair = (first.values[index], inputs[1].values[place])
                return combination.isReversed
                    ? combination.kind.value(pair.1, pair.0) : combination.kind.value(pair.0, pair.1)
            }
        case .affine(let scale, let shift):
            return first.values.indices.map { first.values[$0] * scale[$0 / pixels] + shift[$0 / pixels] }
        case .slopes(let slopes):
            return first.values.indices.map { first.values[$0] * (first.values[$0] < 0 ? slopes[$0 / pixels] : 1) }
        case .softmax:
            return acrossChannels { row in
                let powers = row.map { exp($0 - (row.max() ?? 0)) }
                return powers.map { $0 / powers.reduce(0, +) }
            }
        case .layerNorm(let epsilon, let scale, let shift):
            return acrossChannels { row in
                let mean = row.reduce(0, +) / Float(row.count)
                let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(row.count)
                return row.indices.map { (row[$0] - mean) / (variance + epsilon).squareRoot() * scale[$0] + shift[$0] }
            }
        default: preconditionFailure("another kind of step")
        }
    }

    private func gathered(_ channels: [FusedChannels]) -> [Float] {
        channels.flatMap { run -> [Float] in
            guard let input = run.input else { return [Float](repeating: 0, count: run.count * pixels) }
            return Array(inputs[input].values[run.first * pixels..<(run.first + run.count) * pixels])
        }
    }

    private func resampled(_ rows: [FusedTap], _ columns: [FusedTap]) -> [Float] {
        let (shape, values) = inputs[0]
        return (0..<shape.channels).flatMap { channel in
            rows.flatMap { row in
                columns.map { column in
                    var sum: Float = 0
                    for (y, rowWeight) in [(row.first, row.firstWeight), (row.second, row.secondWeight)] {
                        for (x, weight) in [(column.first, column.firstWeight), (column.second, column.secondWeight)]
                        where rowWeight != 0 && weight != 0 {
                            sum += rowWeight * weight * values[(channel * shape.height + y) * shape.width + x]
                        }
                    }
                    return sum
                }
            }
        }
    }

    private func interleaved(_ interleave: FusedInterleave) -> [Float] {
        let (shape, values) = inputs[0]
        let stride = interleave.stride
        let padded = FusedInterleave.padded(step.shape.channels)
        return (0..<step.shape.channels * pixels).map { index in
            let y = index % pixels / step.shape.width + interleave.top
            let x = index % step.shape.width + interleave.left
            let channel = (y % stride * stride + x % stride) * padded + index / pixels
            return values[(channel * shape.height + y / stride) * shape.width + x / stride]
        }
    }

    private func acrossChannels(_ function: ([Float]) -> [Float]) -> [Float] {
        var result = inputs[0].values
        for pixel in 0..<pixels {
            let places = (0..<step.shape.channels).map { $0 * pixels + pixel }
            for (place, value) in zip(places, function(places.map { inputs[0].values[$0] })) { result[place] = value }
        }
        return result
    }
}

extension FusedCombination.Kind {
    fileprivate func value(_ x: Float, _ y: Float) -> Float {
        switch self {
        case .add: x + y
        case .subtract: x - y
        case .multiply: x * y
        case .divide: x / y
        case .maximum: max(x, y)
        case .minimum: min(x, y)
        }
    }
}
