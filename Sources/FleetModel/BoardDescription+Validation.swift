/// Why a board's description of itself cannot be used.
public struct BoardRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public let field: String
    public let reason: String

    public init(field: String, reason: String) {
        self.field = field
        self.reason = reason
    }

    public var description: String { "\(field): \(reason)" }
}

extension BoardDescription {
    /// The most cores a board may claim.
    public static let coreLimit = 4_096.0
    /// The most frames per second a stream may bring.
    public static let frameRateLimit = 100_000.0

    /// The longest latency an operating point may have; together with the frame rate it keeps sums finite.
    public static let latencyLimitMilliseconds = 3_600_000.0

    /// The most power a board may claim for its models.
    public static let wattLimit = 1e6

    /// Refuses a description that no board can have: beyond `FleetLimits` or the limits here, or not finite. Points
    /// may be out of order by a little, because a board measures their latencies anew.
    public func validate() throws(BoardRefusal) {
        try require(cores.isFinite && cores > 0 && cores <= Self.coreLimit, "cores", "\(cores) is not a count of cores")
        try require(
            watts.map { (0...Self.wattLimit).contains($0) } ?? true, "watts", "is no power that a board can have")
        try require(!boardClass.isEmpty && boardClass.utf8.count <= FleetLimits.textBytes, "boardClass", "bad length")
        try require(engineVersion.utf8.count <= FleetLimits.textBytes, "engineVersion", "too long")
        try require(
            labels.count <= FleetLimits.labelsPerBoard, "labels", "more than \(FleetLimits.labelsPerBoard) labels")
        for (key, value) in labels {
            let fits = !key.isEmpty && max(key.utf8.count, value.utf8.count) <= FleetLimits.labelBytes
            try require(fits, "labels", "a key or value is empty or over \(FleetLimits.labelBytes) bytes")
        }
        try require(
            models.count <= FleetLimits.modelsPerBoard, "models", "more than \(FleetLimits.modelsPerBoard) models")
        try require(Set(models.map(\.name)).count == models.count, "models", "a model is named twice")
        for model in models { try model.validate() }
        let names = Set(models.map(\.name.rawValue))
        for (model, row) in interference?.factors ?? [:] {
            let isKnown = names.contains(model) && row.keys.allSatisfy { names.contains($0) && $0 != model }
            try require(isKnown, "interference", "speaks of models that the board has not")
            try require(
                row.values.allSatisfy(Interference.factorRange.contains), "interference.\(model)",
                "a model takes \(Interference.factorRange) times as long beside another")
        }
    }

    private func require(_ holds: Bool, _ field: String, _ reason: String) throws(BoardRefusal) {
        guard holds else { throw BoardRefusal(field: field, reason: reason) }
    }
}

extension DeployedModel {
    fileprivate func validate() throws(BoardRefusal) {
        func require(_ holds: Bool, _ reason: String) throws(BoardRefusal) {
            guard holds else { throw BoardRefusal(field: "models.\(name)", reason: reason) }
        }
        try require((1...FleetLimits.pointsPerModel).contains(points.count), "has \(points.count) operating points")
        try require(
            framesPerSecond.isFinite && framesPerSecond > 0 && framesPerSecond <= BoardDescription.frameRateLimit,
            "\(framesPerSecond) is not a frame rate")
        for (index, point) in points.enumerated() {
            do { try point.validate() } catch {
                throw BoardRefusal(field: "models.\(name)", reason: "\(error.at("points[\(index)]"))")
            }
        }
    }
}
