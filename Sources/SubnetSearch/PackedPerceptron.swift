import CKernels

/// A perceptron whose inputs are zeros and ones, laid out for batches of evaluations.
///
/// The first layer is a sum of columns, one per input that is one. ReLU leaves half to four fifths of the published
/// predictor's hidden values at zero, so later layers add up only the columns of values above zero. The whole batch
/// visits one slice of a layer's weights after another, each as large as the first-level cache. A result does not
/// depend on the batch that it was computed in, nor on the processor's instruction set.
struct PackedPerceptron: Sendable {
    static let blockWidth = Int(CK_LANES)
    /// Evaluations that share a visit of the weights.
    static let batchLimit = Int(CK_COLUMN_BATCH)

    struct Layer: Sendable {
        let inputs: Int
        let blocks: Int
        /// [group][input][blocks of the group][`blockWidth`], zero beyond the layer's outputs.
        let weights: AlignedFloats
        /// [block][`blockWidth`].
        let bias: [Float]
    }

    let hidden: [Layer]
    /// Of the single output, with zeros up to a whole block.
    let lastWeights: [Float]
    let lastBias: Float
    /// The most values of any layer, in whole blocks.
    let widest: Int

    init(_ perceptron: MultilayerPerceptron) {
        hidden = perceptron.layers.dropLast().map(Self.pack)
        let last = perceptron.layers[perceptron.layers.count - 1]
        let lastBlocks = (last.inputs + Self.blockWidth - 1) / Self.blockWidth
        lastWeights = last.weights + Array(repeating: 0, count: lastBlocks * Self.blockWidth - last.inputs)
        lastBias = last.bias[0]
        widest = hidden.map(\.blocks).reduce(lastBlocks, max) * Self.blockWidth
    }

    private static func pack(_ layer: MultilayerPerceptron.Layer) -> Layer {
        let blocks = (layer.outputs + blockWidth - 1) / blockWidth
        var weights: [Float] = []
        weights.reserveCapacity(blocks * layer.inputs * blockWidth)
        var first = 0
        while first < blocks * blockWidth {
            let width = Int(ck_column_group(Int32(blocks - first / blockWidth))) * blockWidth
            for input in 0..<layer.inputs {
                for output in first..<(first + width) {
                    weights.append(output < layer.outputs ? layer.weights[output * layer.inputs + input] : 0)
                }
            }
            first += width
        }
        let padding = Array(repeating: Float(0), count: blocks * blockWidth - layer.outputs)
        return Layer(inputs: layer.inputs, blocks: blocks, weights: AlignedFloats(weights), bias: layer.bias + padding)
    }
}

/// The memory of a batch of evaluations.
struct PerceptronScratch {
    /// The places of each evaluation's ones, `activeStride` apart, and how many there are.
    var active: [Int32]
    var activeCounts: [Int32]
    let activeStride: Int
    /// Values of a layer, [evaluation][`widest`].
    fileprivate var values: [Float]
    /// Which of them are above zero, and what they are, [evaluation][`widest`].
    fileprivate var places: [Int32]
    fileprivate var amounts: [Float]
    fileprivate var aboveCounts: [Int32]
    fileprivate let widest: Int

    init(widest: Int, activeLimit: Int) {
        let batch = PackedPerceptron.batchLimit
        self.widest = widest
        activeStride = activeLimit
        active = Array(repeating: 0, count: batch * activeLimit)
        activeCounts = Array(repeating: 0, count: batch)
        values = Array(repeating: 0, count: batch * widest)
        // More than is kept, as whole blocks are written.
        places = Array(repeating: 0, count: (batch + 1) * max(widest, PackedPerceptron.blockWidth))
        amounts = Array(repeating: 0, count: places.count)
        aboveCounts = Array(repeating: 0, count: batch)
    }
}

extension PackedPerceptron {
    /// Adds the outputs of the first `count` evaluations of the scratch to `results`. Allocates nothing.
    func evaluate(count: Int, scratch: inout PerceptronScratch, addingTo results: inout [Double]) {
        guard let first = hidden.first else {
            for evaluation in 0..<count {
                let start = evaluation * scratch.activeStride
                let active = scratch.active[start..<(start + Int(scratch.activeCounts[evaluation]))]
                results[evaluation] += Double(active.reduce(lastBias) { $0 + lastWeights[Int($1)] })
            }
            return
        }
        scratch.sumOnes(of: first, count: count)
        for layer in hidden.dropFirst() {
            for evaluation in 0..<count { scratch.compact(evaluation, width: layer.inputs) }
            scratch.sumAmounts(of: layer, count: count)
        }
        for evaluation in 0..<count {
            results[evaluation] += Double(lastBias + scratch.product(evaluation, lastWeights))
        }
    }
}

extension PerceptronScratch {
    /// Finds the values above zero.
    fileprivate mutating func compact(_ evaluation: Int, width: Int) {
        let start = evaluation * widest
        aboveCounts[evaluation] = values.withUnsafeBufferPointer { values in
            places.withUnsafeMutableBufferPointer { places in
                amounts.withUnsafeMutableBufferPointer { amounts in
                    ck_compact(
                        values.baseAddress! + start, Int32(width), places.baseAddress! + start,
                        amounts.baseAddress! + start)
                }
            }
        }
    }

    /// The values above zero times their weights.
    fileprivate func product(_ evaluation: Int, _ weights: [Float]) -> Float {
        let blocks = Int32(weights.count / PackedPerceptron.blockWidth)
        return values.withUnsafeBufferPointer { values in
            ck_dot_above_zero(values.baseAddress! + evaluation * widest, weights, blocks)
        }
    }

    fileprivate mutating func sumOnes(of layer: PackedPerceptron.Layer, count: Int) {
        values.withUnsafeMutableBufferPointer { values in
            active.withUnsafeBufferPointer { active in
                activeCounts.withUnsafeBufferPointer { counts in
                    layer.sum(places: active, amounts: nil, counts, stride: activeStride, count, values, widest)
                }
            }
        }
    }

    fileprivate mutating func sumAmounts(of layer: PackedPerceptron.Layer, count: Int) {
        values.withUnsafeMutableBufferPointer { values in
            places.withUnsafeBufferPointer { places in
                amounts.withUnsafeBufferPointer { amounts in
                    aboveCounts.withUnsafeBufferPointer { counts in
                        layer.sum(
                            places: places, amounts: amounts.baseAddress, counts, stride: widest, count, values, widest)
                    }
                }
            }
        }
    }
}

extension PackedPerceptron.Layer {
    fileprivate func sum(
        places: UnsafeBufferPointer<Int32>, amounts: UnsafePointer<Float>?, _ counts: UnsafeBufferPointer<Int32>,
        stride: Int, _ count: Int, _ values: UnsafeMutableBufferPointer<Float>, _ valueStride: Int
    ) {
        bias.withUnsafeBufferPointer { bias in
            var columns = ck_columns(
                weights: weights.base, bias: bias.baseAddress, places: places.baseAddress, amounts: amounts,
                counts: counts.baseAddress, values: values.baseAddress, place_stride: Int64(stride),
                value_stride: Int64(valueStride), inputs: Int32(inputs), blocks: Int32(blocks), count: Int32(count))
            withExtendedLifetime(weights) { ck_sum_columns(&columns) }
        }
    }
}
