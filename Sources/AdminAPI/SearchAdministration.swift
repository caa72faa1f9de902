public import FleetModel

/// Searches as people ask for them: part of `FleetAdministration`.
public protocol SearchAdministration: Sendable {
    /// In the order of application.
    func searches() async throws -> [SearchView]
    func submit(_ request: ApplyRequest, by actor: String) async throws -> SearchView
    func cancel(search: String, by actor: String) async throws -> SearchView
    /// By board class and model.
    func predictors() async throws -> [LatencyPredictorView]
}

/// One search and how far it is.
public struct SearchView: Codable, Equatable, Sendable {
    public var search: SearchRecord
    /// Generations bred for the constraint in work; `nil` unless it runs.
    public var generation: Int?

    public init(search: SearchRecord, generation: Int?) {
        self.search = search
        self.generation = generation
    }
}

/// What is known of one model's latency on one class of boards, from architectures that boards of it measured.
public struct LatencyPredictorView: Codable, Equatable, Sendable {
    /// One measured architecture.
    public struct Sample: Codable, Equatable, Sendable {
        public var board: String
        public var subnet: String
        public var measuredMilliseconds: Double
        /// By all other boards where there are any, and by the board's other architectures where not.
        public var predictedMilliseconds: Double
        public var isWithinMargin: Bool

        public init(
            board: String, subnet: String, measuredMilliseconds: Double, predictedMilliseconds: Double,
            isWithinMargin: Bool
        ) {
            self.board = board
            self.subnet = subnet
            self.measuredMilliseconds = measuredMilliseconds
            self.predictedMilliseconds = predictedMilliseconds
            self.isWithinMargin = isWithinMargin
        }
    }

    /// CLASS/MODEL.
    public var name: String
    public var boardClass: String
    public var model: String
    public var boards: [String]
    public var engineVersions: [String]
    /// What latency is predicted from: `latency table` of a search, or `FLOPs`.
    public var basis: String
    /// Milliseconds are `intercept + slope x basis`.
    public var intercept: Double?
    public var slope: Double?
    /// Half width of the stated interval, as a share of the predicted latency.
    public var relativeMargin: Double?
    /// The share of new measurements that the margin is to hold.
    public var statedCoverage: Double?
    /// The share of `samples` that it held when they were left out.
    public var coverage: Double?
    public var spearman: Double?
    public var medianRelativeError: Double?
    /// Why there is no prediction, where there is none.
    public var refusal: String?
    public var samples: [Sample]
    /// What other classes lend to one that has measured little itself; `nil` where nothing was measured on request, or
    /// where the class has enough of its own.
    public var transfer: LatencyTransferView?

    public init(
        name: String, boardClass: String, model: String, boards: [String], engineVersions: [String], basis: String
    ) {
        self.name = name
        self.boardClass = boardClass
        self.model = model
        self.boards = boards
        self.engineVersions = engineVersions
        self.basis = basis
        samples = []
    }
}

/// A class's predictor from a few subnets that it measured on request and from classes that behave alike.
public struct LatencyTransferView: Codable, Equatable, Sendable {
    /// A class that lends its measurements.
    public struct Source: Codable, Equatable, Sendable {
        public var boardClass: String
        public var engineVersion: String
        public var boards: [String]
        /// 0...1; all together 1.
        public var weight: Double
        /// Subnets that both measured.
        public var shared: Int
        public var measurements: Int
        /// How far the ratio of the two classes' latencies strays from its middle; `nil` where too little was measured.
        public var spread: Double?

        public init(
            boardClass: String, engineVersion: String, boards: [String], weight: Double, shared: Int,
            measurements: Int, spread: Double?
        ) {
            (self.boardClass, self.engineVersion, self.boards) = (boardClass, engineVersion, boards)
            (self.weight, self.shared) = (weight, shared)
            (self.measurements, self.spread) = (measurements, spread)
        }
    }

    /// Whether latencies of the class are predicted by it: once it has measured the first few.
    public var isUsed: Bool
    /// Subnets that the class measured on request, and is to have measured.
    public var measured: Int
    public var wanted: Int
    /// By falling weight.
    public var sources: [Source]
    /// Half width of the stated interval, as a share of the predicted latency; of the middle subnet.
    public var relativeMargin: Double?
    public var statedCoverage: Double
    /// Measurements that the fit had not seen, and of these those within the margin.
    public var checked: Int
    public var within: Int
    public var coverage: Double?
    public var spearman: Double?
    public var medianRelativeError: Double?
    /// Why there is no prediction.
    public var refusal: String?
    /// Operating points that the fit never saw.
    public var checks: [LatencyPredictorView.Sample]

    public init(
        isUsed: Bool, measured: Int, wanted: Int, sources: [Source], relativeMargin: Double?, statedCoverage: Double,
        checked: Int, within: Int, coverage: Double?, spearman: Double?, medianRelativeError: Double?,
        refusal: String?, checks: [LatencyPredictorView.Sample]
    ) {
        (self.isUsed, self.measured, self.wanted, self.sources) = (isUsed, measured, wanted, sources)
        (self.relativeMargin, self.statedCoverage) = (relativeMargin, statedCoverage)
        (self.checked, self.within, self.coverage) = (checked, within, coverage)
        (self.spearman, self.medianRelativeError) = (spearman, medianRelativeError)
        (self.refusal, self.checks) = (refusal, checks)
    }
}
