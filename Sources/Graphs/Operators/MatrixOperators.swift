/// Products of matrices; never folded, because their time is not linear in their output.
let matrixOperators: [Operator] = [
    Operator(
        "MatMul", inputs: 2...2, accepts: .numbers, folds: false,
        infer: { (call) throws(GraphFailure) in
            try requireSame(call, 0, 1)
            return [ValueType(call.element(0), try MatrixShapes(call.shape(0), call.shape(1)).output)]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            let shapes = try MatrixShapes(call.shape(0), call.shape(1))
            if case .float32(let first) = call.value(0).elements, case .float32(let second) = call.value(1).elements {
                return [TensorValue(shape: types[0].shape, .float32(shapes.multiply(first, second)))]
            }
            guard types[0].element.isFloatingPoint else {
                let product = shapes.multiply(call.value(0).integers, call.value(1).integers)
                return [TensorValue(shape: types[0].shape, Elements(product, as: types[0].element))]
            }
            let product = shapes.multiply(call.doubles(0), call.doubles(1))
            return [TensorValue(shape: types[0].shape, Elements(product, as: types[0].element))]
        }),
    Operator("Gemm", inputs: 2...3, accepts: .numbers, folds: false, infer: inferGemm, evaluate: evaluateGemm),
    Operator(
        "MatMulInteger", 10...21, inputs: 2...4, accepts: .integers, folds: false,
        infer: { (call) throws(GraphFailure) in
            try requireZero(call, 0, zero: 2, axis: -2)
            try requireZero(call, 1, zero: 3, axis: -1)
            return [ValueType(.int32, try MatrixShapes(call.shape(0), call.shape(1)).output)]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            let first = try shifted(call, 0, zero: 2, axis: -2)
            let second = try shifted(call, 1, zero: 3, axis: -1)
            let product = try MatrixShapes(call.shape(0), call.shape(1)).multiply(first, second)
            return [TensorValue(shape: types[0].shape, Elements(product, as: .int32))]
        }),
    Operator(
        "QLinearMatMul", 10...21, inputs: 8...8, accepts: .integers, folds: false,
        infer: { (call) throws(GraphFailure) in
            let type = ValueType(call.element(7), try MatrixShapes(call.shape(0), call.shape(3)).output)
            try requireScales(call, call.type(0), scale: 1, zero: 2, axis: -2)
            try requireScales(call, call.type(3), scale: 4, zero: 5, axis: -1)
            try requireScales(call, type, scale: 6, zero: 7, axis: -2)
            return [type]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            let first = try dequantised(call, 0, scale: 1, zero: 2, axis: -2)
            let second = try dequantised(call, 3, scale: 4, zero: 5, axis: -1)
            let product = try MatrixShapes(call.shape(0), call.shape(3)).multiply(first, second)
            return [try quantised(product, call, types[0], scale: 6, zero: 7, axis: -2)]
        }),
]

func requireSame(_ call: OperatorCall, _ first: Int, _ second: Int) throws(GraphFailure) {
    guard call.element(first) == call.element(second) else {
        throw GraphFailure("takes \(call.type(first)) and \(call.type(second)), which differ in type")
    }
}

/// How two arrays multiply as stacks of matrices (NumPy's matmul).
public struct MatrixShapes {
    public let rows: Int
    public let inner: Int
    public let columns: Int
    /// Of the result.
    public let output: [Int]
    private let firstStack: [Int]
    private let secondStack: [Int]
    private let stack: [Int]

    /// - Throws: where the two do not multiply.
    public init(_ first: [Int], _ second: [Int]) throws(GraphFailure) {
        guard !first.isEmpty, !second.isEmpty else { throw GraphFailure("multiplies a single value") }
        let left = first.count == 1 ? [1] + first : first
        let right = second.count == 1 ? second + [1] : second
        (rows, inner, columns) = (left[left.count - 2], left[left.count - 1], right[right.count - 1])
        guard inner == right[right.count - 2] else {
            throw GraphFailure("the shapes \(first) and \(second) do not multiply")
        }
        (firstStack, secondStack) = (Array(left.dropLast(2)), Array(right.dropLast(2)))
        stack = try Shapes.broadcast(firstStack, secondStack)
        output = stack + (first.count == 1 ? [] : [rows]) + (second.count == 1 ? [] : [columns])
    }

    /// For each product, which matrix of the first array it takes.
    public var firstMatrices: [Int] { Shapes.broadcastPlaces(firstStack, to: stack) }
    /// Likewise of the second.
    public var secondMatrices: [Int] { Shapes.broadcastPlaces(secondStack, to: stack) }

    /// Exact but for what 64 bits do not hold, which is cut off, as it is in narrower types.
    func multiply(_ first: [Int64], _ second: [Int64]) -> [Int64] {
        var result = [Int64](repeating: 0, count: Shapes.count(output))
        for (index, matrices) in zip(firstMatrices, secondMatrices).enumerated() {
            for row in 0..<rows {
                let target = (index * rows + row) * columns
                for place in 0..<inner {
                    let factor = first[(matrices.0 * rows + row) * inner + place]
                    let source = (matrices.1 * inner + place) * columns
                    for column in 0..<columns { result[target + column] &+= factor &* second[source + column] }
                }
            }
        }
        return result
    }

    /// Sums in the values' own precision, in the order of the inner dimension.
    func multiply<Value: BinaryFloatingPoint>(_ first: [Value], _ second: [Value]) -> [Value] {
        var result = [Value](repeating: 0, count: Shapes.count(output))
        let (left, right) = (firstMatrices, secondMatrices)
        first.withUnsafeBufferPointer { first in
            second.withUnsafeBufferPointer { second in
                result.withUnsafeMutableBufferPointer { result in
                    for index in left.indices {
                        multiply(
                            UnsafeBufferPointer(rebasing: first[(left[index] * rows * inner)...]),
                            UnsafeBufferPointer(rebasing: second[(right[index] * inner * columns)...]),
                            into: UnsafeMutableBufferPointer(rebasing: result[(index * rows * columns)...]))
                    }
                }
            }
        }
        return result
    }

    private func multiply<Value: BinaryFloatingPoint>(
        _ first: UnsafeBufferPointer<Value>, _ second: UnsafeBufferPointer<Value>,
        into result: UnsafeMutableBufferPointer<Value>
    ) {
        for row in 0..<rows {
            for index in 0..<inner {
                let factor = first[row * inner + index]
                for column in 0..<columns {
                    result[row * columns + column] += factor * second[index * columns + column]
                }
            }
        }
    }
}

private func transposed(_ shape: [Int], _ call: OperatorCall, _ name: String) throws(GraphFailure) -> [Int] {
    guard shape.count == 2 else { throw GraphFailure("the shape \(shape) is not one of a matrix") }
    return try call.flag(name) ? shape.reversed() : shape
}

@Sendable private func inferGemm(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    try requireSame(call, 0, 1)
    let shapes = try MatrixShapes(
        transposed(call.shape(0), call, "transA"), transposed(call.shape(1), call, "transB"))
    if call.has(2) {
        try requireSame(call, 0, 2)
        try Shapes.requireBroadcast(call.shape(2), to: shapes.output)
    }
    return [ValueType(call.element(0), shapes.output)]
}

@Sendable private func evaluateGemm(_ call: OperatorCall, _ types: [ValueType]) throws(GraphFailure) -> [TensorValue] {
    if let result = try wholeGemm(call, types[0]) { return [result] }
    func matrix(_ input: Int, _ name: String) throws(GraphFailure) -> [Double] {
        let values = call.doubles(input)
        return try call.flag(name) ? Shapes.places(call.shape(input), last: [1, 0]).map { values[$0] } : values
    }
    let shapes = try MatrixShapes(
        transposed(call.shape(0), call, "transA"), transposed(call.shape(1), call, "transB"))
    let (alpha, beta) = (try call.float("alpha", 1), try call.float("beta", 1))
    var result = shapes.multiply(try matrix(0, "transA"), try matrix(1, "transB")).map { alpha * $0 }
    if call.has(2), beta != 0 {
        result = try combine(result, types[0].shape, call.doubles(2), call.shape(2), to: types[0].shape) {
            $0 + beta * $1
        }
    }
    return [TensorValue(shape: types[0].shape, Elements(result, as: types[0].element))]
}

/// Of integers whose factors are whole: as exact as MatMul. `nil` for all others.
private func wholeGemm(_ call: OperatorCall, _ type: ValueType) throws(GraphFailure) -> TensorValue? {
    guard !type.element.isFloatingPoint, let alpha = Int64(exactly: try call.float("alpha", 1)),
        let beta = Int64(exactly: try call.float("beta", 1))
    else { return nil }
    func matrix(_ input: Int, _ name: String) throws(GraphFailure) -> [Int64] {
        let values = call.value(input).integers
        return try call.flag(name) ? Shapes.places(call.shape(input), last: [1, 0]).map { values[$0] } : values
    }
    let shapes = try MatrixShapes(
        transposed(call.shape(0), call, "transA"), transposed(call.shape(1), call, "transB"))
    var result = shapes.multiply(try matrix(0, "transA"), try matrix(1, "transB")).map { alpha &* $0 }
    if call.has(2) {
        result = try combine(result, type.shape, call.value(2).integers, call.shape(2), to: type.shape) {
            $0 &+ beta &* $1
        }
    }
    return TensorValue(shape: type.shape, Elements(result, as: type.element))
}
