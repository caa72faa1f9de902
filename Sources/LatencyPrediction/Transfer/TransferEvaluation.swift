import SearchSpace

/// How well a predictor that measured a few architectures of a board predicts the others.
public struct TransferEvaluation: Hashable, Sendable {
    /// Between predicted and measured; `nil` where either does not vary.
    public let spearman: Double?
    public let medianRelativeError: Double
    /// Share of measurements within the stated 90 % interval.
    public let coverage: Double
    /// How many of the samples the predictor took for wrong.
    public let setAside: Int

    /// Measures `samples` architectures of one board of the target, chosen by the space, and compares the predictions
    /// for all its others. Of the board nothing but the samples enters the prediction. Architectures that the space
    /// does not hold are neither measured nor predicted.
    ///
    /// - Parameter wrongFactor: what one of the samples, drawn by the seed, is multiplied by, to see what a wrong
    ///   measurement costs.
    public init(
        space: TransferSpace, target: BoardMeasurements, board: Int, samples: Int, seed: UInt64,
        wrongFactor: Double? = nil
    ) throws(LatencyRefusal) {
        var measured: [String: Double] = [:]
        for (name, value) in zip(target.architectures, target.latencies[board])
        where value > 0 && space.holds(name) {
            measured[name] = value
        }
        guard measured.count >= samples + 2 else {
            throw .unusableSamples("\(measured.count) measurements, needs \(samples) samples and 2 to compare with")
        }
        var generator = SeededGenerator(seed: seed)
        let chosen = Self.choose(samples, of: measured.keys.sorted(), space, using: &generator)
        var given = measured.filter { chosen.contains($0.key) }
        if let wrongFactor, let wrong = chosen.randomElement(using: &generator) {
            given[wrong] = given[wrong].map { $0 * wrongFactor }
        }
        let predictor = try TransferredPredictor(space: space, measured: given)
        setAside = predictor.setAside.count
        let others = measured.filter { !chosen.contains($0.key) }.sorted { $0.key < $1.key }
        let pairs = zip(others, predictor.predict(others.map(\.key))).compactMap { other, prediction in
            prediction.map { (measured: other.value, prediction: $0) }
        }
        spearman = RankStatistics.spearman(pairs.map(\.prediction.milliseconds), pairs.map(\.measured))
        medianRelativeError =
            RankStatistics.median(pairs.map { abs($0.prediction.milliseconds - $0.measured) / $0.measured }) ?? 0
        coverage = Double(pairs.count { $0.prediction.interval.contains($0.measured) }) / Double(pairs.count)
    }

    /// Of few candidates a part is offered, drawn anew each time: all would give the same choice for every seed.
    private static func choose(
        _ samples: Int, of names: [String], _ space: TransferSpace, using generator: inout SeededGenerator
    ) -> [String] {
        guard names.count <= TransferSpace.candidateLimit else {
            return space.informative(samples, among: names, using: &generator)
        }
        let offered = names.shuffled(using: &generator).prefix(max(samples, names.count * 3 / 4))
        return space.informative(samples, among: offered.sorted(), using: &generator)
    }
}
