/// What one Gaussian process supposes of a new board before it has measured anything.
///
/// Four families are weighed against each other on each board's own measurements (`TransferFamily`), each over a grid.
struct TransferPrior: Sendable {
    var family: TransferFamily
    /// How much further than the sources among themselves the board differs from them; 0 where they do not count.
    var inflation = 0.0
    /// Variance of the board's slope against the mean of the sources.
    var slope = 0.0
    /// Variances that structure and counts of operators explain.
    var structure = 0.0
    var operators = 0.0
    /// Of one measurement.
    var noise: Double
}

/// In what a process is linear, and what its noise is like.
enum TransferFamily: CaseIterable, Sendable {
    /// Logarithmic latency: the sources' mean and factors, and structure.
    case sources
    /// Logarithmic latency: structure alone, as of a board like none of the sources.
    case structure
    /// Milliseconds, costs that add; noise is a share of the latency.
    case costs
    /// Milliseconds, costs that add; noise is the same for all, as of a coarse clock.
    case coarseCosts

    var isLogarithmic: Bool { self == .sources || self == .structure }

    /// How probable the family is before the board has measured anything, against any other: the sources are as
    /// probable as the three others together, since most boards of a fleet are like some that were there before.
    ///
    /// Chosen among odds of 1, e, 3, e^2 and e^3 to one: more costs boards unlike any source what it gives to those
    /// that are like them (`Benchmarks/README.md`, "Boards like no source").
    var logarithmicOdds: Double { self == .sources ? logarithm(Double(Self.allCases.count - 1)) : 0 }

    /// The processes of the family. Without sources these have none.
    func priors(scale: Double, hasSources: Bool) -> [TransferPrior] {
        switch self {
        case .sources: hasSources ? Self.sourcePriors(unit: scale * scale) : []
        case .structure:
            spread([0.01, 0.03, 0.1, 0.3, 1, 3], [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3])
        case .costs, .coarseCosts: spread([0.03, 0.1, 0.3, 1, 3, 10], [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1])
        }
    }

    private static func sourcePriors(unit: Double) -> [TransferPrior] {
        [0.3, 1, 3, 10].flatMap { inflation in
            [0.003, 0.01, 0.03, 0.1, 0.3, 1].flatMap { structure in
                [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1].map { noise in
                    TransferPrior(
                        family: .sources, inflation: inflation, slope: TransferPrior.slope,
                        structure: structure * unit, noise: noise * unit)
                }
            }
        }
    }

    private func spread(_ variances: [Double], _ noises: [Double]) -> [TransferPrior] {
        variances.flatMap { variance in
            noises.flatMap { noise in
                [0, 0.9].map { share in
                    TransferPrior(
                        family: self, structure: (1 - share) * variance, operators: share * variance, noise: noise)
                }
            }
        }
    }
}

extension TransferPrior {
    static let slope = 0.15

    /// The prior as which a board is supposed whose measurements are to be chosen.
    static func beforeMeasuring(scale: Double) -> TransferPrior {
        let unit = scale * scale
        return TransferPrior(
            family: .sources, inflation: 1, slope: slope, structure: 0.1 * unit, noise: 0.01 * unit)
    }
}

/// One Gaussian process with an unknown constant, fitted to some measurements; of the others nothing is known.
struct TransferProcess: Sendable {
    let prior: TransferPrior
    let constant: Double
    /// The inverse covariance, and that with the constant integrated out.
    let inverse: DenseMatrix
    private(set) var precision: DenseMatrix
    /// That times the values.
    private(set) var dual: [Double]
    /// The inverse covariance times one, and the sum of that.
    let ones: [Double]
    let total: Double
    /// Logarithm of the marginal likelihood of the logarithmic latencies, up to a constant.
    private(set) var evidence: Double

    private let values: [Double]
    private let isLogarithmic: Bool

    /// How often noise that is a share of the latency is set by the latencies that the last fit gave.
    private static let refits = 2

    init(_ parts: TransferSpace.Parts, _ values: BoardValues, _ prior: TransferPrior) {
        let targets = values.targets(prior.family)
        var levels = targets.map { _ in 1.0 }
        if prior.family == .costs {
            levels = targets
            for _ in 0..<Self.refits {
                levels = Regression(parts, targets, prior, levels).fitted(floor: values.floor)
            }
        }
        let fit = Regression(parts, targets, prior, levels)
        let inverse = fit.factor.inverse
        var precision = inverse
        precision.addProduct(fit.ones, with: fit.ones, times: -1 / fit.total)
        (self.prior, self.values, isLogarithmic) = (prior, targets, prior.family.isLogarithmic)
        (self.inverse, self.precision) = (inverse, precision)
        (constant, dual, ones, total) = (fit.constant, fit.dual, fit.ones, fit.total)
        evidence = fit.evidence
        if !isLogarithmic { evidence += targets.reduce(0) { $0 + logarithm($1) } }
    }

    /// Of one measurement's logarithmic latency, given all others that are left.
    func logarithmicDensity(of place: Int) -> Double {
        let variance = max(precision[place, place], .leastNormalMagnitude)
        let density = (logarithm(variance) - dual[place] * dual[place] / variance) / 2 - 0.918_938_533_204_672_7
        return isLogarithmic ? density : density + logarithm(values[place])
    }

    /// What the others say of a measurement: expectation and variance, in the family's own measure.
    func leftOut(_ place: Int) -> (mean: Double, variance: Double) {
        let diagonal = precision[place, place]
        guard diagonal > 1e-12 * inverse[place, place] else { return (values[place], 1 / inverse[place, place]) }
        return (values[place] - dual[place] / diagonal, 1 / diagonal)
    }

    mutating func leaveOut(_ place: Int) {
        evidence -= logarithmicDensity(of: place)
        let pivot = max(precision[place, place], .leastNormalMagnitude)
        let (column, value) = (precision.row(place), dual[place])
        for i in dual.indices { dual[i] -= column[i] * value / pivot }
        precision.addProduct(column, with: column, times: -1 / pivot)
    }
}

/// The equations of a process with an unknown constant, solved.
private struct Regression {
    let prior: TransferPrior
    let values: [Double]
    let levels: [Double]
    let factor: CholeskyFactor
    let constant: Double
    let dual: [Double]
    let ones: [Double]
    let total: Double

    /// - Parameter levels: what the noise's deviation is multiplied by, by measurement.
    init(_ parts: TransferSpace.Parts, _ values: [Double], _ prior: TransferPrior, _ levels: [Double]) {
        var covariance = parts.sum(prior)
        for i in values.indices { covariance[i, i] += prior.noise * levels[i] * levels[i] }
        factor = CholeskyFactor(covariance)
        ones = factor.solve(Array(repeating: 1, count: values.count))
        total = ones.reduce(0, +)
        let constant = zip(ones, values).reduce(0) { $0 + $1.0 * $1.1 } / total
        dual = factor.solve(values.map { $0 - constant })
        (self.prior, self.values, self.levels, self.constant) = (prior, values, levels, constant)
    }

    var evidence: Double {
        -zip(dual, values).reduce(0) { $0 + $1.0 * $1.1 } / 2 - factor.diagonal.reduce(0) { $0 + logarithm($1) }
            - logarithm(total) / 2
    }

    /// The values without their noise, at least the floor.
    func fitted(floor: Double) -> [Double] {
        values.indices.map { max(values[$0] - prior.noise * levels[$0] * levels[$0] * dual[$0], floor) }
    }
}

/// A new board's measurements in the measures of the families.
struct BoardValues: Sendable {
    /// Logarithmic latencies, and the sources' mean of these architectures.
    let logarithms: [Double]
    let base: [Double]
    /// Logarithm of what latencies are divided by: their geometric mean.
    let level: Double

    init(_ logarithms: [Double], base: [Double]) {
        (self.logarithms, self.base) = (logarithms, base)
        level = logarithms.reduce(0, +) / Double(max(logarithms.count, 1))
        floor = 0.3 * exponential((logarithms.min() ?? level) - level)
    }

    func targets(_ family: TransferFamily) -> [Double] {
        switch family {
        case .sources: zip(logarithms, base).map { $0 - $1 }
        case .structure: logarithms
        case .costs, .coarseCosts: logarithms.map { exponential($0 - level) }
        }
    }

    /// Below this share of the level no sum of costs is believed.
    let floor: Double

    func keeping(_ places: [Int]) -> BoardValues {
        BoardValues(places.map { logarithms[$0] }, base: places.map { base[$0] })
    }

    /// An expectation in a family's measure as one of logarithmic latency.
    func logarithmic(
        _ mean: Double, _ variance: Double, _ family: TransferFamily, base: Double
    ) -> (mean: Double, variance: Double) {
        switch family {
        case .sources: return (mean + base, variance)
        case .structure: return (mean, variance)
        case .costs, .coarseCosts:
            let held = max(mean, floor)
            return (logarithm(held) + level, logarithm(1 + variance / (held * held)))
        }
    }
}
