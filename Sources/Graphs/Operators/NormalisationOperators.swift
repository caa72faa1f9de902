#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Operators that subtract means and divide by deviations.
let normalisationOperators: [Operator] = [
    Operator("BatchNormalization", inputs: 5...5, accepts: .floats, infer: inferBatch, evaluate: evaluateBatch),
    Operator(
        "InstanceNormalization", inputs: 3...3, accepts: .floats,
        infer: { (call) throws(GraphFailure) in
            try requireChannels(call, 1...2)
            return [call.type(0)]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            let channels = types[0].shape[1]
            return try standardised(call, types[0], parts: types[0].shape[0] * channels) { part, _ in part % channels }
        }),
    Operator(
        "GroupNormalization", 18...21, inputs: 3...3, accepts: .floats, infer: inferGroup, evaluate: evaluateGroup),
    Operator(
        "LayerNormalization", 17...21, inputs: 2...3, accepts: .floats, infer: inferLayer, evaluate: evaluateLayer),
    Operator("LRN", accepts: .floats, infer: inferResponse, evaluate: evaluateResponse),
    Operator("LpNormalization", accepts: .floats, infer: sameType) { (call, types) throws(GraphFailure) in
        let axis = try Shapes.axis(try call.int("axis", -1), rank: types[0].rank)
        let power = try call.int("p", 2)
        guard 1...2 ~= power else { throw GraphFailure("p is \(power), not 1 or 2") }
        let isAbsolute = power == 1
        let values = Lanes(types[0].shape, along: axis).replacing(call.doubles(0)) { lane in
            let norm =
                isAbsolute
                ? lane.reduce(0) { $0 + abs($1) } : lane.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return lane.map { norm == 0 ? 0 : $0 / norm }
        }
        return [TensorValue(shape: types[0].shape, Elements(values, as: types[0].element))]
    },
    Operator("MeanVarianceNormalization", 9...21, accepts: .floats, infer: sameType) {
        (call, types) throws(GraphFailure) in
        let axes = try Shapes.axes(try call.ints("axes") ?? [0, 2, 3], rank: types[0].rank).sorted()
        let length = Shapes.count(axes.map { types[0].shape[$0] })
        let lanes = Lanes(
            places: Shapes.places(types[0].shape, last: axes), length: length,
            count: length == 0 ? 0 : types[0].count / length)
        let values = lanes.replacing(call.doubles(0)) { lane in
            let moments = Moments(lane, epsilon: 0)
            return lane.map { ($0 - moments.mean) / (1 / moments.scale + 1e-9) }
        }
        return [TensorValue(shape: types[0].shape, Elements(values, as: types[0].element))]
    },
]

private struct Moments {
    let mean: Double
    /// 1 / sqrt(variance + epsilon)
    let scale: Double

    init(_ values: some Collection<Double>, epsilon: Double) {
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        self.mean = mean
        scale = 1 / (variance + epsilon).squareRoot()
    }
}

/// Refuses inputs that do not hold one value per channel.
private func requireChannels(_ call: OperatorCall, _ inputs: ClosedRange<Int>) throws(GraphFailure) {
    let shape = call.shape(0)
    guard shape.count >= 2 else { throw GraphFailure("input \(shape) has no channels") }
    for index in inputs {
        guard call.shape(index) == [shape[1]], call.element(index).isFloatingPoint else {
            throw GraphFailure("input \(index) has shape \(call.shape(index)) instead of \([shape[1]])")
        }
    }
}

/// Each of `parts` equal runs brought to mean 0 and deviation 1, then scaled and shifted by entry
/// `entry(part, place in it)` of inputs 1 and 2.
private func standardised(
    _ call: OperatorCall, _ type: ValueType, parts: Int, _ entry: (Int, Int) -> Int
) throws(GraphFailure) -> [TensorValue] {
    var values = call.doubles(0)
    let (scales, shifts, epsilon) = (call.doubles(1), call.doubles(2), try call.float("epsilon", 1e-5))
    let length = parts == 0 ? 0 : values.count / parts
    for part in 0..<parts {
        let range = part * length..<(part + 1) * length
        let moments = Moments(values[range], epsilon: epsilon)
        for index in range {
            let channel = entry(part, index - range.lowerBound)
            values[index] = (values[index] - moments.mean) * moments.scale * scales[channel] + shifts[channel]
        }
    }
    return [TensorValue(shape: type.shape, Elements(values, as: type.element))]
}

// MARK: Batch

@Sendable private func inferBatch(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    // Before version 14 a node trains where it has more outputs; what they hold then is not said.
    let isTraining = try call.flag("training_mode")
    guard call.node.outputs.dropFirst(isTraining ? 3 : 1).allSatisfy(\.isEmpty) else {
        throw GraphFailure("is in training mode")
    }
    let isSpatial = try call.flag("spatial", true)
    guard call.opset >= 9 || isSpatial else { throw GraphFailure("has statistics per place") }
    guard call.type(0).rank > 1 else {
        throw GraphFailure("input \(call.shape(0)) has no channels")
    }
    try requireChannels(call, 1...4)
    return [call.type(0)] + call.node.outputs.dropFirst().map { _ in call.type(3) }
}

@Sendable private func evaluateBatch(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    var values = call.doubles(0)
    let (scale, shift) = (call.doubles(1), call.doubles(2))
    var (mean, variance) = (call.doubles(3), call.doubles(4))
    var running: [TensorValue] = []
    if try call.flag("training_mode") {
        let found = batchMoments(values, types[0].shape)
        let momentum = try call.float("momentum", 0.9)
        running = zip(types.dropFirst(), [(mean, found.mean), (variance, found.variance)]).map { type, sides in
            let mixed = zip(sides.0, sides.1).map { $0 * momentum + $1 * (1 - momentum) }
            return TensorValue(shape: type.shape, Elements(mixed, as: type.element))
        }
        (mean, variance) = found
    }
    let epsilon = try call.float("epsilon", 1e-5)
    let factors = scale.indices.map { scale[$0] / (variance[$0] + epsilon).squareRoot() }
    let size = Shapes.count(types[0].shape[2...])
    for index in values.indices {
        let channel = index / size % scale.count
        values[index] = (values[index] - mean[channel]) * factors[channel] + shift[channel]
    }
    return [TensorValue(shape: types[0].shape, Elements(values, as: types[0].element))] + running
}

/// Mean and variance of each channel over the batch and all places.
private func batchMoments(_ values: [Double], _ shape: [Int]) -> (mean: [Double], variance: [Double]) {
    let channels = shape[1], size = Shapes.count(shape[2...])
    let count = Double(max(1, shape[0] * size))
    var mean = [Double](repeating: 0, count: channels)
    for index in values.indices { mean[index / size % channels] += values[index] / count }
    var variance = [Double](repeating: 0, count: channels)
    for index in values.indices {
        let channel = index / size % channels
        variance[channel] += (values[index] - mean[channel]) * (values[index] - mean[channel]) / count
    }
    return (mean, variance)
}

// MARK: Group and layer

/// Until opset 20 scale and bias are per group.
@Sendable private func inferGroup(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    let (shape, groups) = (call.shape(0), try call.int("num_groups", 0))
    guard shape.count > 2, groups > 0, shape[1] % groups == 0 else {
        throw GraphFailure("input \(shape) does not form \(groups) groups")
    }
    for index in 1...2 where call.shape(index) != [call.opset < 21 ? groups : shape[1]] {
        throw GraphFailure("input \(index) has shape \(call.shape(index))")
    }
    return [call.type(0)]
}

@Sendable private func evaluateGroup(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let (shape, groups) = (types[0].shape, try call.int("num_groups", 1))
    let (perGroup, size) = (shape[1] / groups, Shapes.count(shape[2...]))
    let isPerGroup = call.opset < 21
    return try standardised(call, types[0], parts: shape[0] * groups) { part, place in
        isPerGroup ? part % groups : part % groups * perGroup + place / size
    }
}

@Sendable private func inferLayer(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    let shape = call.shape(0)
    let axis = try Shapes.axis(try call.int("axis", -1), rank: shape.count)
    for index in 1...2 where call.has(index) {
        try Shapes.requireBroadcast(call.shape(index), to: Array(shape[axis...]))
    }
    let statistics = ValueType(.float32, shape[..<axis] + shape[axis...].map { _ in 1 })
    return [call.type(0)] + [ValueType](repeating: statistics, count: min(max(call.outputCount - 1, 0), 2))
}

@Sendable private func evaluateLayer(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let shape = types[0].shape
    let axis = try Shapes.axis(try call.int("axis", -1), rank: shape.count)
    let inner = Array(shape[axis...])
    let (epsilon, length) = (try call.float("epsilon", 1e-5), Shapes.count(inner))
    let scales = call.doubles(1)
    let scalePlaces = Shapes.broadcastPlaces(call.shape(1), to: inner)
    let shifts = call.has(2) ? call.doubles(2) : [0]
    let shiftPlaces = Shapes.broadcastPlaces(call.has(2) ? call.shape(2) : [1], to: inner)
    var values = call.doubles(0)
    var statistics: [[Double]] = [[], []]
    for part in 0..<Shapes.count(shape[..<axis]) {
        let start = part * length
        let moments = Moments(values[start..<start + length], epsilon: epsilon)
        statistics[0].append(moments.mean)
        statistics[1].append(moments.scale)
        for index in 0..<length {
            values[start + index] =
                (values[start + index] - moments.mean) * moments.scale * scales[scalePlaces[index]]
                + shifts[shiftPlaces[index]]
        }
    }
    return [TensorValue(shape: shape, Elements(values, as: types[0].element))]
        + zip(types.dropFirst(), statistics).map { TensorValue(shape: $0.shape, Elements($1, as: .float32)) }
}

// MARK: Local response

@Sendable private func inferResponse(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard let size = try call.int("size"), size > 0, call.type(0).rank > 2 else {
        throw GraphFailure("has no valid size or no spatial dimensions")
    }
    return [call.type(0)]
}

@Sendable private func evaluateResponse(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let size = try call.int("size", 1)
    let (alpha, beta, bias) = (try call.float("alpha", 1e-4), try call.float("beta", 0.75), try call.float("bias", 1))
    let values = Lanes(types[0].shape, along: 1).replacing(call.doubles(0)) { lane in
        lane.indices.map { channel in
            let first = max(0, channel - min((size - 1) / 2, channel))
            let last = min(lane.count - 1, channel + min(size / 2, lane.count))
            let sum = lane[first...last].reduce(0) { $0 + $1 * $1 }
            return lane[channel] / pow(bias + alpha / Double(size) * sum, beta)
        }
    }
    return [TensorValue(shape: types[0].shape, Elements(values, as: types[0].element))]
}
