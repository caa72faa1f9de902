public import SearchSpace

/// What measuring the points of a search has shown: part of a `SearchRecord`.
public struct SearchVerification: Equatable, Codable, Sendable {
    /// One subnet on one board, or in a held-back table.
    public struct Measurement: Equatable, Codable, Sendable {
        /// Place of the constraint that it was measured for.
        public var constraint: Int
        public var configuration: SubnetConfiguration
        public var predictedLatencyMilliseconds: Double
        /// `nil` where it is from a held-back table.
        public var board: BoardID?
        /// Median of the medians of batches; `nil` where the board could not measure it.
        public var medianMilliseconds: Double?
        public var lowestMilliseconds: Double?
        public var highestMilliseconds: Double?
        public var batches: Int
        /// Why the board could not.
        public var refusal: String?
        public var atMilliseconds: UInt64

        public init(
            constraint: Int, configuration: SubnetConfiguration, predictedLatencyMilliseconds: Double,
            board: BoardID?, atMilliseconds: UInt64
        ) {
            self.constraint = constraint
            self.configuration = configuration
            self.predictedLatencyMilliseconds = predictedLatencyMilliseconds
            self.board = board
            self.atMilliseconds = atMilliseconds
            batches = 0
        }
    }

    /// A point whose measured latency keeps its constraint.
    public struct Point: Equatable, Codable, Sendable {
        public var constraint: Int
        public var configuration: SubnetConfiguration
        public var predictedAccuracy: Double
        public var predictedLatencyMilliseconds: Double
        public var measuredLatencyMilliseconds: Double
        public var flops: Double
        /// Made for this constraint.
        public var measurements: Int

        public init(
            constraint: Int, configuration: SubnetConfiguration, predictedAccuracy: Double,
            predictedLatencyMilliseconds: Double, measuredLatencyMilliseconds: Double, flops: Double, measurements: Int
        ) {
            self.constraint = constraint
            self.configuration = configuration
            self.predictedAccuracy = predictedAccuracy
            self.predictedLatencyMilliseconds = predictedLatencyMilliseconds
            self.measuredLatencyMilliseconds = measuredLatencyMilliseconds
            self.flops = flops
            self.measurements = measurements
        }
    }

    /// A constraint for which no measured subnet kept it.
    public struct LeftOut: Equatable, Codable, Sendable {
        public var constraint: Int
        public var reason: String

        public init(constraint: Int, reason: String) {
            self.constraint = constraint
            self.reason = reason
        }
    }

    /// A board that was asked and gave nothing.
    public struct Failure: Equatable, Codable, Sendable {
        public var board: BoardID
        public var reason: String

        public init(board: BoardID, reason: String) {
            self.board = board
            self.reason = reason
        }
    }

    /// Whether every point is published or left out by measurement.
    public var verified: Bool
    /// Why it is not, once that is decided.
    public var refusal: String?
    /// `boards`, or the path of a held-back table.
    public var against: String
    public var measurements: [Measurement]
    /// In the order of the constraints.
    public var points: [Point]
    public var leftOut: [LeftOut]
    /// The newest, at most `failureLimit`.
    public var failures: [Failure]

    public static let failureLimit = 16
    public static let boards = "boards"

    public init(against: String, refusal: String? = nil) {
        self.against = against
        self.refusal = refusal
        verified = false
        measurements = []
        points = []
        leftOut = []
        failures = []
    }

    /// Whether nothing is left to measure.
    public var isOver: Bool { verified || refusal != nil }
}

extension SearchRecord {
    /// The table of a verified search, as agents read it: only points that keep their constraint where measured, with
    /// measured latencies and predicted accuracies; `nil` before.
    public var table: ParetoTable? {
        guard let verification, verification.verified else { return nil }
        let points = verification.points.map { point in
            OperatingPoint(
                configuration: point.configuration, accuracy: min(max(point.predictedAccuracy, 0), 1),
                latencyMilliseconds: point.measuredLatencyMilliseconds, flops: Int(point.flops))
        }
        return ParetoTable(
            model: job.model, boardClass: job.boardClass, processor: job.processor, seed: job.seed,
            points: ParetoTable.paretoFront(of: points))
    }
}
