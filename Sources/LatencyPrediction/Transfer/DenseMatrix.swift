/// A row-major matrix of doubles with the few operations that fits of some hundred unknowns need.
struct DenseMatrix: Sendable {
    let rows: Int
    let columns: Int
    private(set) var values: [Double]

    init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        values = Array(repeating: 0, count: rows * columns)
    }

    init(_ lines: [[Double]], columns: Int) {
        precondition(lines.allSatisfy { $0.count == columns }, "rows of a matrix are equally long")
        rows = lines.count
        self.columns = columns
        values = lines.flatMap { $0 }
    }

    subscript(row: Int, column: Int) -> Double {
        get { values[row * columns + column] }
        set { values[row * columns + column] = newValue }
    }

    func row(_ row: Int) -> [Double] { Array(values[(row * columns)..<((row + 1) * columns)]) }

    /// Some rows, in that order.
    func rows(_ chosen: [Int]) -> DenseMatrix {
        var result = DenseMatrix(rows: chosen.count, columns: columns)
        for (place, row) in chosen.enumerated() {
            for column in 0..<columns { result.values[place * columns + column] = values[row * columns + column] }
        }
        return result
    }

    /// Adds a multiple of a matrix of the same size.
    mutating func add(_ other: DenseMatrix, times factor: Double) {
        precondition(rows == other.rows && columns == other.columns, "sizes agree")
        values.withUnsafeMutableBufferPointer { target in
            other.values.withUnsafeBufferPointer { source in
                for index in target.indices { target[index] += factor * source[index] }
            }
        }
    }

    /// Adds a multiple of the product of a column with a row.
    mutating func addProduct(_ column: [Double], with row: [Double], times factor: Double) {
        precondition(rows == column.count && columns == row.count, "sizes agree")
        let width = columns
        values.withUnsafeMutableBufferPointer { target in
            row.withUnsafeBufferPointer { row in
                for (i, value) in column.enumerated() {
                    for j in 0..<width { target[i * width + j] += factor * value * row[j] }
                }
            }
        }
    }

    /// The product of the matrix with the transpose of another.
    func timesTransposed(_ other: DenseMatrix) -> DenseMatrix {
        timesTransposed(other, rows: Array(0..<rows))
    }

    /// The product of some rows with the transpose of another.
    func timesTransposed(_ other: DenseMatrix, rows chosen: [Int]) -> DenseMatrix {
        precondition(columns == other.columns, "inner sizes agree")
        var result = DenseMatrix(rows: chosen.count, columns: other.rows)
        result.values.withUnsafeMutableBufferPointer { target in
            values.withUnsafeBufferPointer { left in
                other.values.withUnsafeBufferPointer { right in
                    for (i, row) in chosen.enumerated() {
                        for j in 0..<other.rows {
                            target[i * other.rows + j] = Self.dot(
                                left.baseAddress, row * columns, right.baseAddress, j * columns, columns)
                        }
                    }
                }
            }
        }
        return result
    }

    /// The transpose times the matrix, over some of its rows.
    func gram(overRows chosen: [Int]) -> DenseMatrix {
        var result = DenseMatrix(rows: columns, columns: columns)
        let width = columns
        values.withUnsafeBufferPointer { source in
            result.values.withUnsafeMutableBufferPointer { target in
                for row in chosen {
                    let line = UnsafeBufferPointer(rebasing: source[(row * width)..<((row + 1) * width)])
                    for i in 0..<width where line[i] != 0 {
                        let factor = line[i]
                        let base = i * width
                        for j in i..<width { target[base + j] += factor * line[j] }
                    }
                }
                for i in 0..<width { for j in 0..<i { target[i * width + j] = target[j * width + i] } }
            }
        }
        return result
    }

    mutating func addToDiagonal(_ value: Double) {
        for index in 0..<min(rows, columns) { values[index * columns + index] += value }
    }

    var transposed: DenseMatrix {
        var result = DenseMatrix(rows: columns, columns: rows)
        for i in 0..<rows { for j in 0..<columns { result[j, i] = self[i, j] } }
        return result
    }

    func times(_ vector: [Double]) -> [Double] { times(vector, rows: Array(0..<rows)) }

    /// The product with a vector, of some rows.
    func times(_ vector: [Double], rows chosen: [Int]) -> [Double] {
        precondition(columns == vector.count, "inner sizes agree")
        return values.withUnsafeBufferPointer { left in
            vector.withUnsafeBufferPointer { right in
                chosen.map { Self.dot(left.baseAddress, $0 * columns, right.baseAddress, 0, columns) }
            }
        }
    }

    /// A row's product with a row of another, over some columns.
    func product(row: Int, with other: DenseMatrix, row second: Int, from start: Int, to end: Int) -> Double {
        precondition(start >= 0 && end <= columns && end <= other.columns, "columns of both")
        return values.withUnsafeBufferPointer { left in
            other.values.withUnsafeBufferPointer { right in
                Self.dot(
                    left.baseAddress, row * columns + start, right.baseAddress, second * other.columns + start,
                    end - start)
            }
        }
    }

    /// Each row's product with the same row of another.
    func rowProducts(_ other: DenseMatrix) -> [Double] {
        precondition(rows == other.rows && columns == other.columns, "sizes agree")
        return values.withUnsafeBufferPointer { left in
            other.values.withUnsafeBufferPointer { right in
                (0..<rows).map {
                    Self.dot(left.baseAddress, $0 * columns, right.baseAddress, $0 * columns, columns)
                }
            }
        }
    }

    /// Summed in eight lanes, in an order that does not depend on the machine.
    private static func dot(
        _ left: UnsafePointer<Double>?, _ leftStart: Int, _ right: UnsafePointer<Double>?, _ rightStart: Int,
        _ count: Int
    ) -> Double {
        guard count > 0, let left = left?.advanced(by: leftStart), let right = right?.advanced(by: rightStart) else {
            return 0
        }
        var lanes = SIMD8<Double>(repeating: 0)
        let whole = count & ~7
        for start in stride(from: 0, to: whole, by: 8) {
            let a = UnsafeRawPointer(left + start).loadUnaligned(as: SIMD8<Double>.self)
            let b = UnsafeRawPointer(right + start).loadUnaligned(as: SIMD8<Double>.self)
            lanes += a * b
        }
        var sum = lanes.sum()
        for index in whole..<count { sum += left[index] * right[index] }
        return sum
    }
}

/// The lower factor of a symmetric positive definite matrix; a pivot that rounding has made too small is raised.
struct CholeskyFactor: Sendable {
    private let lower: DenseMatrix

    init(_ matrix: DenseMatrix) {
        precondition(matrix.rows == matrix.columns, "only a square matrix has this factor")
        let size = matrix.rows
        let largest = (0..<size).map { matrix[$0, $0] }.max() ?? 1
        var factor = DenseMatrix(rows: size, columns: size)
        for i in 0..<size {
            for j in 0...i {
                let rest = matrix[i, j] - factor.product(row: i, with: factor, row: j, from: 0, to: j)
                factor[i, j] =
                    i == j
                    ? max(rest, largest * 1e-12, .leastNormalMagnitude).squareRoot() : rest / factor[j, j]
            }
        }
        lower = factor
    }

    var diagonal: [Double] { (0..<lower.rows).map { lower[$0, $0] } }

    func solve(_ right: [Double]) -> [Double] {
        let size = lower.rows
        var x = right
        for i in 0..<size {
            var sum = x[i]
            for k in 0..<i { sum -= lower[i, k] * x[k] }
            x[i] = sum / lower[i, i]
        }
        for i in (0..<size).reversed() {
            var sum = x[i]
            for k in (i + 1)..<max(size, i + 1) { sum -= lower[k, i] * x[k] }
            x[i] = sum / lower[i, i]
        }
        return x
    }

    /// The inverse of the factored matrix: the inverse factor's transpose times the inverse factor.
    var inverse: DenseMatrix {
        let size = lower.rows
        // Column by column, each contiguous: the rows of the inverse factor's transpose.
        var columns = DenseMatrix(rows: size, columns: size)
        for column in 0..<size {
            columns[column, column] = 1 / lower[column, column]
            for i in (column + 1)..<max(size, column + 1) {
                columns[column, i] =
                    -lower.product(row: i, with: columns, row: column, from: column, to: i) / lower[i, i]
            }
        }
        var result = DenseMatrix(rows: size, columns: size)
        for i in 0..<size {
            for j in i..<size {
                result[i, j] = columns.product(row: i, with: columns, row: j, from: j, to: size)
                result[j, i] = result[i, j]
            }
        }
        return result
    }
}

/// Eigenvalues, largest first, and eigenvectors of a symmetric matrix, by Jacobi's rotations.
struct SymmetricEigensystem: Sendable {
    private(set) var values: [Double] = []
    /// One row per eigenvector; its largest component is positive.
    private(set) var vectors: [[Double]] = []

    init(_ matrix: DenseMatrix) {
        let size = matrix.rows
        var a = matrix
        var v = DenseMatrix(rows: size, columns: size)
        v.addToDiagonal(1)
        for _ in 0..<60 {
            var rest = 0.0
            var whole = 0.0
            for p in 0..<size {
                for q in 0..<size {
                    whole += a[p, q] * a[p, q]
                    if p != q { rest += a[p, q] * a[p, q] }
                }
            }
            guard rest > 1e-24 * whole else { break }
            for p in 0..<size {
                for q in (p + 1)..<max(size, p + 1) where a[p, q] != 0 { Self.rotate(&a, &v, p, q) }
            }
        }
        for index in (0..<size).sorted(by: { a[$0, $0] > a[$1, $1] }) {
            let vector = (0..<size).map { v[$0, index] }
            let peak = vector.max { abs($0) < abs($1) } ?? 1
            values.append(a[index, index])
            vectors.append(peak < 0 ? vector.map { -$0 } : vector)
        }
    }

    private static func rotate(_ a: inout DenseMatrix, _ v: inout DenseMatrix, _ p: Int, _ q: Int) {
        let theta = (a[q, q] - a[p, p]) / (2 * a[p, q])
        let tangent = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
        let cosine = 1 / (tangent * tangent + 1).squareRoot()
        let sine = tangent * cosine
        for k in 0..<a.rows {
            let (first, second) = (a[k, p], a[k, q])
            a[k, p] = cosine * first - sine * second
            a[k, q] = sine * first + cosine * second
        }
        for k in 0..<a.rows {
            let (first, second) = (a[p, k], a[q, k])
            a[p, k] = cosine * first - sine * second
            a[q, k] = sine * first + cosine * second
        }
        for k in 0..<a.rows {
            let (first, second) = (v[k, p], v[k, q])
            v[k, p] = cosine * first - sine * second
            v[k, q] = sine * first + cosine * second
        }
    }
}
