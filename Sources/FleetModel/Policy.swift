/// What people want of the models on a set of boards; written as YAML, applied with `shoal apply -f`.
public struct Policy: Equatable, Codable, Sendable {
    public var name: String
    /// Boards that carry all these labels; empty selects every board.
    public var selector: [String: String]
    public var models: [ModelPolicy]

    public init(name: String, selector: [String: String], models: [ModelPolicy]) {
        self.name = name
        self.selector = selector
        self.models = models
    }

    public func selects(labels: [String: String]) -> Bool {
        selector.allSatisfy { labels[$0.key] == $0.value }
    }
}

/// One model's part of a policy.
public struct ModelPolicy: Equatable, Codable, Sendable {
    public var model: String
    public var latency: LatencyConstraint
    /// Top-1, 0...1, below which the model is not to be shrunk; `nil` sets no floor.
    public var accuracyFloor: Double?
    /// 1 (least) to 100; weighs the model's accuracy against that of its neighbours.
    public var priority: Int

    public init(model: String, latency: LatencyConstraint, accuracyFloor: Double?, priority: Int) {
        self.model = model
        self.latency = latency
        self.accuracyFloor = accuracyFloor
        self.priority = priority
    }
}

/// Latency from a frame's arrival to its result: at least `percentile` per cent of frames within `milliseconds`.
public struct LatencyConstraint: Equatable, Codable, Sendable {
    public var milliseconds: Double
    public var percentile: Double

    public init(milliseconds: Double, percentile: Double) {
        self.milliseconds = milliseconds
        self.percentile = percentile
    }
}
