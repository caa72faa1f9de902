package import SearchSpace

/// One point of a search on this machine, as it is printed.
package struct SearchedPoint: Codable {
    package var latencyMilliseconds: Double
    package var configuration: SubnetConfiguration
    /// A fraction; a prediction beyond 0...1 is stated as the nearer end.
    package var predictedAccuracy: Double {
        didSet { predictedAccuracy = Self.fraction(predictedAccuracy) }
    }
    package var predictedLatencyMilliseconds: Double
    package var relaxedTo: Double?
    /// Which constraint could not be kept, where one is relaxed.
    package var relaxedBecause: String?
    package var flops: Double
    package var memoryBytes: Double
    /// Only of points that were to be verified: whether a measurement keeps the constraint, the median measured, and
    /// how many subnets were measured for the point.
    package var verified: Bool?
    package var measuredLatencyMilliseconds: Double?
    package var measurements: Int?
    /// Why it is not verified.
    package var reason: String?

    package init(
        latencyMilliseconds: Double, configuration: SubnetConfiguration, predictedAccuracy: Double,
        predictedLatencyMilliseconds: Double, relaxedTo: Double?, relaxedBecause: String? = nil, flops: Double,
        memoryBytes: Double
    ) {
        self.latencyMilliseconds = latencyMilliseconds
        self.configuration = configuration
        self.predictedAccuracy = Self.fraction(predictedAccuracy)
        self.predictedLatencyMilliseconds = predictedLatencyMilliseconds
        self.relaxedTo = relaxedTo
        self.relaxedBecause = relaxedBecause
        self.flops = flops
        self.memoryBytes = memoryBytes
    }

    /// What a predictor says of an accuracy, as a fraction: a regression may go beyond what can be.
    package static func fraction(_ predicted: Double) -> Double { min(max(predicted, 0), 1) }

    enum CodingKeys: String, CodingKey {
        case latencyMilliseconds, configuration, predictedAccuracy, predictedLatencyMilliseconds, relaxedTo
        case relaxedBecause, flops, memoryBytes, verified, measuredLatencyMilliseconds, measurements, reason
    }

    /// `relaxedTo` is always there, null where the constraint was kept.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(latencyMilliseconds, forKey: .latencyMilliseconds)
        try container.encode(configuration, forKey: .configuration)
        try container.encode(predictedAccuracy, forKey: .predictedAccuracy)
        try container.encode(predictedLatencyMilliseconds, forKey: .predictedLatencyMilliseconds)
        try container.encode(relaxedTo, forKey: .relaxedTo)
        try container.encodeIfPresent(relaxedBecause, forKey: .relaxedBecause)
        try container.encode(flops, forKey: .flops)
        try container.encode(memoryBytes, forKey: .memoryBytes)
        try container.encodeIfPresent(verified, forKey: .verified)
        try container.encodeIfPresent(measuredLatencyMilliseconds, forKey: .measuredLatencyMilliseconds)
        try container.encodeIfPresent(measurements, forKey: .measurements)
        try container.encodeIfPresent(reason, forKey: .reason)
    }
}

/// A search on this machine, as it is printed.
package struct SearchSummary: Codable {
    package var points: [SearchedPoint]
    package var evaluated: Int
    /// Of these, the subnets within their constraint, whose accuracy was predicted.
    package var accuracyEvaluations: Int
    package var seconds: Double
    /// Processor time of the same.
    package var processorSeconds: Double
    package var seed: UInt64
    package var space: String
    package var boardClass: String
    package var processor: String
    package var predictor: String
    /// Rank correlation on measured subnets that the predictor was not fitted to.
    package var predictorSpearman: Double?
    package var predictorMeanAbsoluteError: Double?
    /// Milliseconds times accuracy under the points' front, up to the slowest subnet's latency and down to the smallest
    /// subnet's predicted accuracy.
    package var hypervolume: Double
    /// Accuracies per second of processor time on one thread, where that was asked for.
    package var accuraciesPerSecond: Double?
    /// What the table's latencies were multiplied by before the search, because this machine measured as much; only of
    /// searches that were to be verified. 1 where the table was right.
    package var latencyScale: Double?
    /// Subnets measured for that.
    package var scaleMeasurements: Int?
    /// What the predictors say of subnets that were given, where they were.
    package var subnets: [SearchedPoint]?

    package init(
        points: [SearchedPoint], evaluated: Int, accuracyEvaluations: Int, seconds: Double, processorSeconds: Double,
        seed: UInt64, space: String, boardClass: String, processor: String, predictor: String,
        predictorSpearman: Double?, predictorMeanAbsoluteError: Double?, hypervolume: Double,
        accuraciesPerSecond: Double?
    ) {
        self.points = points
        self.evaluated = evaluated
        self.accuracyEvaluations = accuracyEvaluations
        self.seconds = seconds
        self.processorSeconds = processorSeconds
        self.seed = seed
        self.space = space
        self.boardClass = boardClass
        self.processor = processor
        self.predictor = predictor
        self.predictorSpearman = predictorSpearman
        self.predictorMeanAbsoluteError = predictorMeanAbsoluteError
        self.hypervolume = hypervolume
        self.accuraciesPerSecond = accuraciesPerSecond
    }
}
