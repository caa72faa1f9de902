import CKernels

/// A perceptron whose inputs are zeros and ones, laid out for batches of evaluations.
///
/// The first layer is a sum of columns, one per input that is one. ReLU leaves half to four fifths of the published
/// predictor's hidden values at zero, so later layers add up only the columns of values above zero. Weights are visited
/// 16 outputs at a time by the whole batch: that slice of a layer stays in the first-level cache. A result does not
/// depend on the batch that it was computed in, nor on the processor's instruction set.
struct PackedPerceptron: Sendable {
    static let blockWidth = Int(CK_LANES)
    /// Evaluations that share a visit of the weights.
    static let batchLimit = 16

    struct Layer: Sendable {
        let inputs: Int
        let blocks: Int
        /// [block][input][`blockWidth`], zero beyond the layer's outputs.
        let weights: [Float]
        /// [block][`blockWidth`].
        let bias: [Float]
    }

    let hidden: [Layer]
    /// Of the single output.
    let lastWeights: [Float]
    let lastBias: Float
    /// The most values of any layer.
    let widest: Int

    init(_ perceptron: MultilayerPerceptron) {
        hidden = perceptron.layers.dropLast().map(Self.pack)
        let last = perceptron.layers[perceptron.layers.count - 1]
        lastWeights = last.weights
        lastBias = last.bias[0]
        widest = (hidden.map { $0.blocks * Self.blockWidth }).reduce(last.inputs, max)
    }

    private static func pack(_ layer: MultilayerPerceptron.Layer) -> Layer {
        let blocks = (layer.outputs + blockWidth - 1) / blockWidth
        var weights = Array(repeating: Float(0), count: blocks * layer.inputs * blockWidth)
        for output in 0..<layer.outputs {
            let (block, lane) = output.quotientAndRemainder(dividingBy: blockWidth)
            for input in 0..<layer.inputs {
                weights[(block * layer.inputs + input) * blockWidth + lane] =
                    layer.weights[output * layer.inputs + input]
            }
        }
        let padding = Array(repeating: Float(0), count: blocks * blockWidth - layer.outputs)
        return Layer(inputs: layer.inputs, blocks: blocks, weights: weights, bias: layer.bias + padding)
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
            scratch.compact(evaluation, width: lastWeights.count)
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
        let start = evaluation * widest
        var sum = Float(0)
        for index in start..<(start + Int(aboveCounts[evaluation])) {
            sum += amounts[index] * weights[Int(places[index])]
        }
        return sum
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
        weights.withUnsafeBufferPointer { weights in
            bias.withUnsafeBufferPointer { bias in
                var columns = ck_columns(
                    weights: weights.baseAddress, bias: bias.baseAddress, places: places.baseAddress, amounts: amounts,
                    counts: counts.baseAddress, values: values.baseAddress, place_stride: Int64(stride),
                    value_stride: Int64(valueStride), inputs: Int32(inputs), blocks: Int32(blocks), count: Int32(count))
                ck_sum_columns(&columns)
            }
        }
    }
}
