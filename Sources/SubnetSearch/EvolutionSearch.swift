public import SearchSpace

/// Searches the most accurate subnet within a latency, after Dynamic-OFA (Lou et al., CVPRW 2021, section 3.2).
///
/// 1. Random sampling fills a population with subnets that meet the latency constraint. After `drawLimit` draws
///    without any hit the constraint is multiplied by `relaxationStep`, as often as it takes for the fastest of these
///    draws to meet it, and sampling goes on; the result says so in `relaxedTo`. Once there are hits, `drawLimit`
///    draws without another end the filling.
/// 2. Evolution: the best `parentRatio` of the population survive; their mutants and crossings that meet the
///    constraint join them.
/// 3. Where the best does not reach the accuracy floor, the constraint is relaxed by a step and both begin again, with
///    the best so far among the first.
///
/// Deviations from the published code: every loop is bounded; a candidate is bred once, as one that was not among the
/// best before will not be later. There the floor holds for the random draws already, so that a floor which evolution
/// would have reached relaxes the constraint; here it holds for the result. The result is a function of settings,
/// predictors and generator alone.
public struct EvolutionSearch: Sendable {
    public let settings: SearchSettings
    let accuracy: AccuracyPredictor
    let latency: any CostEstimating
    let indexed: IndexedSearchSpace

    /// - Parameter latency: in milliseconds.
    public init(
        accuracy: AccuracyPredictor, latency: any CostEstimating, settings: SearchSettings = SearchSettings()
    ) throws(SearchRefusal) {
        try settings.validate()
        guard accuracy.space == latency.space else {
            throw .differentSpaces(accuracy: accuracy.space.name, latency: latency.space.name)
        }
        self.settings = settings
        self.accuracy = accuracy
        self.latency = latency
        indexed = IndexedSearchSpace(accuracy.space)
    }

    /// The best subnet within `latencyMilliseconds`.
    ///
    /// - Parameters:
    ///   - seeds: subnets to start from beside the random ones; those that do not meet the constraints are left out.
    ///   - goesOn: asked before every generation, so that a caller who has a clock can end the search early.
    public func search(
        latencyMilliseconds: Double, seeds: [SubnetConfiguration] = [],
        using generator: inout some RandomNumberGenerator, goesOn: () -> Bool = { true }
    ) throws -> SearchResult {
        guard latencyMilliseconds.isFinite, latencyMilliseconds > 0 else {
            throw SearchRefusal.invalidConstraint(latencyMilliseconds)
        }
        var run = EvolutionRun(self, limit: latencyMilliseconds, seed: generator.next())
        for seed in seeds { run.plant(try indexed.indices(of: seed)) }
        while true {
            try run.fill()
            while run.generation < settings.generations, !run.isUsedUp, goesOn() { run.breed() }
            let result = run.result(asked: latencyMilliseconds)
            if result.predictedAccuracy >= settings.accuracyFloor { return result }
            guard run.limit < latency.range.upperBound, !run.isUsedUp, goesOn() else {
                throw SearchRefusal.accuracyFloorNotReached(
                    floor: settings.accuracyFloor, best: result.predictedAccuracy)
            }
            run.relaxForFloor()
        }
    }
}
