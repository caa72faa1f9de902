/// From and to integers that stand for numbers.
let quantisationOperators: [Operator] = [
    Operator("QuantizeLinear", 10...21, inputs: 2...3, accepts: .anything, infer: inferQuantize) {
        (call, types) throws(GraphFailure) in
        [
            try quantised(
                call.doubles(0), call, types[0], scale: 1, zero: 2, axis: try call.int("axis", 1),
                block: try block(call))
        ]
    },
    Operator(
        "DequantizeLinear", 10...21, inputs: 2...3, accepts: .integers,
        infer: { (call) throws(GraphFailure) in
            guard call.element(1).isFloatingPoint else { throw GraphFailure("the scale is not floating-point") }
            try requireScales(
                call, call.type(0), scale: 1, zero: 2, axis: try call.int("axis", 1), block: try block(call))
            return [ValueType(call.element(1), call.shape(0))]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            let values = try dequantised(
                call, 0, scale: 1, zero: 2, axis: try call.int("axis", 1), block: try block(call))
            return [TensorValue(shape: types[0].shape, Elements(values, as: types[0].element))]
        }),
    Operator(
        "DynamicQuantizeLinear", 11...21, accepts: .floats,
        infer: { (call) throws(GraphFailure) in
            guard call.element(0) == .float32 else { throw GraphFailure("takes only float32") }
            return [ValueType(.uint8, call.shape(0)), ValueType(.float32, []), ValueType(.uint8, [])]
        },
        evaluate: evaluateDynamic),
]

private func block(_ call: OperatorCall) throws(GraphFailure) -> Int {
    let size = try call.int("block_size", 0)
    guard size >= 0, size <= Int(Int32.max) else { throw GraphFailure("a block size of \(size)") }
    return size
}

/// The zero point decides the type; without it the attribute, and without that `uint8`.
@Sendable private func inferQuantize(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard call.element(0).isFloatingPoint || call.element(0) == .int32 else {
        throw GraphFailure("does not take \(call.element(0).rawValue)")
    }
    var element = ElementType.uint8
    if call.has(2) {
        element = call.element(2)
    } else if let number = try call.int("output_dtype"), number != 0 {
        guard let stated = ElementType(onnxNumber: number) else {
            throw GraphFailure("the element type \(ElementType.name(ofONNXNumber: number)) is not supported")
        }
        element = stated
    }
    guard element.isInteger, element.byteCount <= 2 else {
        throw GraphFailure("does not quantise to \(element.rawValue)")
    }
    let type = ValueType(element, call.shape(0))
    try requireScales(call, type, scale: 1, zero: 2, axis: try call.int("axis", 1), block: try block(call))
    return [type]
}

/// Range 0 to 255 over the values and zero, as 32-bit floats.
@Sendable private func evaluateDynamic(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let values = call.doubles(0)
    let (least, most) = (min(values.min() ?? 0, 0), max(values.max() ?? 0, 0))
    let scale = most == least ? 1 : Float(most - least) / 255
    let zero = min(max((Float(0 - least) / scale).rounded(.toNearestOrEven), 0), 255)
    let integers = values.map { Double((Float($0) / scale).rounded(.toNearestOrEven) + zero) }
    return [
        TensorValue(shape: types[0].shape, Elements(integers, as: .uint8)),
        TensorValue(shape: [], .float32([scale])), TensorValue(shape: [], .uint8([UInt8(saturating: Double(zero))])),
    ]
}
