public import SearchSpace

/// Searches the most accurate subnet within a latency, after Dynamic-OFA (Lou et al., CVPRW 2021, section 3.2).
///
/// 1. Random sampling fills a population with subnets that meet the latency constraint. After `drawLimit` draws
///    without a hit, random subnets are led towards the fastest one until they meet it. Only where even the fastest
///    subnet does not, the constraint is multiplied by `relaxationStep`, as often as that takes; the result says so in
///    `relaxedTo`, and why.
/// 2. Evolution: the best `parentRatio` of the population survive; their mutants and crossings that meet the
///    constraint join them.
/// 3. Evolution ends after `generations`, or once the best has not become better for `patience` of them.
/// 4. Where the best does not reach the accuracy floor, local search goes on from it. Where that does not either, and
///    some subnet of any latency does, that one is made faster without falling below the floor; where this does not end
///    within the constraint, it is relaxed by a step and all begins again, with the best so far among the first.
///
/// Deviations from the published code: every loop is bounded; a candidate is bred once, as one that was not among the
/// best before will not be later. There a constraint that random draws do not meet is relaxed, though subnets keep it;
/// here they are looked for. There the floor holds for the random draws already, so that a floor which evolution
/// would have reached relaxes the constraint; here it holds for the result. FLOPs and memory may be limited too; these
/// limits are never relaxed. The result is a function of settings, predictors and generator alone.
public struct EvolutionSearch: Sendable {
    public let settings: SearchSettings
    let accuracy: AccuracyPredictor
    let latency: any CostEstimating
    private let flops: (any CostEstimating)?
    private let memory: (any CostEstimating)?
    let indexed: IndexedSearchSpace

    /// - Parameters:
    ///   - latency: in milliseconds.
    ///   - flops: FLOPs, needed by constraints that limit them.
    ///   - memory: bytes, likewise.
    public init(
        accuracy: AccuracyPredictor, latency: any CostEstimating, flops: (any CostEstimating)? = nil,
        memory: (any CostEstimating)? = nil, settings: SearchSettings = SearchSettings()
    ) throws(SearchRefusal) {
        try settings.validate()
        for cost in [latency, flops, memory].compactMap(\.self) where cost.space != accuracy.space {
            throw .differentSpaces(accuracy: accuracy.space.name, latency: cost.space.name)
        }
        self.settings = settings
        self.accuracy = accuracy
        self.latency = latency
        self.flops = flops
        self.memory = memory
        indexed = IndexedSearchSpace(accuracy.space)
    }

    /// The best subnet within `latencyMilliseconds`; see the other method.
    public func search(
        latencyMilliseconds: Double, seeds: [SubnetConfiguration] = [],
        using generator: inout some RandomNumberGenerator, goesOn: () -> Bool = { true }
    ) throws -> SearchResult {
        try search(
            SearchConstraint(latencyMilliseconds: latencyMilliseconds), seeds: seeds, using: &generator, goesOn: goesOn
        ).best
    }

    /// The best subnet within a constraint, the next best of the last generation, and the best of faster ones.
    ///
    /// - Parameters:
    ///   - seeds: subnets to start from beside the random ones; those that do not meet the constraints are left out.
    ///   - candidates: how many of the last generation to give back, the best among them; faster ones come on top.
    ///   - goesOn: asked before every generation, so that a caller who has a clock can end the search early.
    public func search(
        _ constraint: SearchConstraint, seeds: [SubnetConfiguration] = [], candidates: Int = 1,
        using generator: inout some RandomNumberGenerator, goesOn: () -> Bool = { true }
    ) throws -> (best: SearchResult, candidates: [PredictedSubnet]) {
        try check(constraint)
        let asked = constraint.latencyMilliseconds ?? latency.range.upperBound
        var run = EvolutionRun(self, constraint, seed: generator.next())
        for seed in seeds { run.plant(try indexed.indices(of: seed)) }
        var accurate: EvolutionRun.Candidate?
        while true {
            try run.fill()
            run.evolve(goesOn)
            run.evolveApart(goesOn)
            if !run.reachesFloor {
                // Before the constraint is relaxed for the first time more is tried.
                let isAsked = accurate == nil
                run.pursueFloor(
                    rounds: isAsked ? EvolutionRun.floorRoundsBeforeRelaxing : EvolutionRun.floorRounds, goesOn)
            }
            let result = run.result(asked: asked)
            if run.reachesFloor { return (result, run.candidates(candidates)) }
            let enough = try accurate ?? accurateEnough(&run, goesOn)
            if accurate == nil, enough.latency > run.limit {
                run.descendToConstraint(from: enough, goesOn)
                if run.reachesFloor { return (run.result(asked: asked), run.candidates(candidates)) }
            }
            accurate = enough
            if enough.latency <= run.limit {
                run.join(enough)
                return (run.result(asked: asked), run.candidates(candidates))
            }
            guard !run.isUsedUp, goesOn() else {
                throw SearchRefusal.accuracyFloorNotReached(
                    floor: settings.accuracyFloor, best: result.predictedAccuracy,
                    .ended(latencyMilliseconds: run.limit))
            }
            run.relaxForFloor()
            if enough.latency <= run.limit { run.join(enough) }
        }
    }

    /// A subnet of any latency that reaches the floor.
    private func accurateEnough(
        _ run: inout EvolutionRun, _ goesOn: () -> Bool
    ) throws(SearchRefusal) -> EvolutionRun.Candidate {
        let found = run.mostAccurateAtAnyLatency(goesOn)
        guard found.accuracy < settings.accuracyFloor else { return found }
        throw .accuracyFloorNotReached(
            floor: settings.accuracyFloor, best: found.accuracy,
            run.isUsedUp || !goesOn()
                ? .ended(latencyMilliseconds: run.limit) : .atAnyLatency(hasOtherLimits: !run.limits.isEmpty))
    }

    /// Refuses limits that are not positive numbers, that no subnet keeps, or that cannot be told.
    private func check(_ constraint: SearchConstraint) throws(SearchRefusal) {
        if let latency = constraint.latencyMilliseconds, !(latency.isFinite && latency > 0) {
            throw .invalidConstraint(latency)
        }
        for (name, limit, cost) in [
            ("FLOPs", constraint.flops, flops), ("bytes of memory", constraint.memoryBytes, memory),
        ] {
            guard let limit else { continue }
            guard let cost else { throw .settings("a limit of \(name) needs what subnets cost of it") }
            guard limit.isFinite, limit >= cost.range.lowerBound else {
                throw .outOfReach(limit: limit, unit: name, least: cost.range.lowerBound)
            }
        }
    }

    func limits(of constraint: SearchConstraint) -> [(cost: any CostEstimating, limit: Double)] {
        [(flops, constraint.flops), (memory, constraint.memoryBytes)].compactMap { cost, limit in
            guard let cost, let limit else { return nil }
            return (cost, limit)
        }
    }
}
