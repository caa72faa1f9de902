/// Finds measurements of a new board that are wrong beyond noise, such as one taken during a stall or with a slipped
/// decimal point, so that they do not spoil the fit to all others.
///
/// A measurement is wrong with probability `wrongShare`, and then any value is as likely as any other within the factor
/// `e ^ wrongRange`; else it is what the Gaussian process says, given all others. Both are averaged over the grid of
/// hyperparameters by marginal likelihood, without the measurement that is judged: one wrong value widens a process
/// that has to explain it too, and would hide behind it. The most doubtful is set aside as long as it is more probably
/// wrong than right, one at a time and one in five at most.
///
/// The sums over left-out measurements are exact and need one inverse per process: leaving out a measurement takes a
/// matrix of rank one from the inverse.
///
/// Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, section 5.4.2, for leaving one out.
struct MeasurementScreen {
    static let wrongShare = 0.1
    static let wrongRange = 4.0
    /// One measurement in this many may be set aside.
    static let judged = 5

    /// Places of the wrong ones among the values, ascending.
    let wrong: [Int]

    /// - Parameters:
    ///   - values: logarithmic latencies above the sources' mean.
    ///   - unit: what the grid's noise is relative to.
    init(_ parts: TransferSpace.Parts, _ values: [Double], unit: Double) {
        let most = values.count / Self.judged
        guard most > 0 else {
            wrong = []
            return
        }
        var processes = Hyperparameters.grid.map { LeftOutProcess(parts, values, $0, noise: $0.noise * unit) }
        var left = Array(values.indices)
        let wrongDensity = logarithm(Self.wrongShare / Self.wrongRange)
        while values.count - left.count < most {
            let whole = Self.logarithmOfSum(processes.map(\.evidence))
            let gains = left.map { place in
                Self.logarithmOfSum(processes.map { $0.evidence - $0.logarithmicDensity(of: place) })
                    + wrongDensity - whole
            }
            guard let place = gains.indices.max(by: { gains[$0] < gains[$1] }), gains[place] > 0 else { break }
            for index in processes.indices { processes[index].leaveOut(left[place]) }
            left.remove(at: place)
        }
        let kept = Set(left)
        wrong = values.indices.filter { !kept.contains($0) }
    }

    private static func logarithmOfSum(_ values: [Double]) -> Double {
        let largest = values.max() ?? 0
        return largest + logarithm(values.reduce(0) { $0 + exponential($1 - largest) })
    }
}

/// One Gaussian process with an unknown constant, from which measurements are taken.
private struct LeftOutProcess {
    /// The inverse covariance of what is left, with the constant integrated out.
    private var precision: DenseMatrix
    /// That times the values.
    private var dual: [Double]
    /// Logarithm of the marginal likelihood of what is left, up to a constant.
    private(set) var evidence: Double

    init(_ parts: TransferSpace.Parts, _ values: [Double], _ weights: Hyperparameters, noise: Double) {
        var covariance = parts.sum(weights)
        covariance.addToDiagonal(noise)
        let factor = CholeskyFactor(covariance)
        var inverse = factor.inverse
        let ones = inverse.times(Array(repeating: 1, count: values.count))
        let total = ones.reduce(0, +)
        for i in values.indices {
            for j in values.indices { inverse[i, j] -= ones[i] * ones[j] / total }
        }
        precision = inverse
        dual = inverse.times(values)
        evidence =
            -zip(dual, values).reduce(0) { $0 + $1.0 * $1.1 } / 2 - factor.diagonal.reduce(0) { $0 + logarithm($1) }
            - logarithm(total) / 2
    }

    /// Of one measurement, given all others that are left.
    func logarithmicDensity(of place: Int) -> Double {
        let variance = max(precision[place, place], .leastNormalMagnitude)
        return (logarithm(variance) - dual[place] * dual[place] / variance) / 2 - 0.918_938_533_204_672_7
    }

    mutating func leaveOut(_ place: Int) {
        evidence -= logarithmicDensity(of: place)
        let pivot = max(precision[place, place], .leastNormalMagnitude)
        let (column, value) = (precision.row(place), dual[place])
        for i in dual.indices {
            dual[i] -= column[i] * value / pivot
            for j in dual.indices { precision[i, j] -= column[i] * column[j] / pivot }
        }
    }
}
