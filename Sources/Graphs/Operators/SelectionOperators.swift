/// Operators whose result depends on how values compare.
let selectionOperators: [Operator] = [
    Operator("TopK", inputs: 1...2, accepts: .numbers, infer: inferTopK, evaluate: evaluateTopK),
    Operator(
        "NonZero", 9...21, folds: false,
        infer: { (call) throws(GraphFailure) in
            call.known(0).map { [ValueType(.int64, [$0.shape.count, $0.doubles.count { $0 != 0 }])] }
        },
        evaluate: { call, types in
            let strides = Shapes.strides(call.shape(0))
            let places = call.doubles(0).enumerated().filter { $0.element != 0 }.map(\.offset)
            let indices = strides.indices.flatMap { axis in
                places.map { Int64($0 / strides[axis] % call.shape(0)[axis]) }
            }
            return [TensorValue(shape: types[0].shape, .int64(indices))]
        }),
    Operator(
        "NonMaxSuppression", 10...21, inputs: 2...5, accepts: .floats, folds: false,
        infer: { (call) throws(GraphFailure) in
            guard (0..<call.inputCount).allSatisfy({ !call.has($0) || call.known($0) != nil }) else {
                try BoxSelection.checkShapes(call)
                return nil
            }
            return [ValueType(.int64, [try BoxSelection(call).selected().count / 3, 3])]
        },
        evaluate: { (call, types) throws(GraphFailure) in
            [TensorValue(shape: types[0].shape, .int64(try BoxSelection(call).selected()))]
        }),
]

// MARK: TopK

@Sendable private func inferTopK(_ call: OperatorCall) throws(GraphFailure) -> [ValueType]? {
    var shape = call.shape(0)
    let axis = try Shapes.axis(try call.int("axis", -1), rank: shape.count)
    var count = try call.int("k")
    if call.opset >= 10 {
        guard call.has(1), call.type(1).count == 1 else { throw GraphFailure("k is not one number") }
        guard let value = call.known(1) else { return nil }
        count = Int(value.integers[0])
    }
    guard let count, 0...shape[axis] ~= count else {
        throw GraphFailure("k is missing or more than the \(shape[axis]) values there are")
    }
    shape[axis] = count
    return [ValueType(call.element(0), shape), ValueType(.int64, shape)]
}

/// Equal values come in the order of their places.
@Sendable private func evaluateTopK(
    _ call: OperatorCall, _ types: [ValueType]
) throws(GraphFailure) -> [TensorValue] {
    let shape = call.shape(0)
    let axis = try Shapes.axis(try call.int("axis", -1), rank: shape.count)
    let takesLargest = try call.flag("largest", true)
    let count = types[0].shape[axis]
    let values = call.doubles(0)
    let lanes = Lanes(shape, along: axis)
    let target = Shapes.places(types[0].shape, last: [axis])
    var (picked, indices) = ([Int](repeating: 0, count: types[0].count), [Int64](repeating: 0, count: types[0].count))
    for lane in 0..<lanes.count {
        let places = lanes.places[lane * lanes.length..<(lane + 1) * lanes.length]
        let order = places.enumerated().sorted { first, second in
            let (left, right) = (values[first.element], values[second.element])
            return left == right ? first.offset < second.offset : takesLargest ? left > right : left < right
        }
        for (rank, entry) in order.prefix(count).enumerated() {
            picked[target[lane * count + rank]] = entry.element
            indices[target[lane * count + rank]] = Int64(entry.offset)
        }
    }
    return [
        TensorValue(shape: types[0].shape, call.value(0).elements.picking(picked)),
        TensorValue(shape: types[0].shape, .int64(indices)),
    ]
}

// MARK: Boxes

/// Greedy choice of boxes by score, without those that overlap a better one.
private struct BoxSelection {
    private let boxes: [Double]
    private let scores: [Double]
    private let batches: Int
    private let classes: Int
    private let count: Int
    private let limit: Int
    private let overlap: Double
    private let leastScore: Double
    private let isCentred: Bool

    static func checkShapes(_ call: OperatorCall) throws(GraphFailure) {
        let (boxes, scores) = (call.shape(0), call.shape(1))
        guard boxes.count == 3, scores.count == 3, boxes[2] == 4, boxes[0] == scores[0], boxes[1] == scores[2] else {
            throw GraphFailure("boxes \(boxes) do not fit scores \(scores)")
        }
    }

    init(_ call: OperatorCall) throws(GraphFailure) {
        try Self.checkShapes(call)
        (boxes, scores) = (call.doubles(0), call.doubles(1))
        (batches, classes, count) = (call.shape(1)[0], call.shape(1)[1], call.shape(1)[2])
        limit = call.has(2) ? Int(call.value(2).integers.first ?? 0) : 0
        overlap = call.has(3) ? call.doubles(3).first ?? 0 : 0
        leastScore = call.has(4) ? call.doubles(4).first ?? -.infinity : -.infinity
        isCentred = try call.flag("center_point_box")
    }

    /// Batch, class and box of each choice.
    func selected() -> [Int64] {
        var result: [Int64] = []
        for batch in 0..<batches {
            let corners = (0..<count).map { self.corners(of: (batch * count + $0) * 4) }
            for category in 0..<classes {
                let start = (batch * classes + category) * count
                let order = (0..<count).filter { scores[start + $0] > leastScore }
                    .sorted { (scores[start + $0], $1) > (scores[start + $1], $0) }
                var chosen: [Int] = []
                for box in order where chosen.count < limit {
                    if chosen.allSatisfy({ corners[box].overlap(with: corners[$0]) <= overlap }) { chosen.append(box) }
                }
                for box in chosen { result += [Int64(batch), Int64(category), Int64(box)] }
            }
        }
        return result
    }

    private func corners(of start: Int) -> Corners {
        let (a, b, c, d) = (boxes[start], boxes[start + 1], boxes[start + 2], boxes[start + 3])
        return isCentred
            ? Corners(left: a - c / 2, top: b - d / 2, right: a + c / 2, bottom: b + d / 2)
            : Corners(left: min(b, d), top: min(a, c), right: max(b, d), bottom: max(a, c))
    }

    private struct Corners {
        let left: Double
        let top: Double
        let right: Double
        let bottom: Double

        private var area: Double { (right - left) * (bottom - top) }

        /// Intersection over union.
        func overlap(with other: Corners) -> Double {
            let width = max(min(right, other.right) - max(left, other.left), 0)
            let height = max(min(bottom, other.bottom) - max(top, other.top), 0)
            let common = width * height
            return common == 0 ? 0 : common / (area + other.area - common)
        }
    }
}
