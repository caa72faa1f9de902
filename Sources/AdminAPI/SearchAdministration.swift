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
