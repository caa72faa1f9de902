/// Operators that change or tell shapes and types, and those that make constants.
let shapeOperators: [Operator] = [
    Operator("Reshape", inputs: 2...2, infer: inferReshape, evaluate: reshaped),
    Operator(
        "Flatten",
        infer: { (call) throws(GraphFailure) in
            let (shape, stated) = (call.shape(0), try call.int("axis", 1))
            let axis = stated == shape.count ? stated : try Shapes.axis(stated, rank: shape.count)
            return [ValueType(call.element(0), [Shapes.count(shape[..<axis]), Shapes.count(shape[axis...])])]
        }, evaluate: reshaped),
    Operator("Squeeze", inputs: 1...2, infer: inferSqueeze, evaluate: reshaped),
    Operator("Unsqueeze", inputs: 1...2, infer: inferUnsqueeze, evaluate: reshaped),
    Operator("Identity", infer: sameType, evaluate: reshaped),
    Operator("Dropout", inputs: 1...3, accepts: .floats, infer: inferDropout) { (call, types) throws(GraphFailure) in
        let all = types.dropFirst().map { type in
            TensorValue(shape: type.shape, Elements([Int64](repeating: 1, count: type.count), as: type.element))
        }
        return [call.value(0)] + all
    },
    Operator("Shape", infer: { (call) throws(GraphFailure) in [ValueType(.int64, [try shapeRange(call).count])] }) {
        (call, types) throws(GraphFailure) in [TensorValue(integers: Array(call.shape(0)[try shapeRange(call)]))]
    },
    Operator("Size", infer: { (_) throws(GraphFailure) in [ValueType(.int64, [])] }) { call, _ in
        [TensorValue(shape: [], .int64([Int64(call.type(0).count)]))]
    },
    Operator("Cast", infer: inferCast) { call, types in
        [TensorValue(shape: types[0].shape, call.value(0).elements.cast(to: types[0].element))]
    },
    Operator(
        "CastLike", 15...21, inputs: 2...2,
        infer: { (call) throws(GraphFailure) in [ValueType(call.element(1), call.shape(0))] },
        evaluate: { call, types in
            [TensorValue(shape: types[0].shape, call.value(0).elements.cast(to: types[0].element))]
        }),
    Operator("Constant", inputs: 0...0, infer: { (call) throws(GraphFailure) in [try constant(call).type] }) {
        (call, _) throws(GraphFailure) in [try constant(call)]
    },
    Operator("ConstantOfShape", 9...21, accepts: .integers, infer: inferFilled) { (call, types) throws(GraphFailure) in
        let value = try call.tensor("value") ?? TensorValue(shape: [1], .float32([0]))
        let places = [Int](repeating: 0, count: types[0].count)
        return [TensorValue(shape: types[0].shape, value.elements.picking(places))]
    },
    Operator("Range", 11...21, inputs: 3...3, accepts: .numbers, infer: inferRange, evaluate: evaluateRange),
]

/// The same elements in another shape.
@Sendable private func reshaped(_ call: OperatorCall, _ types: [ValueType]) throws(GraphFailure) -> [TensorValue] {
    [TensorValue(shape: types[0].shape, call.value(0).elements)]
}

@Sendable private func inferReshape(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard case .known(let stated) = try call.list("shape", input: 1, since: 7) else { return nil }
    let input = call.shape(0)
    let keepsZero = try call.flag("allowzero")
    guard stated.count <= GraphLimits.rank else { throw GraphFailure("\(stated.count) dimensions are too many") }
    var shape: [Int] = []
    for (axis, size) in stated.enumerated() {
        guard size != 0 || keepsZero || axis < input.count else {
            throw GraphFailure("the shape \(stated) copies a dimension that \(input) does not have")
        }
        shape.append(size == 0 && !keepsZero ? input[axis] : size)
    }
    let openCount = shape.count { $0 == -1 }
    guard openCount <= 1 else { throw GraphFailure("the shape \(stated) leaves \(openCount) sizes open; one may be") }
    let count = call.type(0).count
    if let open = shape.firstIndex(of: -1) {
        shape[open] = 1
        let rest = try GraphLimits.checkedCount(of: shape, call.element(0))
        guard rest > 0, count % rest == 0 else { throw GraphFailure("\(input) does not reshape to \(stated)") }
        shape[open] = count / rest
    }
    guard try GraphLimits.checkedCount(of: shape, call.element(0)) == count else {
        throw GraphFailure("\(input) does not reshape to \(stated)")
    }
    return [ValueType(call.element(0), shape)]
}

@Sendable private func inferSqueeze(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    let shape = call.shape(0)
    var axes = shape.indices.filter { shape[$0] == 1 }
    switch try call.list("axes", input: 1, since: 13) {
    case .unknown: return nil
    case .known(let stated):
        axes = try Shapes.axes(stated, rank: shape.count)
        guard axes.allSatisfy({ shape[$0] == 1 }) else { throw GraphFailure("\(shape) is not 1 along \(stated)") }
    case .absent: break
    }
    return [ValueType(call.element(0), shape.indices.filter { !axes.contains($0) }.map { shape[$0] })]
}

@Sendable private func inferUnsqueeze(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    switch try call.list("axes", input: 1, since: 13) {
    case .unknown: return nil
    case .absent: throw GraphFailure("states no axes")
    case .known(let stated):
        guard stated.count <= GraphLimits.rank else { throw GraphFailure("\(stated.count) axes are too many") }
        let rank = call.type(0).rank + stated.count
        let axes = try Shapes.axes(stated, rank: rank)
        var rest = call.shape(0).makeIterator()
        return [ValueType(call.element(0), (0..<rank).map { axes.contains($0) ? 1 : rest.next() ?? 1 })]
    }
}

@Sendable private func inferDropout(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    if call.has(2) {
        guard let mode = call.known(2) else { return nil }
        guard mode.integers.allSatisfy({ $0 == 0 }) else { throw GraphFailure("is in training mode") }
    }
    // The mask was of the data's type until opset 9.
    let mask = ValueType(call.opset < 10 ? call.element(0) : .bool, call.shape(0))
    return call.outputCount > 1 ? [call.type(0), mask] : [call.type(0)]
}

private func shapeRange(_ call: OperatorCall) throws(GraphFailure) -> Range<Int> {
    let rank = call.type(0).rank
    func clamp(_ stated: Int) -> Int { min(max(stated < 0 ? stated + rank : stated, 0), rank) }
    let (start, end) = (clamp(try call.int("start", 0)), clamp(try call.int("end", rank)))
    return start..<max(start, end)
}

@Sendable private func inferCast(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard let number = try call.int("to") else { throw GraphFailure("states no type") }
    guard let element = ElementType(onnxNumber: number) else {
        throw GraphFailure("the element type \(ElementType.name(ofONNXNumber: number)) is not supported")
    }
    return [ValueType(element, call.shape(0))]
}

private func constant(_ call: OperatorCall) throws(GraphFailure) -> TensorValue {
    guard call.node.attributes.count == 1, let (name, value) = call.node.attributes.first else {
        throw GraphFailure("does not have exactly one value")
    }
    switch (name, value) {
    case ("value", .tensor(let tensor)): return tensor
    case ("value_float", .float(let value)): return TensorValue(shape: [], .float32([value]))
    case ("value_int", .int(let value)): return TensorValue(shape: [], .int64([Int64(value)]))
    case ("value_floats", .floats(let values)): return TensorValue(shape: [values.count], .float32(values))
    case ("value_ints", .ints(let values)): return TensorValue(integers: values)
    default: throw GraphFailure("attribute \(name.printable) is not supported")
    }
}

@Sendable private func inferFilled(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    let value = try call.tensor("value") ?? TensorValue(shape: [1], .float32([0]))
    guard value.count == 1 else { throw GraphFailure("its value is not one number") }
    guard case .known(let shape) = try call.list("input", input: 0, since: 7) else { return nil }
    return [ValueType(value.elements.type, shape)]
}

@Sendable private func inferRange(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard (0..<3).allSatisfy({ call.type($0).count == 1 }) else { throw GraphFailure("takes three single numbers") }
    try requireSame(call, 0, 1)
    try requireSame(call, 0, 2)
    guard let start = call.known(0), let limit = call.known(1), let delta = call.known(2) else { return nil }
    let steps = (limit.doubles[0] - start.doubles[0]) / delta.doubles[0]
    guard let count = Int(exactly: max(steps, 0).rounded(.up)) else { throw GraphFailure("has no end") }
    return [ValueType(call.element(0), [count])]
}

@Sendable private func evaluateRange(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let count = types[0].count
    if types[0].element.isFloatingPoint {
        let (start, delta) = (call.doubles(0)[0], call.doubles(2)[0])
        let values = (0..<count).map { start + Double($0) * delta }
        return [TensorValue(shape: [count], Elements(values, as: types[0].element))]
    }
    let (start, delta) = (call.value(0).integers[0], call.value(2).integers[0])
    return [
        TensorValue(shape: [count], Elements((0..<count).map { start &+ Int64($0) &* delta }, as: types[0].element))
    ]
}
