/// A new board's latency predictor, from a few of its own measurements and what other boards have shown.
///
/// A Gaussian process in logarithmic latency whose prior is the sources' (see `TransferSpace`): mean and factors from
/// measured behaviour, structure for what no source shows, an unknown speed. How far to trust each is averaged over a
/// grid, weighed by the marginal likelihood of the board's measurements; so a board like none of the sources is carried
/// by structure. Multiplying every measurement by a number multiplies every prediction by it.
///
/// Measurements that are more probably wrong than right are set aside first (`MeasurementScreen`): one in ten that is
/// wrong by a factor would turn the order of all predictions.
///
/// The margin is Student's: the process's variance, rescaled by the leave-one-out residuals of the measurements.
///
/// Sources: Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, sections 2.7 and 5.4; Lee et al.,
/// "HELP", NeurIPS 2021, for the task.
public struct TransferredPredictor: Sendable {
    public static let minimumSamples = 2
    public static let sampleLimit = 256

    public struct Prediction: Hashable, Sendable {
        public let milliseconds: Double
        /// Nine in ten measurements are to lie within.
        public let interval: ClosedRange<Double>
    }

    /// Architectures whose measurements were taken for wrong and are not used, sorted.
    public let setAside: [String]
    private let space: TransferSpace
    private let samples: [Int]
    private let constant: Double
    /// Logarithmic latency is `base + constant` and these two by an architecture's rows.
    private let factorWeights: [Double]
    private let structureWeights: [Double]
    private let slopeWeight: Double
    private let margin: Margin

    /// - Parameter measured: milliseconds by architecture; values that are not above 0 and finite mean not measured.
    /// - Parameter setsAside: whether wrong ones among them are looked for.
    public init(
        space: TransferSpace, measured: [String: Double], setsAside: Bool = true
    ) throws(LatencyRefusal) {
        let usable = measured.filter { $0.value.isFinite && $0.value > 0 }.sorted { $0.key < $1.key }
        guard usable.count >= Self.minimumSamples else {
            throw .unusableSamples("\(usable.count) measurements, needs at least \(Self.minimumSamples)")
        }
        guard usable.count <= Self.sampleLimit else { throw .unusableSamples("more than \(Self.sampleLimit) samples") }
        let rows = try usable.map { name, _ throws(LatencyRefusal) in
            guard let row = space.rows[name] else { throw .unusableSamples("architecture \(name) is not of the space") }
            return row
        }
        self.space = space
        let unit = space.scale * space.scale
        let all = zip(usable, rows).map { logarithm($0.value) - space.base[$1] }
        let wrong = setsAside ? MeasurementScreen(space.parts(of: rows, and: rows), all, unit: unit).wrong : []
        setAside = wrong.map { usable[$0].key }
        let right = usable.indices.filter { !wrong.contains($0) }
        let (above, samples) = (right.map { all[$0] }, right.map { rows[$0] })
        self.samples = samples
        let parts = space.parts(of: samples, and: samples)
        let fits = Hyperparameters.grid.map { ProcessFit(parts, above, $0, noise: $0.noise * unit) }
        let best = fits.map(\.evidence).max() ?? 0
        let raw = fits.map { exponential($0.evidence - best) }
        let total = raw.reduce(0, +)
        let weights = raw.map { $0 / total }

        func average(_ value: (ProcessFit) -> Double) -> Double {
            zip(weights, fits).reduce(0) { $0 + $1.0 * value($1.1) }
        }
        func dual(_ weight: (ProcessFit) -> Double) -> [Double] {
            above.indices.map { sample in average { weight($0) * $0.dual[sample] } }
        }
        constant = average(\.constant)
        factorWeights = Self.combine(space.factors, samples, dual(\.weights.inflation))
        structureWeights = Self.combine(space.structure, samples, dual(\.weights.structure))
        slopeWeight =
            Hyperparameters.slope * zip(samples, dual { _ in 1 }).reduce(0) { $0 + space.base[$1.0] * $1.1 }
        let expected = Hyperparameters(
            inflation: average(\.weights.inflation), structure: average(\.weights.structure),
            noise: average(\.weights.noise))
        margin = Margin(space: space, parts, samples, above, expected, setAside: setAside.count)
    }

    /// One prediction per architecture; `nil` for one that the space does not hold.
    public func predict(_ architectures: [String]) -> [Prediction?] {
        let known = architectures.map { space.rows[$0] }
        let values = predict(rows: known.compactMap { $0 })
        var next = values.makeIterator()
        return known.map { $0 == nil ? nil : next.next() }
    }

    private func predict(rows: [Int]) -> [Prediction] {
        let factors = space.factors.times(factorWeights, rows: rows)
        let structure = space.structure.times(structureWeights, rows: rows)
        let widths = margin.widths(rows)
        return rows.indices.map { index in
            let center = space.base[rows[index]] * (1 + slopeWeight) + constant + factors[index] + structure[index]
            return Prediction(
                milliseconds: exponential(center),
                interval: exponential(center - widths[index])...exponential(center + widths[index]))
        }
    }

    private static func combine(_ matrix: DenseMatrix, _ rows: [Int], _ weights: [Double]) -> [Double] {
        (0..<matrix.columns).map { column in zip(rows, weights).reduce(0) { $0 + matrix[$1.0, column] * $1.1 } }
    }
}

/// One Gaussian process with an unknown constant, fitted to what the samples lie above the sources' mean.
private struct ProcessFit {
    let weights: Hyperparameters
    let constant: Double
    /// The inverse covariance times the residuals.
    let dual: [Double]
    /// Logarithm of the marginal likelihood, up to a constant.
    let evidence: Double

    init(_ parts: TransferSpace.Parts, _ values: [Double], _ weights: Hyperparameters, noise: Double) {
        self.weights = weights
        var covariance = parts.sum(weights)
        covariance.addToDiagonal(noise)
        let factor = CholeskyFactor(covariance)
        let ones = factor.solve(Array(repeating: 1, count: values.count))
        let precision = ones.reduce(0, +)
        let level = zip(ones, values).reduce(0) { $0 + $1.0 * $1.1 } / precision
        let residuals = values.map { $0 - level }
        let solved = factor.solve(residuals)
        constant = level
        dual = solved
        let misfit = zip(residuals, solved).reduce(0) { $0 + $1.0 * $1.1 }
        evidence =
            -misfit / 2 - factor.diagonal.reduce(0) { $0 + logarithm($1) } - logarithm(precision) / 2
    }
}

/// Half widths of the 90 % interval in logarithmic latency.
private struct Margin {
    /// Degrees of freedom that the prior's own idea of the spread is worth.
    static let priorFreedom = 4.0
    static let leastNoise = 0.003
    /// The squared residual over its variance as which a measurement counts that was set aside: it may be right.
    static let setAsideResidual = 9.0

    private let space: TransferSpace
    private let samples: [Int]
    private let weights: Hyperparameters
    private let noise: Double
    private let inverse: DenseMatrix
    private let ones: [Double]
    private let precision: Double
    private let factor: Double

    init(
        space: TransferSpace, _ parts: TransferSpace.Parts, _ samples: [Int], _ values: [Double],
        _ expected: Hyperparameters, setAside: Int
    ) {
        var weights = expected
        weights.noise = max(weights.noise, Self.leastNoise)
        noise = weights.noise * space.scale * space.scale
        var covariance = parts.sum(weights)
        covariance.addToDiagonal(noise)
        let inverse = CholeskyFactor(covariance).inverse
        let ones = inverse.times(Array(repeating: 1, count: samples.count))
        let precision = ones.reduce(0, +)
        // Residuals of leaving one out, each squared over its variance, in closed form.
        var sum = 0.0
        for i in samples.indices {
            let diagonal = inverse[i, i] - ones[i] * ones[i] / precision
            let product = samples.indices.reduce(0) {
                $0 + (inverse[i, $1] - ones[i] * ones[$1] / precision) * values[$1]
            }
            sum += diagonal > 1e-12 * inverse[i, i] ? product * product / diagonal : 1
        }
        sum += Self.setAsideResidual * Double(setAside)
        let freedom = Self.priorFreedom + Double(samples.count + setAside - 1)
        factor = Self.student95(freedom) * ((Self.priorFreedom + sum) / freedom).squareRoot()
        (self.space, self.samples, self.weights) = (space, samples, weights)
        (self.inverse, self.ones, self.precision) = (inverse, ones, precision)
    }

    func widths(_ rows: [Int]) -> [Double] {
        let inputs = joined(rows)
        let cross = inputs.timesTransposed(joined(samples))
        let solved = cross.timesTransposed(inverse)
        return rows.indices.map { row in
            var (own, explained, known) = (0.0, 0.0, 0.0)
            for column in 0..<inputs.columns { own += inputs[row, column] * inputs[row, column] }
            for sample in samples.indices {
                explained += cross[row, sample] * solved[row, sample]
                known += cross[row, sample] * ones[sample]
            }
            let variance = max(0, own - explained) + (1 - known) * (1 - known) / precision + noise
            return factor * variance.squareRoot()
        }
    }

    /// Rows whose products are the prior's covariance.
    private func joined(_ rows: [Int]) -> DenseMatrix {
        let (inflation, structure) = (weights.inflation.squareRoot(), weights.structure.squareRoot())
        let slope = Hyperparameters.slope.squareRoot()
        return DenseMatrix(
            rows.map { row in
                space.factors.row(row).map { $0 * inflation } + [space.base[row] * slope]
                    + space.structure.row(row).map { $0 * structure }
            }, columns: space.factors.columns + 1 + space.structure.columns)
    }

    /// The 95 % quantile of Student's t (Cornish-Fisher).
    private static func student95(_ freedom: Double) -> Double {
        let z = 1.644_853_626_951_472_7
        let (z3, z5) = (z * z * z, z * z * z * z * z)
        return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom)
    }
}
