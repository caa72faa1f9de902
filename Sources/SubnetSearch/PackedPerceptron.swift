/// A perceptron whose inputs are zeros and ones, laid out for one evaluation at a time.
///
/// The first layer is a sum of columns, one per input that is one. ReLU leaves half to four fifths of the published
/// predictor's hidden values at zero, so later layers add up only the columns of values above zero, 32 outputs at a
/// time so that sums stay in registers.
struct PackedPerceptron: Sendable {
    typealias Lanes = SIMD16<Float>
    /// Outputs per block, two vectors.
    static let blockWidth = 2 * Lanes.scalarCount

    struct Layer: Sendable {
        let inputs: Int
        let blocks: Int
        /// [block][input][32], zero beyond the layer's outputs.
        let weights: [Lanes]
        /// [block][32].
        let bias: [Lanes]
    }

    let hidden: [Layer]
    /// Of the single output, padded with zeros.
    let lastWeights: [Lanes]
    /// The last layer's weights one by one, for a perceptron without hidden layers.
    let directWeights: [Float]
    let lastBias: Float
    let widest: Int

    init(_ perceptron: MultilayerPerceptron) {
        hidden = perceptron.layers.dropLast().map(Self.pack)
        let last = perceptron.layers[perceptron.layers.count - 1]
        let padded = (last.inputs + Self.blockWidth - 1) / Self.blockWidth * Self.blockWidth
        lastWeights = Self.lanes(last.weights + Array(repeating: 0, count: padded - last.inputs))
        directWeights = last.weights
        lastBias = last.bias[0]
        widest = (hidden.map { $0.blocks * Self.blockWidth }).reduce(padded, max)
    }

    private static func pack(_ layer: MultilayerPerceptron.Layer) -> Layer {
        let blocks = (layer.outputs + blockWidth - 1) / blockWidth
        var weights = Array(repeating: Float(0), count: blocks * layer.inputs * blockWidth)
        var bias = Array(repeating: Float(0), count: blocks * blockWidth)
        for output in 0..<layer.outputs {
            let (block, lane) = output.quotientAndRemainder(dividingBy: blockWidth)
            bias[output] = layer.bias[output]
            for input in 0..<layer.inputs {
                weights[(block * layer.inputs + input) * blockWidth + lane] =
                    layer.weights[output * layer.inputs + input]
            }
        }
        return Layer(inputs: layer.inputs, blocks: blocks, weights: lanes(weights), bias: lanes(bias))
    }

    private static func lanes(_ values: [Float]) -> [Lanes] {
        stride(from: 0, to: values.count, by: Lanes.scalarCount).map { Lanes(values[$0..<($0 + Lanes.scalarCount)]) }
    }
}

/// The memory of evaluations: values of a layer, and which of them are above zero.
struct PerceptronScratch {
    var values: [PackedPerceptron.Lanes]
    var places: [Int32]
    var amounts: [Float]

    init(widest: Int) {
        values = Array(repeating: .zero, count: max(1, widest / PackedPerceptron.Lanes.scalarCount))
        places = Array(repeating: 0, count: widest + 1)
        amounts = Array(repeating: 0, count: widest + 1)
    }
}

extension PackedPerceptron {
    /// The output for the inputs that are one. Allocates nothing.
    func evaluate(active: [Int32], count: Int, scratch: inout PerceptronScratch) -> Float {
        guard let first = hidden.first else {
            return active.prefix(count).reduce(lastBias) { $0 + directWeights[Int($1)] }
        }
        scratch.values.withUnsafeMutableBufferPointer { values in
            scratch.places.withUnsafeMutableBufferPointer { places in
                scratch.amounts.withUnsafeMutableBufferPointer { amounts in
                    guard let values = values.baseAddress, let places = places.baseAddress,
                        let amounts = amounts.baseAddress
                    else { return }
                    active.withUnsafeBufferPointer { active in
                        first.sumColumns(UnsafeBufferPointer(rebasing: active[..<count]), into: values)
                    }
                    for index in hidden.indices.dropFirst() {
                        let width = hidden[index].inputs
                        let above = Self.compact(values, width: width, places: places, amounts: amounts)
                        hidden[index].multiply(places: places, amounts: amounts, count: above, into: values)
                    }
                }
            }
        }
        return output(scratch.values)
    }

    private func output(_ values: [Lanes]) -> Float {
        var sum = Lanes.zero
        for index in lastWeights.indices {
            let above = values[index].replacing(with: 0, where: values[index] .< 0)
            sum += above * lastWeights[index]
        }
        return lastBias + sum.sum()
    }

    /// Writes where values are above zero and the values there; without branches, as they are hard to predict.
    private static func compact(
        _ values: UnsafeMutablePointer<Lanes>, width: Int, places: UnsafeMutablePointer<Int32>,
        amounts: UnsafeMutablePointer<Float>
    ) -> Int {
        values.withMemoryRebound(to: Float.self, capacity: width) { scalars in
            var count = 0
            for index in 0..<width {
                let value = scalars[index]
                places[count] = Int32(truncatingIfNeeded: index)
                amounts[count] = value
                count &+= value > 0 ? 1 : 0
            }
            return count
        }
    }
}

extension PackedPerceptron.Layer {
    fileprivate func sumColumns(
        _ active: UnsafeBufferPointer<Int32>, into result: UnsafeMutablePointer<PackedPerceptron.Lanes>
    ) {
        weights.withUnsafeBufferPointer { weights in
            for block in 0..<blocks {
                var (low, high) = (bias[2 * block], bias[2 * block + 1])
                let base = block &* inputs
                for input in active {
                    let place = 2 &* (base &+ Int(input))
                    low += weights[place]
                    high += weights[place &+ 1]
                }
                result[2 * block] = low
                result[2 * block + 1] = high
            }
        }
    }

    fileprivate func multiply(
        places: UnsafeMutablePointer<Int32>, amounts: UnsafeMutablePointer<Float>, count: Int,
        into result: UnsafeMutablePointer<PackedPerceptron.Lanes>
    ) {
        weights.withUnsafeBufferPointer { weights in
            for block in 0..<blocks {
                var (low, high) = (bias[2 * block], bias[2 * block + 1])
                let base = block &* inputs
                for index in 0..<count {
                    let place = 2 &* (base &+ Int(places[index]))
                    let amount = PackedPerceptron.Lanes(repeating: amounts[index])
                    low += weights[place] * amount
                    high += weights[place &+ 1] * amount
                }
                result[2 * block] = low
                result[2 * block + 1] = high
            }
        }
    }
}
