#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Operators that combine elements of broadcast inputs.
let binaryOperators: [Operator] =
    Arithmetic.allCases.map(\.row)
    + [
        comparison("Equal", { $0 == $1 }, { $0 == $1 }), comparison("Less", { $0 < $1 }, { $0 < $1 }),
        comparison("Greater", { $0 > $1 }, { $0 > $1 }),
        comparison("LessOrEqual", since: 12, { $0 <= $1 }, { $0 <= $1 }),
        comparison("GreaterOrEqual", since: 12, { $0 >= $1 }, { $0 >= $1 }),
        logic("And") { $0 && $1 }, logic("Or") { $0 || $1 }, logic("Xor") { $0 != $1 },
        variadic("Sum", .add), variadic("Mean", .add), variadic("Min", .min), variadic("Max", .max),
        Operator("PRelu", inputs: 2...2, accepts: .numbers, infer: inferPRelu, evaluate: evaluatePRelu),
        Operator("Where", 9...21, inputs: 3...3, accepts: .booleans, infer: inferWhere, evaluate: evaluateWhere),
        Operator("Clip", inputs: 1...3, accepts: .numbers, infer: inferClip, evaluate: evaluateClip),
    ]

/// `function` of every pair of elements of two arrays that broadcast to `shape`.
func combine<Value, Result>(
    _ first: [Value], _ firstShape: [Int], _ second: [Value], _ secondShape: [Int], to shape: [Int],
    _ function: (Value, Value) throws(GraphFailure) -> Result
) throws(GraphFailure) -> [Result] {
    var result: [Result] = []
    result.reserveCapacity(Shapes.count(shape))
    if firstShape == secondShape {
        for index in first.indices { result.append(try function(first[index], second[index])) }
    } else if second.count == 1, firstShape == shape {
        for value in first { result.append(try function(value, second[0])) }
    } else {
        let left = Shapes.broadcastPlaces(firstShape, to: shape)
        let right = Shapes.broadcastPlaces(secondShape, to: shape)
        for index in left.indices { result.append(try function(first[left[index]], second[right[index]])) }
    }
    return result
}

// MARK: Arithmetic

private enum Arithmetic: String, CaseIterable, Sendable {
    case add = "Add"
    case subtract = "Sub"
    case multiply = "Mul"
    case divide = "Div"
    case modulo = "Mod"
    case power = "Pow"

    var row: Operator {
        Operator(
            rawValue, self == .modulo ? 10...21 : 7...21, inputs: 2...2, accepts: .numbers,
            infer: { (call) throws(GraphFailure) in
                guard self == .power || call.element(0) == call.element(1) else {
                    throw GraphFailure("takes \(call.type(0)) and \(call.type(1)), which differ in type")
                }
                if self == .divide || self == .modulo { try requireDivisor(call) }
                return [ValueType(call.element(0), try Shapes.broadcast(call.shape(0), call.shape(1)))]
            },
            evaluate: { (call, types) throws(GraphFailure) in
                let isRemainder = try call.flag("fmod")
                return [try calculate(call.value(0), call.value(1), types[0], function(isRemainder: isRemainder))]
            })
    }

    private func function(isRemainder: Bool) -> Calculation {
        switch self {
        case .add: .add
        case .subtract: Calculation(floats: { $0 - $1 }, signed: { $0 &- $1 }, unsigned: { $0 &- $1 })
        case .multiply: Calculation(floats: { $0 * $1 }, signed: { $0 &* $1 }, unsigned: { $0 &* $1 })
        case .divide: Calculation(floats: { $0 / $1 }, signed: quotient, unsigned: quotient)
        case .power: Calculation(floats: { pow($0, $1) }, signed: nil, unsigned: nil)
        case .modulo where isRemainder:
            Calculation(floats: { fmod($0, $1) }, signed: remainder, unsigned: remainder)
        case .modulo:
            Calculation(
                floats: { $0 - $1 * ($0 / $1).rounded(.down) },
                signed: { (left, right) throws(GraphFailure) in
                    let rest: Int64 = try remainder(left, right)
                    return rest != 0 && (rest < 0) != (right < 0) ? rest &+ right : rest
                }, unsigned: remainder)
        }
    }
}

/// One formula for floats, and for integers where those are not computed as floats.
struct Calculation: Sendable {
    let floats: @Sendable (Double, Double) -> Double
    let signed: (@Sendable (Int64, Int64) throws(GraphFailure) -> Int64)?
    let unsigned: (@Sendable (UInt64, UInt64) throws(GraphFailure) -> UInt64)?

    static let add = Calculation(floats: { $0 + $1 }, signed: { $0 &+ $1 }, unsigned: { $0 &+ $1 })
    static let min = Calculation(
        floats: { $0.isNaN || $0 < $1 ? $0 : $1 }, signed: { Swift.min($0, $1) }, unsigned: { Swift.min($0, $1) })
    static let max = Calculation(
        floats: { $0.isNaN || $0 > $1 ? $0 : $1 }, signed: { Swift.max($0, $1) }, unsigned: { Swift.max($0, $1) })
}

private let zeroDivisor = GraphFailure("divides an integer by zero")

/// A constant divisor is looked at before the network runs, whether the dividend is constant or not.
private func requireDivisor(_ call: OperatorCall) throws(GraphFailure) {
    guard !call.element(1).isFloatingPoint, call.type(0).count > 0, let divisor = call.known(1) else { return }
    guard !divisor.integers.contains(0) else { throw zeroDivisor }
}

private func quotient<Value: FixedWidthInteger>(_ left: Value, _ right: Value) throws(GraphFailure) -> Value {
    guard right != 0 else { throw zeroDivisor }
    return left.dividedReportingOverflow(by: right).partialValue
}

private func remainder<Value: FixedWidthInteger>(_ left: Value, _ right: Value) throws(GraphFailure) -> Value {
    guard right != 0 else { throw zeroDivisor }
    return left.remainderReportingOverflow(dividingBy: right).partialValue
}

func calculate(
    _ first: TensorValue, _ second: TensorValue, _ type: ValueType, _ rule: Calculation
) throws(GraphFailure) -> TensorValue {
    let elements: Elements
    if type.element == .uint64, let unsigned = rule.unsigned {
        let left = first.integers.map { UInt64(bitPattern: $0) }
        let right = second.integers.map { UInt64(bitPattern: $0) }
        elements = .uint64(try combine(left, first.shape, right, second.shape, to: type.shape, unsigned))
    } else if !type.element.isFloatingPoint, let signed = rule.signed {
        let values = try combine(first.integers, first.shape, second.integers, second.shape, to: type.shape, signed)
        elements = Elements(values, as: type.element)
    } else {
        let floats = rule.floats
        let values = try combine(first.doubles, first.shape, second.doubles, second.shape, to: type.shape) {
            floats($0, $1)
        }
        elements = Elements(values, as: type.element)
    }
    return TensorValue(shape: type.shape, elements)
}

private func variadic(_ name: String, _ rule: Calculation) -> Operator {
    let isMean = name == "Mean"
    return Operator(
        name, inputs: 1...GraphLimits.nodeValues, accepts: .numbers,
        infer: { (call) throws(GraphFailure) in
            var shape = call.shape(0)
            for index in 1..<max(call.inputCount, 1) {
                guard call.has(index), call.element(index) == call.element(0) else {
                    throw GraphFailure("inputs 0 and \(index) differ in type")
                }
                shape = try Shapes.broadcast(shape, call.shape(index))
            }
            return [ValueType(call.element(0), shape)]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            var result = call.value(0)
            for index in 1..<max(call.inputCount, 1) {
                let shape = try Shapes.broadcast(result.shape, call.shape(index))
                result = try calculate(result, call.value(index), ValueType(types[0].element, shape), rule)
            }
            guard isMean else { return [result] }
            let mean = result.doubles.map { $0 / Double(call.inputCount) }
            return [TensorValue(shape: result.shape, Elements(mean, as: types[0].element))]
        })
}

// MARK: Comparison and logic

@Sendable private func inferTruth(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard call.element(0) == call.element(1) else {
        throw GraphFailure("takes \(call.type(0)) and \(call.type(1)), which differ in type")
    }
    return [ValueType(.bool, try Shapes.broadcast(call.shape(0), call.shape(1)))]
}

private func comparison(
    _ name: String, since: Int = 7, _ floats: @escaping @Sendable (Double, Double) -> Bool,
    _ integers: @escaping @Sendable (Int64, Int64) -> Bool
) -> Operator {
    Operator(name, since...21, inputs: 2...2, infer: inferTruth) { (call, types) throws(GraphFailure) in
        let (first, second, shape) = (call.value(0), call.value(1), types[0].shape)
        guard !first.elements.type.isFloatingPoint else {
            let result = try combine(first.doubles, first.shape, second.doubles, second.shape, to: shape) {
                floats($0, $1)
            }
            return [TensorValue(shape: shape, .bool(result))]
        }
        // Turning the top bit over keeps the order of unsigned numbers.
        let flip: Int64 = first.elements.type == .uint64 ? .min : 0
        let result = try combine(first.integers, first.shape, second.integers, second.shape, to: shape) {
            integers($0 ^ flip, $1 ^ flip)
        }
        return [TensorValue(shape: shape, .bool(result))]
    }
}

private func logic(_ name: String, _ function: @escaping @Sendable (Bool, Bool) -> Bool) -> Operator {
    Operator(name, inputs: 2...2, accepts: .booleans, infer: inferTruth) { (call, types) throws(GraphFailure) in
        let result = try combine(
            call.value(0).integers, call.shape(0), call.value(1).integers, call.shape(1), to: types[0].shape
        ) { function($0 != 0, $1 != 0) }
        return [TensorValue(shape: types[0].shape, .bool(result))]
    }
}

// MARK: Others

@Sendable private func inferPRelu(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    try Shapes.requireBroadcast(call.shape(1), to: call.shape(0))
    return [call.type(0)]
}

@Sendable private func evaluatePRelu(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let rule = Calculation(
        floats: { $0 < 0 ? $0 * $1 : $0 }, signed: { $0 < 0 ? $0 &* $1 : $0 }, unsigned: { value, _ in value })
    return [try calculate(call.value(0), call.value(1), types[0], rule)]
}

@Sendable private func inferWhere(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    guard call.element(1) == call.element(2) else {
        throw GraphFailure("chooses between \(call.type(1)) and \(call.type(2)), which differ in type")
    }
    let values = try Shapes.broadcast(call.shape(1), call.shape(2))
    return [ValueType(call.element(1), try Shapes.broadcast(call.shape(0), values))]
}

@Sendable private func evaluateWhere(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let condition = call.value(0).integers
    let places = (0..<3).map { Shapes.broadcastPlaces(call.shape($0), to: types[0].shape) }
    // Both choices in a row, so that one pick takes from either.
    guard let both = call.value(1).elements.appending(call.value(2).elements) else {
        preconditionFailure("types were compared")
    }
    let offset = call.value(1).count
    let picked = places[0].indices.map { index in
        condition[places[0][index]] != 0 ? places[1][index] : offset + places[2][index]
    }
    return [TensorValue(shape: types[0].shape, both.picking(picked))]
}

@Sendable private func inferClip(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    for (index, name) in [(1, "min"), (2, "max")] where call.opset >= 11 && call.has(index) {
        guard call.type(index).count == 1, call.element(index) == call.element(0) else {
            throw GraphFailure("\(name) is not one value of type \(call.element(0).rawValue)")
        }
    }
    return [call.type(0)]
}

/// Bounds are attributes until opset 10.
@Sendable private func evaluateClip(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    var result = call.value(0)
    for (index, name, rule) in [(1, "min", Calculation.max), (2, "max", Calculation.min)] {
        let bound: TensorValue
        if call.opset < 11 {
            guard call.node.attributes[name] != nil else { continue }
            bound = TensorValue(shape: [], Elements([try call.float(name, 0)], as: types[0].element))
        } else {
            guard call.has(index) else { continue }
            bound = call.value(index)
        }
        result = try calculate(result, TensorValue(shape: [], bound.elements), types[0], rule)
    }
    return [result]
}
