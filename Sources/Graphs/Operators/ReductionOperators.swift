#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Operators that work along some axes.
let reductionOperators: [Operator] =
    Reduction.allCases.map(\.row)
    + [
        extremum("ArgMax") { $0 > $1 }, extremum("ArgMin") { $0 < $1 },
        Operator("Softmax", accepts: .floats, infer: sameType) { (call, types) throws(GraphFailure) in
            try softmax(call, types[0]) { value, sum in exp(value) / sum }
        },
        Operator("LogSoftmax", accepts: .floats, infer: sameType) { (call, types) throws(GraphFailure) in
            try softmax(call, types[0]) { value, sum in value - log(sum) }
        },
        Operator("CumSum", 11...21, inputs: 2...2, accepts: .numbers, infer: sameType, evaluate: cumulate),
    ]

private enum Reduction: String, CaseIterable, Sendable {
    case sum = "ReduceSum"
    case mean = "ReduceMean"
    case max = "ReduceMax"
    case min = "ReduceMin"
    case product = "ReduceProd"
    case l1 = "ReduceL1"
    case l2 = "ReduceL2"
    case logSum = "ReduceLogSum"
    case logSumExp = "ReduceLogSumExp"
    case sumSquare = "ReduceSumSquare"

    /// The axes became an input in opset 13 for sums, in 18 for the rest.
    private var axesInputSince: Int { self == .sum ? 13 : 18 }

    var row: Operator {
        Operator(
            rawValue, inputs: 1...2, accepts: self == .max || self == .min ? .anything : .numbers,
            infer: { (call) throws(GraphFailure) in
                guard let axes = try axes(call) else { return nil }
                let keeps = try call.flag("keepdims", true)
                let shape = call.shape(0).enumerated().compactMap { axis, count in
                    axes.contains(axis) ? (keeps ? 1 : nil) : count
                }
                return [ValueType(call.element(0), shape)]
            },
            evaluate: { (call, types) throws(GraphFailure) in
                let axes = try axes(call) ?? []
                // Without axes ReduceSum changes nothing, but the others still apply their formula.
                let places = Shapes.places(call.shape(0), last: axes)
                let length = Shapes.count(axes.map { call.shape(0)[$0] })
                let lanes = Lanes(places: places, length: length, count: types[0].count)
                let element = types[0].element
                let elements =
                    element.isFloatingPoint || self == .l2 || self == .logSum || self == .logSumExp
                    ? Elements(lanes.map(call.doubles(0), reduceFloats), as: element)
                    : Elements(lanes.map(call.value(0).integers, reduceIntegers), as: element)
                return [TensorValue(shape: types[0].shape, elements)]
            })
    }

    private func axes(_ call: OperatorCall) throws(GraphFailure) -> [Int]? {
        let rank = call.type(0).rank
        switch try call.list("axes", input: 1, since: axesInputSince) {
        case .unknown: return nil
        case .known(let axes) where !axes.isEmpty: return try Shapes.axes(axes, rank: rank).sorted()
        default: return try call.flag("noop_with_empty_axes") ? [] : Array(0..<rank)
        }
    }

    private func reduceFloats(_ values: [Double]) -> Double {
        switch self {
        case .sum: values.reduce(0, +)
        case .mean: values.reduce(0, +) / Double(values.count)
        case .max: values.reduce(-.infinity) { $0.isNaN || $0 > $1 ? $0 : $1 }
        case .min: values.reduce(.infinity) { $0.isNaN || $0 < $1 ? $0 : $1 }
        case .product: values.reduce(1, *)
        case .l1: values.reduce(0) { $0 + abs($1) }
        case .l2: values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        case .sumSquare: values.reduce(0) { $0 + $1 * $1 }
        case .logSum: log(values.reduce(0, +))
        case .logSumExp:
            if let largest = values.max(), largest.isFinite {
                largest + log(values.reduce(0) { $0 + exp($1 - largest) })
            } else {
                log(values.reduce(0) { $0 + exp($1) })
            }
        }
    }

    private func reduceIntegers(_ values: [Int64]) -> Int64 {
        switch self {
        case .mean: values.isEmpty ? 0 : values.reduce(0, &+) / Int64(values.count)
        case .max: values.max() ?? .min
        case .min: values.min() ?? .max
        case .product: values.reduce(1, &*)
        case .l1: values.reduce(0) { $0 &+ ($1 < 0 ? 0 &- $1 : $1) }
        case .sumSquare: values.reduce(0) { $0 &+ $1 &* $1 }
        default: values.reduce(0, &+)
        }
    }
}

/// Runs of elements, wherever they lie.
struct Lanes {
    /// `count` times `length` places.
    let places: [Int]
    let length: Int
    let count: Int

    init(places: [Int], length: Int, count: Int) {
        self.places = places
        self.length = length
        self.count = count
    }

    /// The lanes along one axis.
    init(_ shape: [Int], along axis: Int) {
        let places = Shapes.places(shape, last: [axis])
        self.init(places: places, length: shape[axis], count: shape[axis] == 0 ? 0 : places.count / shape[axis])
    }

    func map<Value, Result>(_ values: [Value], _ body: ([Value]) -> Result) -> [Result] {
        (0..<count).map { lane in body((lane * length..<(lane + 1) * length).map { values[places[$0]] }) }
    }

    /// An array of the same size with every lane replaced.
    func replacing<Value>(_ values: [Value], _ body: ([Value]) -> [Value]) -> [Value] {
        var result = values
        for (lane, replaced) in map(values, body).enumerated() {
            for (index, value) in replaced.enumerated() { result[places[lane * length + index]] = value }
        }
        return result
    }
}

private func extremum(_ name: String, _ precedes: @escaping @Sendable (Double, Double) -> Bool) -> Operator {
    Operator(
        name, accepts: .numbers,
        infer: { (call) throws(GraphFailure) in
            let axis = try Shapes.axis(try call.int("axis", 0), rank: call.type(0).rank)
            var shape = call.shape(0)
            guard shape[axis] > 0 else { throw GraphFailure("there is nothing along axis \(axis)") }
            if try call.flag("keepdims", true) { shape[axis] = 1 } else { shape.remove(at: axis) }
            return [ValueType(.int64, shape)]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            let axis = try Shapes.axis(try call.int("axis", 0), rank: call.type(0).rank)
            let takesLast = try call.flag("select_last_index")
            let found = Lanes(call.shape(0), along: axis).map(call.doubles(0)) { lane -> Int64 in
                var best = 0
                for index in lane.indices.dropFirst()
                where precedes(lane[index], lane[best]) || takesLast && lane[index] == lane[best] { best = index }
                return Int64(best)
            }
            return [TensorValue(shape: types[0].shape, .int64(found))]
        })
}

/// Until opset 12, all axes from `axis` on count as one.
private func softmax(
    _ call: OperatorCall, _ type: ValueType, _ result: (Double, Double) -> Double
) throws(GraphFailure) -> [TensorValue] {
    let isFlat = call.opset < 13
    var shape = type.shape
    var axis = try call.int("axis", isFlat ? 1 : -1)
    if isFlat, axis == shape.count {
        shape.append(1)
    } else {
        axis = try Shapes.axis(axis, rank: shape.count)
        if isFlat { shape = [Shapes.count(shape[..<axis]), Shapes.count(shape[axis...])] }
        if isFlat { axis = 1 }
    }
    let values = Lanes(shape, along: axis).replacing(call.doubles(0)) { lane in
        let largest = lane.max() ?? 0
        let shifted = lane.map { $0 - largest }
        let sum = shifted.reduce(0) { $0 + exp($1) }
        return shifted.map { result($0, sum) }
    }
    return [TensorValue(shape: type.shape, Elements(values, as: type.element))]
}

@Sendable private func cumulate(_ call: OperatorCall, _ types: [ValueType]) throws(GraphFailure) -> [TensorValue] {
    guard let index = call.value(1).integers.first else { throw GraphFailure("states no axis") }
    let axis = try Shapes.axis(Int(index), rank: types[0].rank)
    let (isExclusive, isReverse) = (try call.flag("exclusive"), try call.flag("reverse"))
    func sums<Value>(_ lane: [Value], _ zero: Value, _ add: (Value, Value) -> Value) -> [Value] {
        var total = zero
        let result = (isReverse ? lane.reversed() : lane).map { value -> Value in
            defer { total = add(total, value) }
            return isExclusive ? total : add(total, value)
        }
        return isReverse ? result.reversed() : result
    }
    let lanes = Lanes(types[0].shape, along: axis)
    let elements =
        types[0].element.isFloatingPoint
        ? Elements(lanes.replacing(call.doubles(0)) { sums($0, 0, +) }, as: types[0].element)
        : Elements(lanes.replacing(call.value(0).integers) { sums($0, 0, &+) }, as: types[0].element)
    return [TensorValue(shape: types[0].shape, elements)]
}
