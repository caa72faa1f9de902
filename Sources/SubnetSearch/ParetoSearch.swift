public import SearchSpace

/// One evolution search per latency constraint, and the Pareto table that comes of them.
///
/// Constraints are searched from the tightest up, each starting also from the best subnet of the one before, so that
/// a looser constraint never has a less accurate result.
public struct ParetoSearch: Sendable {
    /// The most constraints of one run.
    public static let constraintLimit = 1_024

    public struct Outcome: Hashable, Codable, Sendable {
        /// One per constraint that has a result, in the order that they were given.
        public let points: [SearchResult]
        /// The points that no other dominates, by ascending latency and accuracy; no subnet twice.
        public let table: [SearchResult]
        public let evaluated: Int
        /// Of these, the subnets within their constraint, whose accuracy was predicted.
        public let accuracyEvaluations: Int
    }

    public let search: EvolutionSearch

    public init(_ search: EvolutionSearch) { self.search = search }

    /// `count` constraints from just above the fastest subnet's latency to the slowest's, by equal factors.
    /// - Precondition: `count` is within 1...`constraintLimit`.
    public func constraints(count: Int) -> [Double] {
        precondition((1...Self.constraintLimit).contains(count), "1...\(Self.constraintLimit) constraints")
        let range = search.latency.range
        let (low, high) = (range.lowerBound, range.upperBound)
        return (1...count).map { step in
            guard step < count else { return high }
            let share = Double(step) / Double(count)
            guard low > 0 else { return low + share * (high - low) }
            return low * power(high / low, share)
        }
    }

    /// Throws a `SearchRefusal` if any constraint has no result.
    ///
    /// - Parameter goesOn: asked before every generation; ends the current constraint's evolution when false.
    public func run(
        constraints: [Double], using generator: inout some RandomNumberGenerator, goesOn: () -> Bool = { true }
    ) throws -> Outcome {
        try run(constraints.map { SearchConstraint(latencyMilliseconds: $0) }, using: &generator, goesOn: goesOn)
    }

    /// - Parameters:
    ///   - candidates: how many of each constraint's last generation `found` is given.
    ///   - found: called after each constraint with its place in the list, its result and its candidates.
    ///   - missed: called with the place of a constraint for which there is no subnet, and why; its throwing ends the
    ///     run. Without it such a constraint ends the run. It draws no random numbers from `generator` where its limits
    ///     alone cannot be kept: the others' results are those of a run without it.
    /// - Throws: the last `SearchRefusal` where no constraint has a result.
    public func run(
        _ constraints: [SearchConstraint], candidates: Int = 1, using generator: inout some RandomNumberGenerator,
        goesOn: () -> Bool = { true }, found: (Int, SearchResult, [PredictedSubnet]) throws -> Void = { _, _, _ in },
        missed: (Int, SearchRefusal) throws -> Void = { throw $1 }
    ) throws -> Outcome {
        guard (1...Self.constraintLimit).contains(constraints.count) else {
            throw SearchRefusal.settings("\(constraints.count) constraints are outside 1...\(Self.constraintLimit)")
        }
        let latencies = constraints.map { $0.latencyMilliseconds ?? search.latency.range.upperBound }
        var results: [(place: Int, result: SearchResult)] = []
        var best: [SubnetConfiguration] = []
        var refusal: SearchRefusal?
        for place in constraints.indices.sorted(by: { (latencies[$0], $0) < (latencies[$1], $1) }) {
            let (result, others): (SearchResult, [PredictedSubnet])
            do {
                (result, others) = try search.search(
                    constraints[place], seeds: best, candidates: candidates, using: &generator, goesOn: goesOn)
            } catch let miss as SearchRefusal where miss.isOfOneConstraint {
                try missed(place, miss)
                refusal = miss
                continue
            }
            best = [result.configuration]
            results.append((place, result))
            try found(place, result, others)
        }
        if let refusal, results.isEmpty { throw refusal }
        let points = results.sorted { $0.place < $1.place }.map(\.result)
        return Outcome(
            points: points, table: Self.table(points), evaluated: points.reduce(0) { $0 + $1.evaluated },
            accuracyEvaluations: points.reduce(0) { $0 + $1.accuracyEvaluations })
    }

    static func table(_ points: [SearchResult]) -> [SearchResult] {
        ParetoFront.places(
            costs: points.map(\.predictedLatencyMilliseconds), values: points.map(\.predictedAccuracy)
        ).map { points[$0] }
    }

    /// `base` to the power of a share within 0...1, by repeated square roots: exact to the last bits of a Double, and
    /// the same on every platform.
    private func power(_ base: Double, _ share: Double) -> Double {
        var (result, root, rest) = (1.0, base, share)
        for _ in 0..<52 {
            root = root.squareRoot()
            rest *= 2
            if rest >= 1 {
                result *= root
                rest -= 1
            }
        }
        return result
    }
}
