/// A new board's latency predictor, from a few of its own measurements and what other boards have shown.
///
/// Four families of Gaussian processes are weighed on the board's own measurements (`TransferFamily`): the sources' in
/// logarithmic latency (see `TransferSpace`: mean and factors from measured behaviour, structure for what no source
/// shows), structure alone, and costs of operators that add up in milliseconds, with noise that is a share of the
/// latency or the same for all. So a board like none of the sources is carried by structure or by costs. Each has an
/// unknown constant; within a family the processes of a grid are averaged by marginal likelihood. Multiplying every
/// measurement by a number multiplies every prediction by it.
///
/// Measurements that are more probably wrong than right are set aside first (`MeasurementScreen`): one in ten that is
/// wrong by a factor would turn the order of all predictions.
///
/// Where names tell nothing, architectures that no source measured are like all others of the board
/// (`PopulationPrediction`), and what it measured of them is not what the sources are judged by.
///
/// The margin is Student's: the mixture's variance, rescaled by the leave-one-out residuals of the measurements.
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
    private let values: BoardValues
    private let families: [FamilyFit]
    /// Half width of the 90 % interval over the mixture's deviation.
    private let factor: Double
    /// Of architectures that nothing is known of; `nil` where the space has none.
    private var population: PopulationPrediction?

    /// - Parameter measured: milliseconds by architecture; values that are not plausible mean not measured.
    /// - Parameter setsAside: whether wrong ones among them are looked for.
    /// - Parameter trustsSources: whether the sources were chosen because they behave alike: then the board is supposed
    ///   to be like them, and without any to be told by structure.
    public init(
        space: TransferSpace, measured: [String: Double], setsAside: Bool = true, trustsSources: Bool = false
    ) throws(LatencyRefusal) {
        let usable = measured.filter { BoardMeasurements.plausible.contains($0.value) }.sorted { $0.key < $1.key }
        guard usable.count >= Self.minimumSamples else {
            throw .unusableSamples("\(usable.count) measurements, needs at least \(Self.minimumSamples)")
        }
        guard usable.count <= Self.sampleLimit else { throw .unusableSamples("more than \(Self.sampleLimit) samples") }
        let places = try usable.map { name, _ throws(LatencyRefusal) in
            guard let row = space.rows[name] else { throw .unusableSamples("architecture \(name) is not of the space") }
            return row
        }
        let known = places.indices.filter { !space.unknownRows.contains(places[$0]) }
        let isFitted = known.count >= Self.minimumSamples
        let fitted = isFitted ? known : Array(places.indices)
        let rows = fitted.map { places[$0] }
        self.space = space
        let hasSources = space.factors.columns > 0
        let supposed = trustsSources ? [hasSources ? TransferFamily.sources : .structure] : TransferFamily.allCases
        let priors = supposed.flatMap { $0.priors(scale: space.scale, hasSources: hasSources) }
        func fits(_ parts: TransferSpace.Parts, _ values: BoardValues) -> [TransferProcess] {
            priors.map { TransferProcess(parts, values, $0) }
        }
        let all = BoardValues(fitted.map { logarithm(usable[$0].value) }, base: rows.map { space.base[$0] })
        let parts = space.parts(of: rows, and: rows)
        let first = fits(parts, all)
        // Where nothing tells architectures apart, none is expected to differ, and any that does would seem wrong.
        let wrong = setsAside && space.tellsApart && isFitted ? MeasurementScreen(first, count: rows.count).wrong : []
        setAside = wrong.map { usable[fitted[$0]].key }
        let right = rows.indices.filter { !wrong.contains($0) }
        samples = right.map { rows[$0] }
        values = all.keeping(right)
        let kept = wrong.isEmpty ? parts : space.parts(of: samples, and: samples)
        let processes = wrong.isEmpty ? first : fits(kept, values)
        families = FamilyFit.weighed(processes, kept, values)
        factor = MarginFactor.value(families, values, setAside: wrong.count)
        guard !space.unknownRows.isEmpty else { return }
        let told = isFitted ? space.wantedRows.filter { !space.unknownRows.contains($0) } : []
        let others = places.indices.filter { !isFitted || space.unknownRows.contains(places[$0]) }
        population = PopulationPrediction(
            predicted: expectations(rows: told), measured: others.map { logarithm(usable[$0].value) })
    }

    /// One prediction per architecture; `nil` for one that the space does not hold.
    public func predict(_ architectures: [String]) -> [Prediction?] {
        let known = architectures.map { space.rows[$0] }
        let values = predict(rows: known.compactMap { $0 })
        var next = values.makeIterator()
        return known.map { $0 == nil ? nil : next.next() }
    }

    private func predict(rows: [Int]) -> [Prediction] {
        zip(rows, expectations(rows: rows)).map { row, expected in
            if let population, space.unknownRows.contains(row) {
                return Self.prediction(population.mean, population.width)
            }
            return Self.prediction(expected.mean, factor * expected.variance.squareRoot())
        }
    }

    private static func prediction(_ mean: Double, _ width: Double) -> Prediction {
        Prediction(milliseconds: exponential(mean), interval: exponential(mean - width)...exponential(mean + width))
    }

    private func expectations(rows: [Int]) -> [FamilyFit.Expectation] {
        let parts = space.parts(of: rows, and: samples)
        let expected = families.map { $0.expectations(parts, rows, in: space, values) }
        return rows.indices.map { index in FamilyFit.mixture(families) { expected[$0][index] } }
    }
}

/// From the deviation that the processes state to the half width that holds nine in ten: Student's, rescaled by how
/// far the measurements lie from what the others say of them.
enum MarginFactor {
    /// Degrees of freedom that the processes' own idea of the spread is worth.
    static let priorFreedom = 4.0
    /// The squared residual over its variance as which a measurement counts that was set aside: it may be right.
    static let setAsideResidual = 9.0

    static func value(_ families: [FamilyFit], _ values: BoardValues, setAside: Int) -> Double {
        var sum = setAsideResidual * Double(setAside)
        for place in values.logarithms.indices {
            let mixed = FamilyFit.mixture(families) { families[$0].leftOut[place] }
            let residual = values.logarithms[place] - mixed.mean
            sum += residual * residual / mixed.variance
        }
        let freedom = priorFreedom + Double(values.logarithms.count + setAside - 1)
        return student95(freedom) * ((priorFreedom + sum) / freedom).squareRoot()
    }

    /// The 95 % quantile of Student's t (Cornish-Fisher).
    static func student95(_ freedom: Double) -> Double {
        let z = 1.644_853_626_951_472_7
        let (z3, z5) = (z * z * z, z * z * z * z * z)
        return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom)
    }
}
