/// Leaves out blocks of channels of a map, one after another, each the one that costs the least once the convolution
/// that reads the map is fitted again to what is left, by least squares.
///
/// Removing the values S of a linear map W x with covariance C changes W on the rest by -W_S (P_SS)^-1 P_SR and adds
/// the squared error trace(W_S (P_SS)^-1 W_S'), P being the inverse of C: optimal brain surgeon (Hassibi, Stork 1993)
/// in blocks, on the reconstruction error of He, Zhang, Sun 2017 ("Channel Pruning for Accelerating Very Deep Neural
/// Networks").
struct BlockElimination {
    /// Of the map.
    private(set) var blocks: [Bool]
    /// `[output][value]`; zeros where a block is left out.
    private(set) var weights: [Double]
    /// Squared error, summed over outputs, that the blocks left out cost so far.
    private(set) var error = 0.0
    private let columns: Int
    private let outputs: Int
    private let blockColumns: Int
    private var inverse: [Double]

    /// - Parameters:
    ///   - covariance: of the values, row by row.
    ///   - channelColumns: values of a channel.
    init?(weights: [Double], outputs: Int, covariance: [Double], channelColumns: Int) {
        columns = weights.count / outputs
        (self.weights, self.outputs) = (weights, outputs)
        blockColumns = 16 * channelColumns
        blocks = [Bool](repeating: true, count: (columns + blockColumns - 1) / blockColumns)
        guard let factor = Cholesky(covariance, size: columns) else { return nil }
        var identity = [Double](repeating: 0, count: columns * columns)
        for index in 0..<columns { identity[index * columns + index] = 1 }
        inverse = factor.solve(identity, columns: columns)
    }

    var left: Int { blocks.reduce(0) { $0 + ($1 ? 1 : 0) } }

    /// - Precondition: two blocks at least are left.
    mutating func removeCheapest() {
        precondition(left > 1, "the last block")
        var best = (error: Double.infinity, block: 0, step: [Double]())
        for block in blocks.indices where blocks[block] {
            guard let step = step(block) else { continue }
            let sum = cost(block, step)
            if sum < best.error { best = (sum, block, step) }
        }
        guard best.error.isFinite else { return }
        remove(best.block, best.step)
        error += best.error
    }

    /// - Precondition: two blocks at least are left, this one among them.
    mutating func remove(_ block: Int) {
        precondition(left > 1 && blocks[block], "block \(block) of \(blocks)")
        guard let step = step(block) else { return }
        error += cost(block, step)
        remove(block, step)
    }

    private func cost(_ block: Int, _ step: [Double]) -> Double {
        let range = range(block)
        var sum = 0.0
        for output in 0..<outputs {
            for index in range {
                sum += weights[output * columns + index] * step[(index - range.lowerBound) * outputs + output]
            }
        }
        return sum
    }

    private func range(_ block: Int) -> Range<Int> {
        block * blockColumns..<min((block + 1) * blockColumns, columns)
    }

    private func corner(_ range: Range<Int>) -> Cholesky? {
        var corner: [Double] = []
        for row in range { corner += inverse[row * columns + range.lowerBound..<row * columns + range.upperBound] }
        return Cholesky(corner, size: range.count)
    }

    /// (P_SS)^-1 W_S', `[value of the block][output]`.
    private func step(_ block: Int) -> [Double]? {
        let range = range(block)
        var right: [Double] = []
        for index in range { right += (0..<outputs).map { weights[$0 * columns + index] } }
        return corner(range)?.solve(right, columns: outputs)
    }

    private mutating func remove(_ block: Int, _ step: [Double]) {
        let range = range(block)
        let rows = Array(inverse[range.lowerBound * columns..<range.upperBound * columns])
        guard let solved = corner(range)?.solve(rows, columns: columns) else { return }
        let (columns, outputs) = (columns, outputs)
        weights.withUnsafeMutableBufferPointer { weights in
            for output in 0..<outputs {
                for (position, _) in range.enumerated() {
                    let factor = step[position * outputs + output]
                    for column in 0..<columns {
                        weights[output * columns + column] -= factor * rows[position * columns + column]
                    }
                }
                for column in range { weights[output * columns + column] = 0 }
            }
        }
        inverse.withUnsafeMutableBufferPointer { inverse in
            rows.withUnsafeBufferPointer { rows in
                for position in 0..<range.count {
                    for row in 0..<columns where rows[position * columns + row] != 0 {
                        let factor = rows[position * columns + row]
                        for column in 0..<columns {
                            inverse[row * columns + column] -= factor * solved[position * columns + column]
                        }
                    }
                }
            }
            // What is gone neither changes nor is changed.
            for index in range {
                for other in 0..<columns {
                    inverse[index * columns + other] = 0
                    inverse[other * columns + index] = 0
                }
                inverse[index * columns + index] = 1
            }
        }
        blocks[block] = false
    }
}
