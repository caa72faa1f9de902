/// Operators that copy elements to other places: each says for its output's elements where they lie in the input.
let movementOperators: [Operator] = [
    Operator("Transpose", infer: inferTranspose) { (call, types) throws(GraphFailure) in
        let (shape, order) = (call.shape(0), try permutation(call))
        // Axes at the end that stay there move as runs.
        let moving = shape.indices.last { order[$0] != $0 }.map { $0 + 1 } ?? 0
        let run = Shapes.count(shape[moving...])
        let places = Shapes.places(Array(shape[..<moving]), last: Array(order[..<moving]))
        return [TensorValue(shape: types[0].shape, call.value(0).elements.picking(places, runs: run))]
    },
    Operator("Slice", inputs: 1...5, infer: inferSlice) { (call, types) throws(GraphFailure) in
        let strides = Shapes.strides(call.shape(0))
        let steps = try slices(call) ?? []
        return moved(
            call, types[0],
            Shapes.places(
                steps.enumerated().map { axis, step in
                    (0..<step.count).map { (step.start + $0 * step.step) * strides[axis] }
                }))
    },
    Operator("Concat", inputs: 1...GraphLimits.nodeValues, infer: inferConcat, evaluate: evaluateConcat),
    Operator("Split", inputs: 1...2, infer: inferSplit, evaluate: evaluateSplit),
    Operator("Expand", 8...21, inputs: 2...2, infer: inferExpand) { call, types in
        moved(call, types[0], Shapes.broadcastPlaces(call.shape(0), to: types[0].shape))
    },
    Operator("Tile", inputs: 2...2, infer: inferTile) { call, types in
        let offsets = Shapes.offsets(call.shape(0))
        return moved(
            call, types[0],
            Shapes.places(
                offsets.enumerated().map { axis, own in
                    (0..<types[0].shape[axis]).map { own[$0 % own.count] }
                }))
    },
    Operator("Pad", inputs: 1...4, infer: inferPad, evaluate: evaluatePad),
    Operator("DepthToSpace", infer: inferDepthToSpace) { (call, types) throws(GraphFailure) in
        let (shape, block) = (call.shape(0), try blockSize(call))
        let isColumnFirst = try call.text("mode", "DCR") == "CRD"
        let depth = shape[1] / (block * block)
        let parts = [shape[0]] + (isColumnFirst ? [depth, block, block] : [block, block, depth]) + shape[2...]
        let order = isColumnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
        return moved(call, types[0], Shapes.places(parts, last: order))
    },
    Operator("SpaceToDepth", infer: inferSpaceToDepth) { (call, types) throws(GraphFailure) in
        let (shape, block) = (call.shape(0), try blockSize(call))
        let parts = [shape[0], shape[1], shape[2] / block, block, shape[3] / block, block]
        return moved(call, types[0], Shapes.places(parts, last: [0, 3, 5, 1, 2, 4]))
    },
    Operator("Trilu", 14...21, inputs: 1...2, infer: inferTrilu, evaluate: evaluateTrilu),
]

private func moved(_ call: OperatorCall, _ type: ValueType, _ places: [Int]) -> [TensorValue] {
    [TensorValue(shape: type.shape, call.value(0).elements.picking(places))]
}

// MARK: Transpose and slices

private func permutation(_ call: OperatorCall) throws(GraphFailure) -> [Int] {
    let rank = call.type(0).rank
    let order = try call.ints("perm") ?? (0..<rank).reversed()
    guard order.sorted() == Array(0..<rank) else { throw GraphFailure("perm \(order) does not order \(rank) axes") }
    return order
}

@Sendable private func inferTranspose(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    [ValueType(call.element(0), try permutation(call).map { call.shape(0)[$0] })]
}

private struct AxisSlice {
    var start: Int
    var step: Int
    var count: Int
}

/// Attributes until opset 9, inputs from then on.
private func slices(_ call: OperatorCall) throws(GraphFailure) -> [AxisSlice]? {
    let shape = call.shape(0)
    var stated: [[Int]?] = []
    for (index, name) in ["starts", "ends", "axes", "steps"].enumerated() {
        switch try call.list(name, input: index + 1, since: 10) {
        case .known(let values): stated.append(values)
        case .absent: stated.append(nil)
        case .unknown: return nil
        }
    }
    guard let starts = stated[0], let ends = stated[1] else { throw GraphFailure("states no starts or ends") }
    let axes = try Shapes.axes(stated[2] ?? Array(starts.indices), rank: shape.count)
    let steps = stated[3] ?? starts.map { _ in 1 }
    guard starts.count == ends.count, axes.count == starts.count, steps.count == starts.count else {
        throw GraphFailure("starts, ends, axes and steps differ in length")
    }
    var slices = shape.map { AxisSlice(start: 0, step: 1, count: $0) }
    for (index, axis) in axes.enumerated() {
        let (size, step) = (shape[axis], max(steps[index], -Int.max))
        guard step != 0 else { throw GraphFailure("a step is zero") }
        let (least, most) = step > 0 ? (0, size) : (-1, size - 1)
        func clamp(_ place: Int) -> Int { min(max(place < 0 ? place + size : place, least), most) }
        let (start, end) = (clamp(starts[index]), clamp(ends[index]))
        let span = step > 0 ? end - start : start - end
        slices[axis] = AxisSlice(start: start, step: step, count: span <= 0 ? 0 : (span - 1) / abs(step) + 1)
    }
    return slices
}

@Sendable private func inferSlice(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    try slices(call).map { [ValueType(call.element(0), $0.map(\.count))] }
}

// MARK: Concat and Split

@Sendable private func inferConcat(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard let stated = try call.int("axis") else { throw GraphFailure("states no axis") }
    let axis = try Shapes.axis(stated, rank: call.type(0).rank)
    var shape = call.shape(0)
    for index in 1..<max(call.inputCount, 1) {
        guard call.has(index), call.element(index) == call.element(0), call.type(index).rank == shape.count,
            shape.indices.allSatisfy({ $0 == axis || call.shape(index)[$0] == shape[$0] })
        else { throw GraphFailure("input \(index) does not continue \(call.type(0)) along axis \(axis)") }
        shape[axis] += call.shape(index)[axis]
        try GraphLimits.checkedCount(of: shape, call.element(0))
    }
    return [ValueType(call.element(0), shape)]
}

@Sendable private func evaluateConcat(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let axis = try Shapes.axis(try call.int("axis", 0), rank: types[0].rank)
    let outer = Shapes.count(types[0].shape[..<axis])
    let parts = (0..<call.inputCount).map { call.value($0) }
    let elements = Elements.joined(parts.map { ($0.elements, outer == 0 ? 0 : $0.count / outer) }, rounds: outer)
    return [TensorValue(shape: types[0].shape, elements)]
}

private func splitSizes(_ call: OperatorCall) throws(GraphFailure) -> (axis: Int, sizes: [Int])? {
    let axis = try Shapes.axis(try call.int("axis", 0), rank: call.type(0).rank)
    let size = call.shape(0)[axis]
    switch try call.list("split", input: 1, since: 13) {
    case .unknown: return nil
    case .known(let sizes):
        guard sizes.allSatisfy({ 0...size ~= $0 }), sizes.count == call.outputCount, sizes.reduce(0, +) == size else {
            throw GraphFailure("\(sizes) does not split \(size) into \(call.outputCount)")
        }
        return (axis, sizes)
    case .absent:
        let count = try call.int("num_outputs") ?? call.outputCount
        guard count == call.outputCount, call.opset >= 18 || size % count == 0 else {
            throw GraphFailure("\(size) does not split into \(call.outputCount)")
        }
        let part = (size + count - 1) / count
        return (axis, (0..<count).map { max(min(part, size - $0 * part), 0) })
    }
}

@Sendable private func inferSplit(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard let (axis, sizes) = try splitSizes(call) else { return nil }
    return sizes.map { size in
        var shape = call.shape(0)
        shape[axis] = size
        return ValueType(call.element(0), shape)
    }
}

@Sendable private func evaluateSplit(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    guard let (axis, sizes) = try splitSizes(call) else { return [] }
    let offsets = Shapes.offsets(call.shape(0))
    var start = 0
    return zip(types, sizes).map { type, size in
        var part = offsets
        part[axis] = Array(offsets[axis][start..<start + size])
        start += size
        return TensorValue(shape: type.shape, call.value(0).elements.picking(Shapes.places(part)))
    }
}

// MARK: Expand, Tile, Pad

@Sendable private func inferExpand(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard case .known(let shape) = try call.list("shape", input: 1, since: 7) else { return nil }
    return [ValueType(call.element(0), try Shapes.broadcast(call.shape(0), shape))]
}

@Sendable private func inferTile(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard case .known(let repeats) = try call.list("repeats", input: 1, since: 7) else { return nil }
    let shape = call.shape(0)
    guard repeats.count == shape.count, repeats.allSatisfy({ 0...GraphLimits.valueBytes ~= $0 }) else {
        throw GraphFailure("repeats \(repeats) do not fit \(shape)")
    }
    return [ValueType(call.element(0), zip(shape, repeats).map { $0 * $1 })]
}

/// Values to add before and after each axis; negative ones take away. Attributes until opset 10.
private func pads(_ call: OperatorCall) throws(GraphFailure) -> (before: [Int], after: [Int])? {
    let shape = call.shape(0)
    guard case .known(let stated) = try call.list("pads", input: 1, since: 11) else { return nil }
    var axes = Array(shape.indices)
    switch call.has(3) ? try call.list("axes", input: 3, since: 11) : .absent {
    case .unknown: return nil
    case .known(let some): axes = try Shapes.axes(some, rank: shape.count)
    case .absent: break
    }
    let limit = GraphLimits.valueBytes
    guard stated.count == 2 * axes.count, stated.allSatisfy({ -limit...limit ~= $0 }) else {
        throw GraphFailure("pads \(stated) do not fit \(shape)")
    }
    var (before, after) = (shape.map { _ in 0 }, shape.map { _ in 0 })
    for (index, axis) in axes.enumerated() {
        (before[axis], after[axis]) = (stated[index], stated[index + axes.count])
    }
    return (before, after)
}

@Sendable private func inferPad(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard let (before, after) = try pads(call) else { return nil }
    let shape = call.shape(0)
    return [ValueType(call.element(0), shape.indices.map { shape[$0] + before[$0] + after[$0] })]
}

@Sendable private func evaluatePad(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    guard let (before, _) = try pads(call) else { return [] }
    let (shape, strides) = (call.shape(0), Shapes.strides(call.shape(0)))
    let mode = try call.text("mode", "constant")
    guard ["constant", "edge", "reflect", "wrap"].contains(mode) else {
        throw GraphFailure("mode \(mode.printable) is not known")
    }
    guard mode == "constant" || !shape.contains(0) else {
        throw GraphFailure("has nothing to repeat in \(shape)")
    }
    let offsets = shape.indices.map { axis in
        (0..<types[0].shape[axis]).map { position -> Int in
            let (place, size) = (position - before[axis], shape[axis])
            if place >= 0, place < size { return place * strides[axis] }
            switch mode {
            case "edge": return min(max(place, 0), size - 1) * strides[axis]
            case "wrap": return ((place % size + size) % size) * strides[axis]
            case "reflect":
                let period = max(2 * (size - 1), 1)
                let phase = (place % period + period) % period
                return min(phase, 2 * (size - 1) - phase) * strides[axis]
            default: return -1
            }
        }
    }
    let element = types[0].element
    var filler = Elements([Int64(0)], as: element)
    if call.opset < 11 {
        filler = Elements([try call.float("value", 0)], as: element)
    } else if call.has(2) {
        guard call.type(2).count == 1, call.element(2) == element else { throw GraphFailure("the value is not one") }
        filler = call.value(2).elements
    }
    guard let source = call.value(0).elements.appending(filler) else { preconditionFailure("types were compared") }
    let last = call.type(0).count
    let places = Shapes.places(offsets).map { $0 < 0 ? last : $0 }
    return [TensorValue(shape: types[0].shape, source.picking(places))]
}

// MARK: Blocks and triangles

private func blockSize(_ call: OperatorCall) throws(GraphFailure) -> Int {
    guard let size = try call.int("blocksize"), 1...4_096 ~= size, call.type(0).rank == 4 else {
        throw GraphFailure("has no valid block size, or not four dimensions")
    }
    return size
}

@Sendable private func inferDepthToSpace(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    let (shape, block) = (call.shape(0), try blockSize(call))
    guard shape[1] % (block * block) == 0 else { throw GraphFailure("\(shape[1]) channels do not form blocks") }
    return [
        ValueType(call.element(0), [shape[0], shape[1] / (block * block), shape[2] * block, shape[3] * block])
    ]
}

@Sendable private func inferSpaceToDepth(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    let (shape, block) = (call.shape(0), try blockSize(call))
    guard shape[2] % block == 0, shape[3] % block == 0 else { throw GraphFailure("\(shape) does not form blocks") }
    return [
        ValueType(call.element(0), [shape[0], shape[1] * block * block, shape[2] / block, shape[3] / block])
    ]
}

@Sendable private func inferTrilu(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard call.type(0).rank > 1 else { throw GraphFailure("input \(call.shape(0)) is not a matrix") }
    return [call.type(0)]
}

@Sendable private func evaluateTrilu(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let (rows, columns) = (types[0].shape[types[0].rank - 2], types[0].shape[types[0].rank - 1])
    let keepsUpper = try call.flag("upper", true)
    // The diagonal may be any integer; beyond the matrix all are alike.
    let stated = call.has(1) ? Int(call.value(1).integers.first ?? 0) : 0
    let diagonal = min(max(stated, -rows - 1), columns + 1)
    let places = (0..<types[0].count).map { place -> Int in
        let distance = place % columns - place / columns % rows
        return (keepsUpper ? distance >= diagonal : distance <= diagonal) ? place : -1
    }
    return moved(call, types[0], places)
}
