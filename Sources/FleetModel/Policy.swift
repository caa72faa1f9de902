/// What people want of the models on a set of boards; written as YAML, applied with `shoal apply -f`.
public struct Policy: Equatable, Codable, Sendable {
    public var name: String
    /// Boards that carry all these labels, `classLabel` standing for their class; empty selects every board.
    public var selector: [String: String]
    public var models: [ModelPolicy]
    /// What the models leave free on every board selected; `nil` leaves it to the coordinator and the board.
    public var reserve: BoardReserve?
    /// When it is in force; `nil` is always.
    public var windows: [PolicyWindow]?
    /// How often a model's operating point may rise or fall in a minute, on average; `nil` sets no limit.
    public var switchesPerMinute: Double?

    public init(
        name: String, selector: [String: String], models: [ModelPolicy], reserve: BoardReserve? = nil,
        windows: [PolicyWindow]? = nil, switchesPerMinute: Double? = nil
    ) {
        self.name = name
        self.selector = selector
        self.models = models
        self.reserve = reserve
        self.windows = windows
        self.switchesPerMinute = switchesPerMinute
    }

    /// In a selector, the class of a board that has no label of this name.
    public static let classLabel = "boardClass"

    public func selects(_ board: BoardDescription) -> Bool {
        selector.allSatisfy { board.carries(label: $0.key, $0.value) }
    }

    /// Whether it selects every board that the other selects.
    func selectsAll(of other: Policy) -> Bool { selector.allSatisfy { other.selector[$0.key] == $0.value } }
}

/// What a board's models leave to others.
public struct BoardReserve: Equatable, Codable, Sendable {
    /// Share of the CPU time, 0..<1; `nil` says nothing of it.
    public var cpu: Double?
    public var memoryBytes: UInt64
    public var watts: Double

    public init(cpu: Double? = nil, memoryBytes: UInt64 = 0, watts: Double = 0) {
        self.cpu = cpu
        self.memoryBytes = memoryBytes
        self.watts = watts
    }

    /// What satisfies both.
    public func joined(with other: BoardReserve?) -> BoardReserve {
        guard let other else { return self }
        return BoardReserve(
            cpu: [cpu, other.cpu].compactMap(\.self).max(), memoryBytes: max(memoryBytes, other.memoryBytes),
            watts: max(watts, other.watts))
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
    /// Largest share of the board's CPU time that the model may take, 0...1; `nil` sets no limit, as below.
    public var cpuShare: Double?
    /// Most memory that the model may take.
    public var memoryBytes: UInt64?
    /// Most energy that one frame may take.
    public var energyMillijoules: Double?

    public init(
        model: String, latency: LatencyConstraint, accuracyFloor: Double?, priority: Int, cpuShare: Double? = nil,
        memoryBytes: UInt64? = nil, energyMillijoules: Double? = nil
    ) {
        self.model = model
        self.latency = latency
        self.accuracyFloor = accuracyFloor
        self.priority = priority
        self.cpuShare = cpuShare
        self.memoryBytes = memoryBytes
        self.energyMillijoules = energyMillijoules
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
