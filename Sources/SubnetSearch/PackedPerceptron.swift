/// A perceptron whose inputs are zeros and ones, laid out for batches of evaluations.
///
/// The first layer is a sum of columns, one per input that is one. ReLU leaves half to four fifths of the published
/// predictor's hidden values at zero, so later layers add up only the columns of values above zero. Weights are visited
/// 16 outputs at a time by the whole batch: that slice of a layer stays in the first-level cache. A result does not
/// depend on the batch that it was computed in.
struct PackedPerceptron: Sendable {
    typealias Lanes = SIMD16<Float>
    static let blockWidth = Lanes.scalarCount
    /// Evaluations that share a visit of the weights.
    static let batchLimit = 16

    struct Layer: Sendable {
        let inputs: Int
        let blocks: Int
        /// [block][input], zero beyond the layer's outputs.
        let weights: [Lanes]
        /// [block].
        let bias: [Lanes]
    }

    let hidden: [Layer]
    /// Of the single output, padded with zeros.
    let lastWeights: [Lanes]
    /// The last layer's weights one by one, for a perceptron without hidden layers.
    let directWeights: [Float]
    let lastBias: Float
    /// The most values of any layer.
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
        stride(from: 0, to: values.count, by: blockWidth).map { Lanes(values[$0..<($0 + blockWidth)]) }
    }
}

/// The memory of a batch of evaluations.
struct PerceptronScratch {
    /// The places of each evaluation's ones, `activeStride` apart, and how many there are.
    var active: [Int32]
    var activeCounts: [Int]
    let activeStride: Int
    /// Values of a layer, [evaluation][block].
    fileprivate var values: [PackedPerceptron.Lanes]
    /// Which of them are above zero, and what they are, [evaluation][`widest`].
    fileprivate var places: [Int32]
    fileprivate var amounts: [Float]
    fileprivate var aboveCounts: [Int]
    fileprivate let widest: Int

    init(widest: Int, activeLimit: Int) {
        let batch = PackedPerceptron.batchLimit
        self.widest = widest
        activeStride = activeLimit
        active = Array(repeating: 0, count: batch * activeLimit)
        activeCounts = Array(repeating: 0, count: batch)
        values = Array(repeating: .zero, count: batch * widest / PackedPerceptron.blockWidth)
        // One more, as a value that is not above zero is written before it is passed over.
        places = Array(repeating: 0, count: batch * widest + 1)
        amounts = Array(repeating: 0, count: batch * widest + 1)
        aboveCounts = Array(repeating: 0, count: batch)
    }
}

extension PackedPerceptron {
    /// Adds the outputs of the first `count` evaluations of the scratch to `results`. Allocates nothing.
    func evaluate(count: Int, scratch: inout PerceptronScratch, addingTo results: inout [Double]) {
        guard let first = hidden.first else {
            for evaluation in 0..<count {
                let start = evaluation * scratch.activeStride
                let active = scratch.active[start..<(start + scratch.activeCounts[evaluation])]
                results[evaluation] += Double(active.reduce(lastBias) { $0 + directWeights[Int($1)] })
            }
            return
        }
        first.sumColumns(count: count, scratch: &scratch)
        for layer in hidden.dropFirst() {
            for evaluation in 0..<count { scratch.compact(evaluation, width: layer.inputs) }
            layer.multiply(count: count, scratch: &scratch)
        }
        let stride = scratch.widest / Self.blockWidth
        for evaluation in 0..<count { results[evaluation] += Double(output(scratch.values, from: evaluation * stride)) }
    }

    private func output(_ values: [Lanes], from start: Int) -> Float {
        var sum = Lanes.zero
        for index in lastWeights.indices {
            let value = values[start + index]
            sum += value.replacing(with: 0, where: value .< 0) * lastWeights[index]
        }
        return lastBias + sum.sum()
    }
}

extension PerceptronScratch {
    /// Finds the values above zero; without branches, as they are hard to predict: the bits of a float above zero
    /// are those of an integer above zero.
    fileprivate mutating func compact(_ evaluation: Int, width: Int) {
        let start = evaluation * widest
        var count = start
        values.withUnsafeBytes { bytes in
            let scalars = UnsafeBufferPointer(rebasing: bytes.bindMemory(to: Float.self)[start..<(start + width)])
            places.withUnsafeMutableBufferPointer { places in
                amounts.withUnsafeMutableBufferPointer { amounts in
                    for index in 0..<width {
                        let value = scalars[index]
                        places[count] = Int32(truncatingIfNeeded: index)
                        amounts[count] = value
                        let bits = Int32(bitPattern: value.bitPattern)
                        count &+= Int(truncatingIfNeeded: UInt32(bitPattern: 0 &- bits) >> 31)
                    }
                }
            }
        }
        aboveCounts[evaluation] = count - start
    }
}

extension PackedPerceptron.Layer {
    fileprivate func sumColumns(count: Int, scratch: inout PerceptronScratch) {
        let (activeStride, valueStride) = (scratch.activeStride, scratch.widest / PackedPerceptron.blockWidth)
        let (active, counts) = (scratch.active, scratch.activeCounts)
        scratch.values.withUnsafeMutableBufferPointer { values in
            weights.withUnsafeBufferPointer { weights in
                active.withUnsafeBufferPointer { active in
                    for block in 0..<blocks {
                        let rows = UnsafeBufferPointer(rebasing: weights[(block * inputs)..<((block + 1) * inputs)])
                        for evaluation in 0..<count {
                            let start = evaluation * activeStride
                            var sum = bias[block]
                            for index in start..<(start + counts[evaluation]) { sum += rows[Int(active[index])] }
                            values[evaluation * valueStride + block] = sum
                        }
                    }
                }
            }
        }
    }

    fileprivate func multiply(count: Int, scratch: inout PerceptronScratch) {
        let (widest, valueStride) = (scratch.widest, scratch.widest / PackedPerceptron.blockWidth)
        let (places, amounts, counts) = (scratch.places, scratch.amounts, scratch.aboveCounts)
        scratch.values.withUnsafeMutableBufferPointer { values in
            weights.withUnsafeBufferPointer { weights in
                places.withUnsafeBufferPointer { places in
                    amounts.withUnsafeBufferPointer { amounts in
                        for block in 0..<blocks {
                            let rows = UnsafeBufferPointer(
                                rebasing: weights[(block * inputs)..<((block + 1) * inputs)])
                            for evaluation in 0..<count {
                                let range = (evaluation * widest)..<(evaluation * widest + counts[evaluation])
                                let sum = Self.sum(
                                    rows, UnsafeBufferPointer(rebasing: places[range]),
                                    UnsafeBufferPointer(rebasing: amounts[range]))
                                values[evaluation * valueStride + block] = bias[block] + sum
                            }
                        }
                    }
                }
            }
        }
    }

    /// Two sums side by side, because an addition waits for the one before.
    @inline(__always) private static func sum(
        _ rows: UnsafeBufferPointer<PackedPerceptron.Lanes>, _ places: UnsafeBufferPointer<Int32>,
        _ amounts: UnsafeBufferPointer<Float>
    ) -> PackedPerceptron.Lanes {
        var (even, odd) = (PackedPerceptron.Lanes.zero, PackedPerceptron.Lanes.zero)
        var index = 0
        while index &+ 1 < places.count {
            even += rows[Int(places[index])] * PackedPerceptron.Lanes(repeating: amounts[index])
            odd += rows[Int(places[index &+ 1])] * PackedPerceptron.Lanes(repeating: amounts[index &+ 1])
            index &+= 2
        }
        if index < places.count {
            even += rows[Int(places[index])] * PackedPerceptron.Lanes(repeating: amounts[index])
        }
        return even + odd
    }
}
