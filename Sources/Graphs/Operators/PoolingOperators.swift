#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Windows over one to three spatial dimensions, `[batch, channels, spatial...]`.
let poolingOperators: [Operator] = [
    Operator("MaxPool", accepts: .numbers, folds: false, infer: inferMaxPool, evaluate: evaluateMaxPool),
    Operator("AveragePool", accepts: .floats, folds: false, infer: inferPool) { (call, types) throws(GraphFailure) in
        let window = try poolWindow(call)
        let countsPadding = try call.flag("count_include_pad")
        return pool(call, types[0], window) { values, position in
            let size = countsPadding ? window.paddedTaps(at: position) : values.count
            return values.reduce(0, +) / Double(size)
        }
    },
    Operator("LpPool", accepts: .floats, folds: false, infer: inferPool) { (call, types) throws(GraphFailure) in
        let power = Double(try call.int("p", 2))
        return pool(call, types[0], try poolWindow(call)) { values, _ in
            pow(values.reduce(0) { $0 + pow(abs($1), power) }, 1 / power)
        }
    },
    global("GlobalAveragePool") { values, _ in values.reduce(0, +) / Double(values.count) },
    global("GlobalMaxPool") { values, _ in values.reduce(-.infinity) { $0.isNaN || $0 > $1 ? $0 : $1 } },
    global("GlobalLpPool") { values, power in pow(values.reduce(0) { $0 + pow(abs($1), power) }, 1 / power) },
]

private func poolWindow(_ call: OperatorCall) throws(GraphFailure) -> SpatialWindow {
    let shape = call.shape(0)
    guard (3...5).contains(shape.count) else { throw GraphFailure("input \(shape) does not have 3 to 5 dimensions") }
    guard let kernel = try call.ints("kernel_shape") else { throw GraphFailure("has no kernel_shape") }
    // What is read only where a window's value is computed: one of another type is refused before that.
    for name in ["storage_order", "count_include_pad"] { _ = try call.flag(name) }
    _ = try call.int("p", 2)
    let window = try SpatialWindow(call, input: Array(shape[2...]), kernel: kernel)
    guard (0..<3).allSatisfy(window.readsEverywhere) else {
        throw GraphFailure("a window lies in the padding entirely")
    }
    return window
}

@Sendable private func inferPool(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    // What is no image has no window; its shape may be shorter than two.
    let window = try poolWindow(call).outputShape
    return [ValueType(call.element(0), Array(call.shape(0)[..<2]) + window)]
}

@Sendable private func inferMaxPool(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    let window = try poolWindow(call).outputShape
    let shape = Array(call.shape(0)[..<2]) + window
    let values = ValueType(call.element(0), shape)
    return call.outputCount > 1 ? [values, ValueType(.int64, shape)] : [values]
}

/// Every window's value from those of its input elements that exist.
private func pool(
    _ call: OperatorCall, _ type: ValueType, _ window: SpatialWindow, _ result: ([Double], [Int]) -> Double
) -> [TensorValue] {
    let input = call.doubles(0)
    var output: [Double] = []
    output.reserveCapacity(type.count)
    for plane in 0..<Shapes.count(type.shape[..<2]) {
        window.forEachPosition { position in
            let values = window.places(at: position).map { input[plane * window.inputCount + $0] }
            output.append(result(values, position))
        }
    }
    return [TensorValue(shape: type.shape, Elements(output, as: type.element))]
}

@Sendable private func evaluateMaxPool(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let window = try poolWindow(call)
    let isColumnMajor = try call.flag("storage_order")
    let input = call.doubles(0)
    var (picked, indices): ([Int], [Int64]) = ([], [])
    for plane in 0..<Shapes.count(types[0].shape[..<2]) {
        let start = plane * window.inputCount
        window.forEachPosition { position in
            let places = window.places(at: position)
            var best = places[0]
            for place in places where input[start + place] > input[start + best] { best = place }
            picked.append(start + best)
            indices.append(Int64(start + (isColumnMajor ? window.columnMajor(best) : best)))
        }
    }
    let values = TensorValue(shape: types[0].shape, call.value(0).elements.picking(picked))
    return types.count > 1 ? [values, TensorValue(shape: types[1].shape, .int64(indices))] : [values]
}

extension SpatialWindow {
    /// Whether every window along an axis holds an input element. Those that start inside the input do.
    fileprivate func readsEverywhere(_ axis: Int) -> Bool {
        guard output[axis] > 0 else { return true }
        let before = min((padsBefore[axis] + strides[axis] - 1) / strides[axis], output[axis])
        return (0..<before).allSatisfy { !taps(axis, $0).isEmpty }
            && (output[axis] == before || source(axis, output[axis] - 1, 0) < input[axis])
    }

    /// Calls for each output position in row-major order.
    fileprivate func forEachPosition(_ body: ([Int]) -> Void) {
        for depth in 0..<output[0] {
            for height in 0..<output[1] { for width in 0..<output[2] { body([depth, height, width]) } }
        }
    }

    /// Where a window's elements lie in the input.
    fileprivate func places(at position: [Int]) -> [Int] {
        var places: [Int] = []
        for depth in taps(0, position[0]) {
            for height in taps(1, position[1]) {
                let line = source(0, position[0], depth) * input[1] + source(1, position[1], height)
                for width in taps(2, position[2]) { places.append(line * input[2] + source(2, position[2], width)) }
            }
        }
        return places
    }

    /// How many of a window's elements lie in the input or its padding; rounding sizes up can push some beyond.
    fileprivate func paddedTaps(at position: [Int]) -> Int {
        (0..<3).reduce(1) { count, axis in
            let end = input[axis] + padsAfter[axis]
            let room = end - 1 - source(axis, position[axis], 0)
            return count * min(kernel[axis], max(room / dilations[axis] + 1, 0))
        }
    }

    /// The place of an element if the last dimension varied slowest.
    fileprivate func columnMajor(_ place: Int) -> Int {
        let (depth, height, width) = (place / (input[1] * input[2]), place / input[2] % input[1], place % input[2])
        return rank == 3 ? (width * input[1] + height) * input[0] + depth : width * input[1] + height
    }
}

private func global(_ name: String, _ result: @escaping @Sendable ([Double], Double) -> Double) -> Operator {
    Operator(
        name, accepts: .floats,
        infer: { (call) throws(GraphFailure) in
            let shape = call.shape(0)
            guard shape.count > 2, !shape[2...].contains(0) else {
                throw GraphFailure("input \(shape) has no spatial dimensions")
            }
            return [ValueType(call.element(0), Array(shape[..<2]) + shape[2...].map { _ in 1 })]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            let power = Double(try call.int("p", 2))
            let length = Shapes.count(call.shape(0)[2...])
            let lanes = Lanes(places: Array(0..<call.type(0).count), length: length, count: types[0].count)
            let values = lanes.map(call.doubles(0)) { result($0, power) }
            return [TensorValue(shape: types[0].shape, Elements(values, as: types[0].element))]
        })
}
