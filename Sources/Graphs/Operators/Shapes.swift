/// Arithmetic on shapes and places of row-major arrays.
enum Shapes {
    /// The common shape by ONNX's multidirectional broadcasting.
    static func broadcast(_ first: [Int], _ second: [Int]) throws(GraphFailure) -> [Int] {
        let rank = max(first.count, second.count)
        var shape: [Int] = []
        for axis in 0..<rank {
            let left = axis < rank - first.count ? 1 : first[axis - rank + first.count]
            let right = axis < rank - second.count ? 1 : second[axis - rank + second.count]
            guard left == right || left == 1 || right == 1 else {
                throw GraphFailure("the shapes \(first) and \(second) do not broadcast")
            }
            shape.append(left == 1 ? right : left)
        }
        return shape
    }

    /// Refuses a shape that does not broadcast to another without changing that.
    static func requireBroadcast(_ shape: [Int], to target: [Int]) throws(GraphFailure) {
        guard try broadcast(shape, target) == target else {
            throw GraphFailure("the shape \(shape) does not broadcast to \(target)")
        }
    }

    static func strides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
        return strides
    }

    static func axis(_ axis: Int, rank: Int) throws(GraphFailure) -> Int {
        guard axis >= -rank, axis < rank else { throw GraphFailure("axis \(axis) is not one of \(rank)") }
        return axis < 0 ? axis + rank : axis
    }

    static func axes(_ axes: [Int], rank: Int) throws(GraphFailure) -> [Int] {
        var result: [Int] = []
        for axis in axes { result.append(try self.axis(axis, rank: rank)) }
        guard Set(result).count == result.count else { throw GraphFailure("an axis occurs twice in \(axes)") }
        return result
    }

    /// For each element of an array, in order, where it lies in another: the sum of one offset per axis; -1 where any
    /// of these is negative.
    static func places(_ offsets: [[Int]]) -> [Int] {
        // Where one axis is empty there is nothing, however long the others are.
        guard offsets.allSatisfy({ !$0.isEmpty }) else { return [] }
        var places = [0]
        for axis in offsets {
            var next: [Int] = []
            next.reserveCapacity(places.count * axis.count)
            for place in places { for offset in axis { next.append(place < 0 || offset < 0 ? -1 : place + offset) } }
            places = next
        }
        return places
    }

    /// Offsets of all positions along each axis.
    static func offsets(_ shape: [Int]) -> [[Int]] {
        zip(shape, strides(shape)).map { count, stride in (0..<count).map { $0 * stride } }
    }

    /// Where each element of a broadcast result lies in a broadcast input.
    static func broadcastPlaces(_ shape: [Int], to target: [Int]) -> [Int] {
        let own = offsets(shape)
        let missing = target.count - shape.count
        return places(
            target.indices.map { axis in
                axis < missing || own[axis - missing].count == 1
                    ? [Int](repeating: 0, count: target[axis]) : own[axis - missing]
            })
    }

    /// Places with some axes moved last, those in the order given.
    static func places(_ shape: [Int], last axes: [Int]) -> [Int] {
        let offsets = offsets(shape)
        return places(shape.indices.filter { !axes.contains($0) }.map { offsets[$0] } + axes.map { offsets[$0] })
    }

    static func count(_ shape: some Sequence<Int>) -> Int { shape.reduce(1, *) }
}
