extension TransferSpace {
    /// The most architectures among which a board's measurements are chosen; drawn at random where there are more.
    static let candidateLimit = 300

    /// The architectures that tell most about a board that has measured nothing: each next one is that whose
    /// measurement lowers the summed predictive variance of all candidates most (A-optimal design, one at a time).
    ///
    /// - Parameter candidates: what the board can run, in any order; at most `candidateLimit` of them, drawn with the
    ///   generator, are looked at.
    public func informative(
        _ count: Int, among candidates: [String], using generator: inout some RandomNumberGenerator
    ) -> [String] {
        var known = candidates.compactMap { rows[$0] }.sorted()
        precondition(known.count == candidates.count, "candidates are architectures of the space")
        if known.count > Self.candidateLimit {
            known = Array(known.shuffled(using: &generator).prefix(max(Self.candidateLimit, count))).sorted()
        }
        var covariance = covariance(of: known, and: known, .beforeMeasuring)
        for i in known.indices {
            for j in known.indices { covariance[i, j] += 10 * scale * scale }
        }
        let noise = Hyperparameters.beforeMeasuring.noise * scale * scale
        var chosen: [Int] = []
        for _ in 0..<min(count, known.count) {
            var best = (gain: -1.0, index: 0)
            for candidate in known.indices where !chosen.contains(candidate) {
                let column = covariance.row(candidate)
                let gain = column.reduce(0) { $0 + $1 * $1 } / (column[candidate] + noise)
                if gain > best.gain { best = (gain, candidate) }
            }
            chosen.append(best.index)
            let column = covariance.row(best.index)
            let pivot = column[best.index] + noise
            for i in known.indices {
                let factor = column[i] / pivot
                for j in known.indices { covariance[i, j] -= factor * column[j] }
            }
        }
        return chosen.map { architectures[known[$0]] }
    }
}

/// The unknowns of the prior that a board's own measurements weigh.
struct Hyperparameters: Sendable {
    /// How much further than the sources among themselves the board differs from them.
    var inflation: Double
    /// Variance that only structure explains, and noise, both relative to the spread of latency.
    var structure: Double
    var noise: Double

    static let beforeMeasuring = Hyperparameters(inflation: 1, structure: 0.1, noise: 0.01)
    /// Variance of a board's slope against the mean of the sources.
    static let slope = 0.15
    static let grid: [Hyperparameters] = [0.3, 1, 3, 10].flatMap { inflation in
        [0.003, 0.01, 0.03, 0.1, 0.3, 1].flatMap { structure in
            [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1].map { noise in
                Hyperparameters(inflation: inflation, structure: structure, noise: noise)
            }
        }
    }
}

extension TransferSpace {
    /// The three parts of the prior's covariance: factors, structure, slope.
    struct Parts: Sendable {
        let factors: DenseMatrix
        let structure: DenseMatrix
        let slope: DenseMatrix

        func sum(_ weights: Hyperparameters) -> DenseMatrix {
            var sum = DenseMatrix(rows: factors.rows, columns: factors.columns)
            for i in 0..<sum.rows {
                for j in 0..<sum.columns {
                    sum[i, j] =
                        weights.inflation * factors[i, j] + weights.structure * structure[i, j]
                        + Hyperparameters.slope * slope[i, j]
                }
            }
            return sum
        }
    }

    func parts(of first: [Int], and second: [Int]) -> Parts {
        func product(_ matrix: DenseMatrix) -> DenseMatrix {
            let lines = [first, second].map { DenseMatrix($0.map(matrix.row), columns: matrix.columns) }
            return lines[0].timesTransposed(lines[1])
        }
        let column = DenseMatrix(base.map { [$0] }, columns: 1)
        return Parts(factors: product(factors), structure: product(structure), slope: product(column))
    }

    func covariance(of first: [Int], and second: [Int], _ weights: Hyperparameters) -> DenseMatrix {
        parts(of: first, and: second).sum(weights)
    }
}
