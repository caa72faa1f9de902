/// Operators whose input says which elements to take or to replace.
let indexingOperators: [Operator] = [
    Operator("Gather", inputs: 2...2, infer: inferGather, evaluate: evaluateGather),
    Operator("GatherElements", 11...21, inputs: 2...2, infer: inferGatherElements) {
        (call, types) throws(GraphFailure) in
        let axis = try Shapes.axis(try call.int("axis", 0), rank: call.type(0).rank)
        let places = try elementPlaces(call, indices: call.value(1), axis: axis)
        return [TensorValue(shape: types[0].shape, call.value(0).elements.picking(places))]
    },
    Operator("GatherND", 11...21, inputs: 2...2, infer: inferGatherND, evaluate: evaluateGatherND),
    Operator("Scatter", 9...10, inputs: 3...3, infer: inferScatterElements, evaluate: evaluateScatterElements),
    Operator(
        "ScatterElements", 11...21, inputs: 3...3, infer: inferScatterElements, evaluate: evaluateScatterElements),
    Operator("ScatterND", 11...21, inputs: 3...3, infer: inferScatterND) { (call, types) throws(GraphFailure) in
        let shape = call.shape(0)
        let depth = call.shape(1).last ?? 0
        let slice = Shapes.count(shape[depth...])
        let starts = try slicePlaces(call.value(1), shape, depth: depth, batches: 0)
        return try scattered(call, to: starts.flatMap { $0..<$0 + slice })
    },
    Operator("OneHot", 9...21, inputs: 3...3, accepts: .numbers, infer: inferOneHot, evaluate: evaluateOneHot),
]

/// An index into `size` elements; negative ones count from the end.
private func checked(_ index: Int64, _ size: Int) throws(GraphFailure) -> Int {
    guard index >= -Int64(size), index < Int64(size) else {
        throw GraphFailure("the index \(index) is outside \(size) elements")
    }
    return Int(index) + (index < 0 ? size : 0)
}

private func requireIndices(_ call: OperatorCall, _ input: Int) throws(GraphFailure) {
    guard call.element(input) == .int32 || call.element(input) == .int64 else {
        throw GraphFailure("input \(input) holds \(call.element(input).rawValue) instead of indices")
    }
}

/// Constant indices in input 1 are looked at before the network runs.
private func requireConstantIndices(_ call: OperatorCall, within size: Int) throws(GraphFailure) {
    for index in call.known(1)?.integers ?? [] { _ = try checked(index, size) }
}

// MARK: Gather

@Sendable private func inferGather(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    try requireIndices(call, 1)
    let shape = call.shape(0)
    let axis = try Shapes.axis(try call.int("axis", 0), rank: shape.count)
    try requireConstantIndices(call, within: shape[axis])
    return [ValueType(call.element(0), shape[..<axis] + call.shape(1) + shape[(axis + 1)...])]
}

@Sendable private func evaluateGather(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let shape = call.shape(0)
    let axis = try Shapes.axis(try call.int("axis", 0), rank: shape.count)
    var offsets = Shapes.offsets(shape)
    var chosen: [Int] = []
    for index in call.value(1).integers { chosen.append(offsets[axis][try checked(index, shape[axis])]) }
    offsets[axis] = chosen
    return [TensorValue(shape: types[0].shape, call.value(0).elements.picking(Shapes.places(offsets)))]
}

@Sendable private func inferGatherElements(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    try requireElementIndices(call)
    return [ValueType(call.element(0), call.shape(1))]
}

/// Indices have the data's dimensions, and are not longer except along the axis.
private func requireElementIndices(_ call: OperatorCall) throws(GraphFailure) {
    try requireIndices(call, 1)
    let (shape, indices) = (call.shape(0), call.shape(1))
    let axis = try Shapes.axis(try call.int("axis", 0), rank: shape.count)
    guard indices.count == shape.count, shape.indices.allSatisfy({ $0 == axis || indices[$0] <= shape[$0] }) else {
        throw GraphFailure("indices of shape \(indices) do not fit \(shape)")
    }
    try requireConstantIndices(call, within: shape[axis])
}

/// Where in input 0 each index points: its own place, moved along the axis.
private func elementPlaces(
    _ call: OperatorCall, indices: TensorValue, axis: Int
) throws(GraphFailure) -> [Int] {
    let shape = call.shape(0)
    let strides = Shapes.strides(shape)
    let others = Shapes.places(
        indices.shape.enumerated().map { dimension, count in
            (0..<count).map { dimension == axis ? 0 : $0 * strides[dimension] }
        })
    var places: [Int] = []
    for (other, index) in zip(others, indices.integers) {
        places.append(other + (try checked(index, shape[axis])) * strides[axis])
    }
    return places
}

private func batchDimensions(_ call: OperatorCall) throws(GraphFailure) -> Int {
    let count = try call.int("batch_dims", 0)
    let (shape, indices) = (call.shape(0), call.shape(1))
    guard count >= 0, count < min(shape.count, indices.count), shape[..<count] == indices[..<count] else {
        throw GraphFailure("\(count) batch dimensions do not fit \(shape) and \(indices)")
    }
    return count
}

@Sendable private func inferGatherND(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    try requireIndices(call, 1)
    let (shape, indices) = (call.shape(0), call.shape(1))
    guard let depth = indices.last else { throw GraphFailure("the indices have no dimension") }
    let batches = try batchDimensions(call)
    guard depth <= shape.count - batches else { throw GraphFailure("indices of \(depth) numbers for shape \(shape)") }
    if let known = call.known(1) { _ = try slicePlaces(known, shape, depth: depth, batches: batches) }
    return [ValueType(call.element(0), indices.dropLast() + shape[(batches + depth)...])]
}

@Sendable private func evaluateGatherND(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let (shape, depth, batches) = (call.shape(0), call.shape(1).last ?? 0, try batchDimensions(call))
    let slice = Shapes.count(shape[(batches + depth)...])
    let starts = try slicePlaces(call.value(1), shape, depth: depth, batches: batches)
    let places = starts.flatMap { $0..<$0 + slice }
    return [TensorValue(shape: types[0].shape, call.value(0).elements.picking(places))]
}

/// Where the slice starts that each group of `depth` indices points to.
private func slicePlaces(
    _ indices: TensorValue, _ shape: [Int], depth: Int, batches: Int
) throws(GraphFailure) -> [Int] {
    let strides = Shapes.strides(shape)
    let groups = Shapes.count(indices.shape.dropLast())
    let perBatch = max(groups / max(Shapes.count(shape[..<batches]), 1), 1)
    let batchSize = Shapes.count(shape[batches...])
    let numbers = indices.integers
    var places: [Int] = []
    for group in 0..<groups {
        var place = batches == 0 ? 0 : group / perBatch * batchSize
        for axis in 0..<depth {
            place += (try checked(numbers[group * depth + axis], shape[batches + axis])) * strides[batches + axis]
        }
        places.append(place)
    }
    return places
}

// MARK: Scatter

@Sendable private func inferScatterElements(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    try requireElementIndices(call)
    guard call.type(2) == ValueType(call.element(0), call.shape(1)) else {
        throw GraphFailure("updates of \(call.type(2)) for indices of shape \(call.shape(1))")
    }
    return [call.type(0)]
}

@Sendable private func evaluateScatterElements(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let axis = try Shapes.axis(try call.int("axis", 0), rank: call.type(0).rank)
    return try scattered(call, to: try elementPlaces(call, indices: call.value(1), axis: axis))
}

@Sendable private func inferScatterND(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    try requireIndices(call, 1)
    let (shape, indices) = (call.shape(0), call.shape(1))
    guard let depth = indices.last, depth <= shape.count,
        call.type(2) == ValueType(call.element(0), indices.dropLast() + shape[depth...])
    else { throw GraphFailure("updates of \(call.type(2)) for indices \(indices) into \(shape)") }
    if let known = call.known(1) { _ = try slicePlaces(known, shape, depth: depth, batches: 0) }
    return [call.type(0)]
}

/// Input 0 with input 2 written to, added to, ... the places.
private func scattered(_ call: OperatorCall, to places: [Int]) throws(GraphFailure) -> [TensorValue] {
    let data = call.value(0)
    let rule: Calculation
    switch try call.text("reduction", "none") {
    case "none":
        var source = Array(0..<data.count)
        for (index, place) in places.enumerated() { source[place] = data.count + index }
        guard let both = data.elements.appending(call.value(2).elements) else {
            preconditionFailure("types were compared")
        }
        return [TensorValue(shape: data.shape, both.picking(source))]
    case "add": rule = .add
    case "mul": rule = Calculation(floats: { $0 * $1 }, signed: { $0 &* $1 }, unsigned: { $0 &* $1 })
    case "min": rule = .min
    case "max": rule = .max
    case let other: throw GraphFailure("reduction \(other.printable) is not known")
    }
    let element = data.elements.type
    if element.isFloatingPoint {
        var (values, updates) = (data.doubles, call.doubles(2))
        for (index, place) in places.enumerated() { values[place] = rule.floats(values[place], updates[index]) }
        updates = []
        return [TensorValue(shape: data.shape, Elements(values, as: element))]
    }
    guard let signed = rule.signed else { preconditionFailure("a rule without integers") }
    let updates = call.value(2).integers
    var values = data.integers
    for (index, place) in places.enumerated() { values[place] = try signed(values[place], updates[index]) }
    return [TensorValue(shape: data.shape, Elements(values, as: element))]
}

// MARK: One hot

@Sendable private func inferOneHot(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard call.type(1).count == 1, call.shape(2) == [2] else { throw GraphFailure("takes one depth and two values") }
    guard let depth = call.known(1)?.integers.first else { return nil }
    var shape = call.shape(0)
    let axis = try Shapes.axis(try call.int("axis", -1), rank: shape.count + 1)
    shape.insert(Int(depth), at: axis)
    return [ValueType(call.element(2), shape)]
}

@Sendable private func evaluateOneHot(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let shape = types[0].shape
    let axis = try Shapes.axis(try call.int("axis", -1), rank: shape.count)
    var places = [Int](repeating: 0, count: types[0].count)
    let inner = Shapes.count(shape[(axis + 1)...])
    for (index, position) in call.value(0).integers.enumerated() {
        guard position >= -Int64(shape[axis]), position < Int64(shape[axis]) else { continue }
        let hot = Int(position) + (position < 0 ? shape[axis] : 0)
        places[(index / inner * shape[axis] + hot) * inner + index % inner] = 1
    }
    return [TensorValue(shape: shape, call.value(2).elements.picking(places))]
}
