/// Linear regression with a penalty on the weights, on inputs that are zeros and ones.
enum RidgeRegression {
    /// Weights and bias that minimise `sum (target - prediction)^2 + penalty x |weights|^2`; the bias is free.
    ///
    /// Solved through the samples' Gram matrix (kernel form), as there are about as many samples as inputs.
    /// - Precondition: at least one sample; `penalty` above 0.
    static func fit(inputs: [[Int32]], targets: [Double], inputCount: Int, penalty: Double) -> (
        weights: [Double], bias: Double
    ) {
        let count = inputs.count
        var means = Array(repeating: 0.0, count: inputCount)
        for places in inputs { for place in places { means[Int(place)] += 1 / Double(count) } }
        let targetMean = targets.reduce(0, +) / Double(count)
        let rows = inputs.map { places in
            var row = means.map { -$0 }
            for place in places { row[Int(place)] += 1 }
            return row
        }
        var gram = Array(repeating: 0.0, count: count * count)
        for first in 0..<count {
            for second in 0...first {
                var sum = first == second ? penalty : 0
                for (a, b) in zip(rows[first], rows[second]) { sum += a * b }
                gram[first * count + second] = sum
            }
        }
        let dual = solve(&gram, targets.map { $0 - targetMean })
        var weights = Array(repeating: 0.0, count: inputCount)
        for (row, factor) in zip(rows, dual) {
            for place in 0..<inputCount { weights[place] += factor * row[place] }
        }
        return (weights, targetMean - zip(weights, means).reduce(0) { $0 + $1.0 * $1.1 })
    }

    /// Solves a symmetric positive definite system by Cholesky; only the lower triangle is read, and overwritten.
    private static func solve(_ matrix: inout [Double], _ right: [Double]) -> [Double] {
        let count = right.count
        var x = right
        for row in 0..<count {
            for column in 0...row {
                var sum = matrix[row * count + column]
                for k in 0..<column { sum -= matrix[row * count + k] * matrix[column * count + k] }
                matrix[row * count + column] =
                    row == column ? sum.squareRoot() : sum / matrix[column * count + column]
            }
            for k in 0..<row { x[row] -= matrix[row * count + k] * x[k] }
            x[row] /= matrix[row * count + row]
        }
        for row in stride(from: count - 1, through: 0, by: -1) {
            for k in stride(from: row + 1, to: count, by: 1) { x[row] -= matrix[k * count + row] * x[k] }
            x[row] /= matrix[row * count + row]
        }
        return x
    }
}
