/// A symmetric positive definite matrix as the product of a triangle with its transpose.
public struct Cholesky {
    private let size: Int
    private var lower: [Double]

    /// - Parameter matrix: row by row; the part below the diagonal is read.
    /// - Returns: `nil` where it is not positive definite.
    public init?(_ matrix: [Double], size: Int) {
        precondition(matrix.count == size * size, "\(matrix.count) values")
        self.size = size
        lower = matrix
        for row in 0..<size {
            for column in 0...row {
                let sum = lower[row * size + column] - Self.product(lower, row * size, column * size, column)
                if row == column {
                    guard sum > 0 else { return nil }
                    lower[row * size + row] = sum.squareRoot()
                } else {
                    lower[row * size + column] = sum / lower[column * size + column]
                }
            }
        }
    }

    /// Eight sums side by side, for additions may not change places otherwise.
    private static func product(_ values: [Double], _ first: Int, _ second: Int, _ count: Int) -> Double {
        var sums = SIMD8<Double>.zero
        values.withUnsafeBufferPointer { values in
            let (a, b) = (values.baseAddress.map { $0 + first }, values.baseAddress.map { $0 + second })
            guard let a, let b else { return }
            var index = 0
            while index + 8 <= count {
                let left = UnsafeRawPointer(a + index).loadUnaligned(as: SIMD8<Double>.self)
                sums += left * UnsafeRawPointer(b + index).loadUnaligned(as: SIMD8<Double>.self)
                index += 8
            }
            while index < count {
                sums[0] += a[index] * b[index]
                index += 1
            }
        }
        return sums.sum()
    }

    /// - Parameter right: `[size][columns]`
    public func solve(_ right: [Double], columns: Int) -> [Double] {
        var result = right
        result.withUnsafeMutableBufferPointer { result in
            func subtract(_ factor: Double, _ source: Int, from target: Int) {
                for column in 0..<columns {
                    result[target * columns + column] -= factor * result[source * columns + column]
                }
            }
            for row in 0..<size {
                for index in 0..<row { subtract(lower[row * size + index], index, from: row) }
                for column in 0..<columns { result[row * columns + column] /= lower[row * size + row] }
            }
            for row in (0..<size).reversed() {
                for index in row + 1..<size { subtract(lower[index * size + row], index, from: row) }
                for column in 0..<columns { result[row * columns + column] /= lower[row * size + row] }
            }
        }
        return result
    }
}
