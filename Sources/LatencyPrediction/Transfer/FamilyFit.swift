/// The processes of one family as one: their mean by evidence, and the family's weight against the others.
struct FamilyFit: Sendable {
    typealias Expectation = (mean: Double, variance: Double)

    /// Families of less weight are left out.
    private static let leastWeight = 1e-4

    let weight: Double
    /// What the others say of each measurement, of logarithmic latency.
    let leftOut: [Expectation]
    private let expected: TransferProcess
    private let constant: Double
    /// What a measurement's covariance by factors, slope, structure and operators counts.
    private let duals: [[Double]]

    /// Families by how well each predicts every measurement from the others, and all of them from nothing: the mean
    /// of both logarithmic likelihoods, and the family's odds before measuring. Of ten measurements the first alone is
    /// noisy, the second alone favours processes that expect much.
    ///
    /// Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, sections 5.4.1 and 5.4.2.
    static func weighed(
        _ processes: [TransferProcess], _ parts: TransferSpace.Parts, _ values: BoardValues
    ) -> [FamilyFit] {
        let groups = TransferFamily.allCases.map { family in processes.filter { $0.prior.family == family } }
            .filter { !$0.isEmpty }
        let scores = groups.map { group in
            let whole = logarithmOfSum(group.map(\.evidence))
            let leftOut = values.logarithms.indices.reduce(0.0) { sum, place in
                sum + whole
                    - logarithmOfSum(
                        group.map { $0.evidence - $0.logarithmicDensity(of: place) })
            }
            return group[0].prior.family.logarithmicOdds + (whole - logarithm(Double(group.count)) + leftOut) / 2
        }
        let whole = logarithmOfSum(scores)
        return zip(groups, scores).map { FamilyFit($0, parts, values, weight: exponential($1 - whole)) }
            .filter { $0.weight > leastWeight }
    }

    private init(
        _ processes: [TransferProcess], _ parts: TransferSpace.Parts, _ values: BoardValues, weight: Double
    ) {
        let best = processes.map(\.evidence).max() ?? 0
        let raw = processes.map { exponential($0.evidence - best) }
        let total = raw.reduce(0, +)
        func average(_ value: (TransferProcess) -> Double) -> Double {
            zip(raw, processes).reduce(0) { $0 + $1.0 * value($1.1) } / total
        }
        var prior = processes[0].prior
        prior.inflation = average(\.prior.inflation)
        prior.structure = average(\.prior.structure)
        prior.operators = average(\.prior.operators)
        prior.noise = average(\.prior.noise)
        let expected = TransferProcess(parts, values, prior)
        constant = average(\.constant)
        duals = [\TransferPrior.inflation, \.slope, \.structure, \.operators].map { part in
            values.logarithms.indices.map { sample in average { $0.prior[keyPath: part] * $0.dual[sample] } }
        }
        leftOut = values.logarithms.indices.map { place in
            let (mean, variance) = expected.leftOut(place)
            return values.logarithmic(mean, variance, prior.family, base: values.base[place])
        }
        self.expected = expected
        self.weight = weight
    }

    /// Of logarithmic latency.
    ///
    /// - Parameters:
    ///   - parts: of the rows' covariance with the samples.
    ///   - rows: of the space.
    func expectations(
        _ parts: TransferSpace.Parts, _ rows: [Int], in space: TransferSpace, _ values: BoardValues
    ) -> [Expectation] {
        let prior = expected.prior
        let covariance = parts.sum(prior)
        let explained = covariance.rowProducts(covariance.timesTransposed(expected.inverse))
        let known = covariance.times(expected.ones)
        var means = Array(repeating: constant, count: rows.count)
        for (part, dual) in zip([parts.factors, parts.slope, parts.structure, parts.operators], duals)
        where dual.contains(where: { $0 != 0 }) {
            for (index, value) in part.times(dual).enumerated() { means[index] += value }
        }
        return rows.indices.map { index in
            let level = prior.family == .costs ? max(means[index], values.floor) : 1
            let rest = (1 - known[index]) * (1 - known[index]) / expected.total
            let own = max(0, space.variances.of(rows[index], prior) - explained[index])
            return values.logarithmic(
                means[index], own + rest + prior.noise * level * level, prior.family, base: space.base[rows[index]])
        }
    }

    /// Mean and variance of the mixture of the families.
    static func mixture(_ families: [FamilyFit], _ expectation: (Int) -> Expectation) -> Expectation {
        var (whole, mean, square) = (0.0, 0.0, 0.0)
        for (index, family) in families.enumerated() {
            let part = expectation(index)
            whole += family.weight
            mean += family.weight * part.mean
        }
        mean /= whole
        for (index, family) in families.enumerated() {
            let part = expectation(index)
            square += family.weight * (part.variance + (part.mean - mean) * (part.mean - mean))
        }
        return (mean, square / whole)
    }
}
