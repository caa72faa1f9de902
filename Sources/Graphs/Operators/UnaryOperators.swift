#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Operators that map each element by itself.
let unaryOperators: [Operator] = mathematics + activations + signs + tests

private typealias Function = @Sendable (Double) -> Double

/// A function of floating-point numbers.
private func row(_ name: String, since: Int = 7, _ function: @escaping Function) -> Operator {
    Operator(name, since...21, accepts: .floats, infer: sameType) { call, types in
        [TensorValue(shape: types[0].shape, Elements(call.doubles(0).map(function), as: types[0].element))]
    }
}

/// A function with up to two numbers as attributes.
private func parametric(
    _ name: String, since: Int = 7, _ first: (String, Float), _ second: (String, Float)? = nil,
    _ function: @escaping @Sendable (Double, Double, Double) -> Double
) -> Operator {
    Operator(name, since...21, accepts: .floats, infer: sameType) { (call, types) throws(GraphFailure) in
        let left = try call.float(first.0, first.1)
        var right = 0.0
        if let second { right = try call.float(second.0, second.1) }
        let values = call.doubles(0).map { function($0, left, right) }
        return [TensorValue(shape: types[0].shape, Elements(values, as: types[0].element))]
    }
}

@Sendable func sameType(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? { [call.type(0)] }

private let mathematics: [Operator] = [
    row("Exp") { exp($0) }, row("Log") { log($0) }, row("Sqrt") { $0.squareRoot() },
    row("Ceil") { $0.rounded(.up) }, row("Floor") { $0.rounded(.down) },
    row("Round", since: 11) { $0.rounded(.toNearestOrEven) }, row("Reciprocal") { 1 / $0 },
    row("Sin") { sin($0) }, row("Cos") { cos($0) }, row("Tan") { tan($0) },
    row("Asin") { asin($0) }, row("Acos") { acos($0) }, row("Atan") { atan($0) },
    row("Sinh", since: 9) { sinh($0) }, row("Cosh", since: 9) { cosh($0) }, row("Tanh") { tanh($0) },
    row("Asinh", since: 9) { asinh($0) }, row("Acosh", since: 9) { acosh($0) }, row("Atanh", since: 9) { atanh($0) },
    row("Erf", since: 9) { erf($0) },
]

private let activations: [Operator] = [
    row("Sigmoid") { 1 / (1 + exp(-$0)) },
    row("Softplus") { max($0, 0) + log1p(exp(-abs($0))) },
    row("Softsign") { $0 / (1 + abs($0)) },
    row("HardSwish", since: 14) { $0 * min(max($0 / 6 + 0.5, 0), 1) },
    row("Mish", since: 18) { $0 * tanh(max($0, 0) + log1p(exp(-abs($0)))) },
    parametric("LeakyRelu", ("alpha", 0.01)) { x, alpha, _ in x < 0 ? alpha * x : x },
    parametric("Elu", ("alpha", 1)) { x, alpha, _ in x < 0 ? alpha * expm1(x) : x },
    parametric("Celu", since: 12, ("alpha", 1)) { x, alpha, _ in max(x, 0) + min(0, alpha * expm1(x / alpha)) },
    parametric("Selu", ("alpha", 1.673_263_2), ("gamma", 1.050_701)) { x, alpha, gamma in
        gamma * (x > 0 ? x : alpha * expm1(x))
    },
    parametric("HardSigmoid", ("alpha", 0.2), ("beta", 0.5)) { x, alpha, beta in min(max(alpha * x + beta, 0), 1) },
    parametric("ThresholdedRelu", since: 10, ("alpha", 1)) { x, alpha, _ in x > alpha ? x : 0 },
    parametric("Shrink", since: 9, ("lambd", 0.5), ("bias", 0)) { x, lambd, bias in
        x < -lambd ? x + bias : x > lambd ? x - bias : 0
    },
    Operator("Gelu", 20...21, accepts: .floats, infer: inferGelu) { (call, types) throws(GraphFailure) in
        let values = call.doubles(0)
        let result =
            try call.text("approximate", "none") == "none"
            ? values.map { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) }
            : values.map { 0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
        return [TensorValue(shape: types[0].shape, Elements(result, as: types[0].element))]
    },
]

@Sendable private func inferGelu(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    let approximation = try call.text("approximate", "none")
    guard ["none", "tanh"].contains(approximation) else {
        throw GraphFailure("approximation \(approximation.printable) is not known")
    }
    return [call.type(0)]
}

/// Functions of integers too.
private func counting(
    _ name: String, _ function: @escaping Function, _ integers: @escaping @Sendable (Int64) -> Int64
) -> Operator {
    Operator(name, accepts: .numbers, infer: sameType) { call, types in
        let type = types[0]
        let elements =
            type.element.isFloatingPoint
            ? Elements(call.doubles(0).map(function), as: type.element)
            : Elements(call.value(0).integers.map(integers), as: type.element)
        return [TensorValue(shape: type.shape, elements)]
    }
}

private let signs: [Operator] = [
    counting("Abs", { abs($0) }, { $0 < 0 ? 0 &- $0 : $0 }),
    counting("Neg", { -$0 }, { 0 &- $0 }),
    counting("Sign", { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }, { $0.signum() }),
    counting("Relu", { $0 < 0 ? 0 : $0 }, { max($0, 0) }),
]

@Sendable func sameShapeAsTruth(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    [ValueType(.bool, call.shape(0))]
}

private let tests: [Operator] = [
    Operator("Not", accepts: .booleans, infer: sameType) { call, types in
        [TensorValue(shape: types[0].shape, .bool(call.value(0).integers.map { $0 == 0 }))]
    },
    Operator("IsNaN", 9...21, accepts: .floats, infer: sameShapeAsTruth) { call, types in
        [TensorValue(shape: types[0].shape, .bool(call.doubles(0).map(\.isNaN)))]
    },
    Operator("IsInf", 10...21, accepts: .floats, infer: sameShapeAsTruth) { (call, types) throws(GraphFailure) in
        let (negative, positive) = (try call.flag("detect_negative", true), try call.flag("detect_positive", true))
        let found = call.doubles(0).map { $0.isInfinite && ($0 < 0 ? negative : positive) }
        return [TensorValue(shape: types[0].shape, .bool(found))]
    },
]
