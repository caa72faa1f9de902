/// What a board says of itself when it connects.
public struct BoardDescription: Equatable, Codable, Sendable {
    public var id: BoardID
    /// Fingerprint of boards that behave alike: processor model, instruction sets and the CPU share given.
    public var boardClass: String
    public var labels: [String: String]
    /// CPU time the agent may use, in cores; 0.5 is half of one core.
    public var cores: Double
    public var memoryBytes: UInt64
    public var engineVersion: String
    /// Models on the board with what the board measured for their operating points.
    public var models: [DeployedModel]
    /// What its models cost each other, as measured there; `nil` where nothing was.
    public var interference: Interference?
    /// Power that its models may draw; `nil` where nobody said it.
    public var watts: Double?

    public init(
        id: BoardID, boardClass: String, labels: [String: String], cores: Double, memoryBytes: UInt64,
        engineVersion: String, models: [DeployedModel], interference: Interference? = nil, watts: Double? = nil
    ) {
        self.id = id
        self.boardClass = boardClass
        self.labels = labels
        self.cores = cores
        self.memoryBytes = memoryBytes
        self.engineVersion = engineVersion
        self.models = models
        self.interference = interference
        self.watts = watts
    }
}

/// A model on a board: its Pareto table with latencies measured there, and its load.
public struct DeployedModel: Equatable, Codable, Sendable {
    public var name: ModelName
    /// Frames per second that the stream brings.
    public var framesPerSecond: Double
    /// Operating points from fastest to most accurate.
    public var points: [OperatingPoint]
    /// Of the supernet that the model is part of, whose other subnets the board can measure; `nil` where it cannot.
    public var supernetSHA256: String?

    public init(
        name: ModelName, framesPerSecond: Double, points: [OperatingPoint], supernetSHA256: String? = nil
    ) {
        self.name = name
        self.framesPerSecond = framesPerSecond
        self.points = points
        self.supernetSHA256 = supernetSHA256
    }
}
