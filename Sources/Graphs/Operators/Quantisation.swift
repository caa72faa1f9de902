/// Integers that stand for numbers: value = (integer - zero point) * scale, per tensor, per axis or per block.
///
/// A scale of one value holds for the whole tensor; a scale of as many values as an axis is long holds along that axis.

/// Where each element's scale lies.
/// - Parameter axis: may be negative.
func scalePlaces(
    _ shape: [Int], scale: [Int], axis: Int, block: Int = 0
) throws(GraphFailure) -> [Int] {
    if Shapes.count(scale) == 1 { return [Int](repeating: 0, count: Shapes.count(shape)) }
    let axis = try Shapes.axis(axis, rank: shape.count)
    if block > 0 || scale.count == shape.count {
        var expected = shape
        expected[axis] = block > 0 ? (shape[axis] + block - 1) / block : scale[axis]
        // A scale with as many dimensions may also hold for rows or columns, being 1 elsewhere.
        let divisors = shape.indices.map { index in
            block > 0 && index == axis ? block : scale[index] == 1 ? max(shape[index], 1) : 1
        }
        guard zip(shape, zip(scale, divisors)).allSatisfy({ ($0 + $1.1 - 1) / $1.1 == $1.0 || $0 == 0 }) else {
            throw GraphFailure("scales of shape \(scale) do not fit \(shape)")
        }
        let strides = Shapes.strides(scale)
        return Shapes.places(
            shape.indices.map { index in (0..<shape[index]).map { $0 / divisors[index] * strides[index] } })
    }
    guard scale == [shape[axis]] else {
        throw GraphFailure("scales of shape \(scale) do not fit axis \(axis) of \(shape)")
    }
    return Shapes.places(
        shape.indices.map { index in (0..<shape[index]).map { index == axis ? $0 : 0 } })
}

/// The input's values less its zero point, which is left out or per tensor or per axis.
func shifted(_ call: OperatorCall, _ input: Int, zero: Int, axis: Int) throws(GraphFailure) -> [Double] {
    let values = call.doubles(input)
    guard call.has(zero) else { return values }
    guard call.element(zero) == call.element(input) else {
        throw GraphFailure("the zero point of input \(input) has another type")
    }
    let zeros = call.doubles(zero)
    if zeros.count == 1 { return values.map { $0 - zeros[0] } }
    let places = try scalePlaces(call.shape(input), scale: call.shape(zero), axis: axis)
    return values.indices.map { values[$0] - zeros[places[$0]] }
}

func dequantised(
    _ call: OperatorCall, _ input: Int, scale: Int, zero: Int, axis: Int, block: Int = 0
) throws(GraphFailure) -> [Double] {
    let (values, scales) = (call.doubles(input), call.doubles(scale))
    let places = try scalePlaces(call.shape(input), scale: call.shape(scale), axis: axis, block: block)
    var zeros = [Double](repeating: 0, count: scales.count)
    if call.has(zero) {
        guard call.type(zero).count == scales.count, call.element(zero) == call.element(input) else {
            throw GraphFailure("the zero point of input \(input) does not fit its scale or type")
        }
        zeros = call.doubles(zero)
    }
    return values.indices.map { (values[$0] - zeros[places[$0]]) * scales[places[$0]] }
}

/// Rounds to the nearest, ties to even, as 32-bit floats; saturates.
func quantised(
    _ values: [Double], _ call: OperatorCall, _ type: ValueType, scale: Int, zero: Int, axis: Int, block: Int = 0
) throws(GraphFailure) -> TensorValue {
    let scales = call.doubles(scale)
    let places = try scalePlaces(type.shape, scale: call.shape(scale), axis: axis, block: block)
    var zeros = [Double](repeating: 0, count: scales.count)
    if call.has(zero) {
        guard call.type(zero).count == scales.count else { throw GraphFailure("the zero point does not fit the scale") }
        zeros = call.doubles(zero)
    }
    let integers = values.indices.map { index in
        Double(Float(values[index] / scales[places[index]])).rounded(.toNearestOrEven) + zeros[places[index]]
    }
    return TensorValue(shape: type.shape, Elements(integers, as: type.element))
}
