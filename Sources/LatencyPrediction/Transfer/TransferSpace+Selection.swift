extension TransferSpace {
    /// The most architectures among which a board's measurements are chosen; drawn at random where there are more.
    static let candidateLimit = 300

    /// The architectures that tell most about a board that has measured nothing: each next one is that whose
    /// measurement lowers the summed predictive variance of all candidates most (A-optimal design, one at a time). Of
    /// those that nothing is known of none tells more than another: they are drawn where no others are left.
    ///
    /// - Parameter candidates: what the board can run, in any order; at most `candidateLimit` of them, drawn with the
    ///   generator, are looked at.
    public func informative(
        _ count: Int, among candidates: [String], using generator: inout some RandomNumberGenerator
    ) -> [String] {
        var known = candidates.compactMap { rows[$0] }.sorted()
        precondition(known.count == candidates.count, "candidates are architectures of the space")
        let unknown = known.filter(unknownRows.contains)
        known = unknown.isEmpty ? known : known.filter { !unknownRows.contains($0) }
        let drawn = unknown.shuffled(using: &generator).prefix(max(0, count - known.count))
        return optimal(count, among: known, using: &generator) + drawn.map { architectures[$0] }
    }

    private func optimal(
        _ count: Int, among candidates: [Int], using generator: inout some RandomNumberGenerator
    ) -> [String] {
        var known = candidates
        if known.count > Self.candidateLimit {
            known = Array(known.shuffled(using: &generator).prefix(max(Self.candidateLimit, count))).sorted()
        }
        let prior = TransferPrior.beforeMeasuring(scale: scale)
        var covariance = parts(of: known, and: known).sum(prior)
        for i in known.indices {
            for j in known.indices { covariance[i, j] += 10 * scale * scale }
        }
        let noise = prior.noise
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

extension TransferSpace {
    /// What the prior's covariance is made of: factors, slope, structure, counts of operators.
    struct Parts: Sendable {
        let factors: DenseMatrix
        let slope: DenseMatrix
        let structure: DenseMatrix
        let operators: DenseMatrix

        func sum(_ prior: TransferPrior) -> DenseMatrix {
            var sum = DenseMatrix(rows: structure.rows, columns: structure.columns)
            for (weight, part) in [
                (prior.inflation, factors), (prior.slope, slope), (prior.structure, structure),
                (prior.operators, operators),
            ] where weight > 0 {
                sum.add(part, times: weight)
            }
            return sum
        }
    }

    func parts(of first: [Int], and second: [Int]) -> Parts {
        func product(_ matrix: DenseMatrix) -> DenseMatrix { matrix.timesTransposed(matrix.rows(second), rows: first) }
        var slope = DenseMatrix(rows: first.count, columns: second.count)
        for (i, row) in first.enumerated() {
            for (j, other) in second.enumerated() { slope[i, j] = base[row] * base[other] }
        }
        return Parts(
            factors: product(factors), slope: slope, structure: product(structure), operators: product(operators))
    }
}

/// The parts of the prior's variance, by row of the space.
struct TransferVariances: Sendable {
    private let factors: [Double]
    private let slope: [Double]
    private let structure: [Double]
    private let operators: [Double]

    init(base: [Double], factors: DenseMatrix, structure: DenseMatrix, operators: DenseMatrix) {
        slope = base.map { $0 * $0 }
        (self.factors, self.structure) = (factors.rowProducts(factors), structure.rowProducts(structure))
        self.operators = operators.rowProducts(operators)
    }

    func of(_ row: Int, _ prior: TransferPrior) -> Double {
        prior.inflation * factors[row] + prior.slope * slope[row] + prior.structure * structure[row]
            + prior.operators * operators[row]
    }
}
