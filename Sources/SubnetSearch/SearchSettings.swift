public import SearchSpace

/// How a search spends its effort. The defaults are Dynamic-OFA's but for the mutation probability.
public struct SearchSettings: Hashable, Codable, Sendable {
    /// Subnets bred per generation.
    public var population = 100
    /// The share of the population that breeds the next generation.
    public var parentRatio = 0.25
    /// The share of children that are mutants of one parent; the others cross two.
    public var mutationRatio = 0.5
    /// The chance of each dimension of a mutant to be drawn anew. Dynamic-OFA uses 0.4, which finds worse subnets.
    public var mutationProbability = 0.1
    public var generations = 100
    /// Generations without a better best after which a search ends; `nil` breeds all.
    public var patience: Int? = 10
    /// Accuracy (a fraction) by which a best is better.
    public var minimumGain = 1e-5
    /// The most candidates whose latency is predicted; `nil` leaves the generations as the only limit.
    public var evaluationLimit: Int?
    /// Predicted accuracy (a fraction) that every result reaches.
    public var accuracyFloor = 0.0
    /// Random draws without a hit after which subnets within the constraint are looked for in a directed way, or it is
    /// relaxed where there are none (`itr_n`).
    public var drawLimit = 2_000
    /// What a relaxed constraint is multiplied by.
    public var relaxationStep = 1.05
    /// Tries to breed one child that is new and meets the constraints, before the generation goes without it.
    public var attemptsPerChild = 20

    public init() {}

    /// Refuses values with which a search would not end or not begin.
    func validate() throws(SearchRefusal) {
        let checks: [(String, Bool)] = [
            ("population is outside 2...100000", (2...100_000).contains(population)),
            ("parentRatio is outside 0...1", parentRatio > 0 && parentRatio <= 1),
            ("mutationRatio is outside 0...1", (0...1).contains(mutationRatio)),
            ("mutationProbability is outside 0...1", (0...1).contains(mutationProbability)),
            ("generations is negative", generations >= 0),
            ("patience is not positive", patience.map { $0 > 0 } ?? true),
            ("minimumGain is negative", minimumGain >= 0 && minimumGain.isFinite),
            ("evaluationLimit is not positive", evaluationLimit.map { $0 > 0 } ?? true),
            ("accuracyFloor is not a number", accuracyFloor.isFinite),
            ("drawLimit is not positive", drawLimit > 0),
            ("relaxationStep is not above 1", relaxationStep.isFinite && relaxationStep > 1),
            ("attemptsPerChild is not positive", attemptsPerChild > 0),
        ]
        for (reason, holds) in checks where !holds { throw .settings(reason) }
    }
}

/// What a subnet may cost. Limits that are missing do not hold.
public struct SearchConstraint: Hashable, Codable, Sendable {
    /// Relaxed where no subnet is found within it; the only one that is.
    public var latencyMilliseconds: Double?
    public var flops: Double?
    /// As `MemoryCost` counts them.
    public var memoryBytes: Double?

    public init(latencyMilliseconds: Double? = nil, flops: Double? = nil, memoryBytes: Double? = nil) {
        self.latencyMilliseconds = latencyMilliseconds
        self.flops = flops
        self.memoryBytes = memoryBytes
    }
}

/// Why a search has no result.
public enum SearchRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    case settings(String)
    /// The two predictors do not speak of the same subnets.
    case differentSpaces(accuracy: String, latency: String)
    case invalidConstraint(Double)
    /// No subnet costs so little.
    case outOfReach(limit: Double, unit: String, least: Double)
    /// No subnet found reaches the accuracy floor, though latency was relaxed.
    case accuracyFloorNotReached(floor: Double, best: Double, FloorMiss)
    /// The evaluations were used up before any candidate met the constraint.
    case evaluationsUsedUp(latencyMilliseconds: Double, evaluated: Int)

    public var description: String {
        switch self {
        case .settings(let reason):
            "search settings: \(reason)"
        case .differentSpaces(let accuracy, let latency):
            "search: the accuracy predictor is for space \(accuracy), the latency predictor for \(latency)"
        case .invalidConstraint(let value):
            "search: \(value) ms is not a latency constraint"
        case .outOfReach(let limit, let unit, let least):
            "search: no subnet has at most \(limit) \(unit), the least is \(least)"
        case .accuracyFloorNotReached(let floor, let best, .atAnyLatency(let hasOtherLimits)):
            "search: no subnet of predicted accuracy \(floor) found at any latency"
                + (hasOtherLimits ? " within the other limits" : "") + ", the most accurate found has \(best)"
        case .accuracyFloorNotReached(let floor, let best, .ended(let latency)):
            "search: ended before a subnet of predicted accuracy \(floor) was found; the most accurate found has "
                + "\(best), the latency constraint stood at \(latency) ms"
        case .evaluationsUsedUp(let latency, let evaluated):
            "search: \(evaluated) candidates looked at, none within \(latency) ms and the other limits"
        }
    }

    /// Others of the same run may have a result.
    var isOfOneConstraint: Bool {
        switch self {
        case .outOfReach, .accuracyFloorNotReached, .evaluationsUsedUp: true
        case .settings, .differentSpaces, .invalidConstraint: false
        }
    }

    /// How an accuracy floor was missed.
    public enum FloorMiss: Equatable, Sendable {
        /// Whatever the latency; perhaps because other costs are limited.
        case atAnyLatency(hasOtherLimits: Bool)
        /// Time or evaluations were used up.
        case ended(latencyMilliseconds: Double)
    }
}

/// The best subnet that a search found for one latency constraint.
public struct SearchResult: Hashable, Codable, Sendable {
    /// The constraint as it was asked for, in milliseconds.
    public let latencyMilliseconds: Double
    public let configuration: SubnetConfiguration
    public let predictedAccuracy: Double
    public let predictedLatencyMilliseconds: Double
    /// The constraint that was searched instead, in milliseconds, where no subnet was found within the one asked for
    /// that reaches the accuracy floor.
    public let relaxedTo: Double?
    /// Which constraint could not be kept, and what the best within it is.
    public var relaxedBecause: String? = nil
    /// Candidates whose latency was predicted.
    public let evaluated: Int
    /// Candidates whose accuracy was predicted: those that met the latency constraint.
    public let accuracyEvaluations: Int
    /// Generations bred.
    public let generations: Int
}
