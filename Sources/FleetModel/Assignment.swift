/// What the coordinator wants a board to do. A higher generation replaces a lower one.
public struct Assignment: Equatable, Codable, Sendable {
    public var generation: UInt64
    public var models: [ModelAssignment]

    public init(generation: UInt64, models: [ModelAssignment]) {
        self.generation = generation
        self.models = models
    }
}

/// The envelope within which the board's runtime manager chooses. Points are positions in the board's table,
/// from fastest to most accurate.
public struct ModelAssignment: Equatable, Codable, Sendable {
    public var model: String
    public var latency: LatencyConstraint
    public var lowestPoint: Int
    public var highestPoint: Int
    /// Where to start; the point that fits the board's budget with all its models.
    public var preferredPoint: Int
    public var priority: Int
    /// How often the point may rise or fall in a minute, on average; `nil` sets no limit.
    public var switchesPerMinute: Double?
    /// Largest share of the board's CPU time that the model may take, 0...1; `nil` sets no limit.
    public var cpuShare: Double?

    /// More per minute than can be meant as a limit.
    public static let switchLimit = 30_000.0

    public init(
        model: String, latency: LatencyConstraint, lowestPoint: Int, highestPoint: Int, preferredPoint: Int,
        priority: Int, switchesPerMinute: Double? = nil, cpuShare: Double? = nil
    ) {
        self.model = model
        self.latency = latency
        self.lowestPoint = lowestPoint
        self.highestPoint = highestPoint
        self.preferredPoint = preferredPoint
        self.priority = priority
        self.switchesPerMinute = switchesPerMinute
        self.cpuShare = cpuShare
    }
}

extension Assignment {
    /// Whether a coordinator can have meant it; a file that was damaged may say anything.
    public var isSound: Bool {
        generation > 0 && models.count <= FleetLimits.modelsPerBoard
            && models.allSatisfy { model in
                (0..<FleetLimits.pointsPerModel).contains(model.highestPoint)
                    && (0...model.highestPoint).contains(model.lowestPoint)
                    && (model.lowestPoint...model.highestPoint).contains(model.preferredPoint)
                    && model.latency.milliseconds.isFinite && model.latency.milliseconds > 0
                    && (model.switchesPerMinute.map { (1...ModelAssignment.switchLimit).contains($0) } ?? true)
                    && (model.cpuShare.map { $0 > 0 && $0 <= 1 } ?? true)
            }
    }
}
