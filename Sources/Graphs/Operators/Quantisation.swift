/// Integers that stand for numbers: value = (integer - zero point) * scale, per tensor, per axis or per block.
///
/// A scale of one value holds for the whole tensor; a scale of as many values as an axis is long holds along that axis.

/// Where elements' scales lie: along each axis a position, divided, times a stride.
private struct ScaleSteps {
    let divisors: [Int]
    let strides: [Int]

    /// - Parameter axis: may be negative; does not matter to a scale of one value.
    /// - Throws: where scales of that shape do not fit.
    init(_ shape: [Int], scale: [Int], axis: Int, block: Int) throws(GraphFailure) {
        var divisors = shape.map { _ in 1 }
        guard Shapes.count(scale) != 1 else {
            (self.divisors, strides) = (divisors, shape.map { _ in 0 })
            return
        }
        let axis = try Shapes.axis(axis, rank: shape.count)
        let misfit = GraphFailure("scales of shape \(scale) do not fit axis \(axis) of \(shape)")
        guard block > 0 || scale.count == shape.count else {
            guard scale == [shape[axis]] else { throw misfit }
            (self.divisors, strides) = (divisors, shape.indices.map { $0 == axis ? 1 : 0 })
            return
        }
        guard scale.count == shape.count else { throw misfit }
        // A scale with as many dimensions may also hold for rows or columns, being 1 elsewhere.
        for index in shape.indices {
            divisors[index] = block > 0 && index == axis ? block : scale[index] == 1 ? max(shape[index], 1) : 1
            guard shape[index] == 0 || (shape[index] - 1) / divisors[index] + 1 == scale[index] else { throw misfit }
        }
        (self.divisors, strides) = (divisors, Shapes.strides(scale))
    }
}

/// Where each element's scale lies.
/// - Parameter axis: may be negative.
func scalePlaces(
    _ shape: [Int], scale: [Int], axis: Int, block: Int = 0
) throws(GraphFailure) -> [Int] {
    let steps = try ScaleSteps(shape, scale: scale, axis: axis, block: block)
    return Shapes.places(
        shape.indices.map { index in (0..<shape[index]).map { $0 / steps.divisors[index] * steps.strides[index] } })
}

/// Refuses scales and zero points that do not fit the integers of an input or of the result, before anything runs.
/// - Parameters:
///   - type: of the integers.
///   - scale: an input.
///   - zero: an input that may be left out; by its type the integers' are known.
func requireScales(
    _ call: OperatorCall, _ type: ValueType, scale: Int, zero: Int, axis: Int, block: Int = 0
) throws(GraphFailure) {
    _ = try ScaleSteps(type.shape, scale: call.shape(scale), axis: axis, block: block)
    guard call.has(zero) else { return }
    guard call.type(zero).count == call.type(scale).count, call.element(zero) == type.element else {
        throw GraphFailure("the zero point, \(call.type(zero)), does not fit its scale or \(type.element.rawValue)")
    }
}

/// Refuses a zero point that `shifted` cannot take.
func requireZero(_ call: OperatorCall, _ input: Int, zero: Int, axis: Int) throws(GraphFailure) {
    guard call.has(zero) else { return }
    guard call.element(zero) == call.element(input) else {
        throw GraphFailure("the zero point of input \(input) has another type")
    }
    _ = try ScaleSteps(call.shape(input), scale: call.shape(zero), axis: axis, block: 0)
}

/// The input's values less its zero point, which is left out or per tensor or per axis.
/// - Precondition: `requireZero` has passed.
func shifted(_ call: OperatorCall, _ input: Int, zero: Int, axis: Int) throws(GraphFailure) -> [Double] {
    let values = call.doubles(input)
    guard call.has(zero) else { return values }
    let zeros = call.doubles(zero)
    if zeros.count == 1 { return values.map { $0 - zeros[0] } }
    let places = try scalePlaces(call.shape(input), scale: call.shape(zero), axis: axis)
    return values.indices.map { values[$0] - zeros[places[$0]] }
}

/// - Precondition: `requireScales` has passed.
func dequantised(
    _ call: OperatorCall, _ input: Int, scale: Int, zero: Int, axis: Int, block: Int = 0
) throws(GraphFailure) -> [Double] {
    let (values, scales) = (call.doubles(input), call.doubles(scale))
    let places = try scalePlaces(call.shape(input), scale: call.shape(scale), axis: axis, block: block)
    var zeros = [Double](repeating: 0, count: scales.count)
    if call.has(zero) { zeros = call.doubles(zero) }
    return values.indices.map { (values[$0] - zeros[places[$0]]) * scales[places[$0]] }
}

/// Rounds to the nearest, ties to even, as 32-bit floats; saturates.
/// - Precondition: `requireScales` has passed.
func quantised(
    _ values: [Double], _ call: OperatorCall, _ type: ValueType, scale: Int, zero: Int, axis: Int, block: Int = 0
) throws(GraphFailure) -> TensorValue {
    let scales = call.doubles(scale)
    let places = try scalePlaces(type.shape, scale: call.shape(scale), axis: axis, block: block)
    var zeros = [Double](repeating: 0, count: scales.count)
    if call.has(zero) { zeros = call.doubles(zero) }
    let integers = values.indices.map { index in
        Double(Float(values[index] / scales[places[index]])).rounded(.toNearestOrEven) + zeros[places[index]]
    }
    return TensorValue(shape: type.shape, Elements(integers, as: type.element))
}
