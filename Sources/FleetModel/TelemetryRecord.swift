/// What a board measured in one window. `(board, incarnation, sequence)` names a record for ever.
public struct TelemetryRecord: Equatable, Codable, Sendable {
    /// Rises with every start of the agent on its board.
    public var incarnation: UInt64
    /// From 1, without gaps, within an incarnation.
    public var sequence: UInt64
    /// Start of the window by the board's clock, milliseconds since 1970.
    public var startMilliseconds: UInt64
    public var durationMilliseconds: UInt32
    /// Generation of the assignment in force at the end of the window; 0 when there is none.
    public var generation: UInt64
    public var models: [ModelTelemetry]
    public var board: BoardTelemetry

    public init(
        incarnation: UInt64, sequence: UInt64, startMilliseconds: UInt64, durationMilliseconds: UInt32,
        generation: UInt64, models: [ModelTelemetry], board: BoardTelemetry
    ) {
        self.incarnation = incarnation
        self.sequence = sequence
        self.startMilliseconds = startMilliseconds
        self.durationMilliseconds = durationMilliseconds
        self.generation = generation
        self.models = models
        self.board = board
    }
}

/// One model in one window. All counts are of this window alone.
public struct ModelTelemetry: Equatable, Codable, Sendable {
    public var model: ModelName
    public var frames: UInt32
    /// Frames that were overtaken by newer ones before they could run.
    public var dropped: UInt32
    /// Frames answered later than the constraint, or than the deadline that came with them; dropped frames are counted
    /// apart.
    public var violations: UInt32
    public var labelled: UInt32
    /// Of the labelled frames, those with the right class first.
    public var correct: UInt32
    public var switches: UInt32
    /// Position in the board's table of the point that the last frame until the end of the window ran at.
    public var activePoint: UInt32
    /// From arrival to result; 0 when the window had no frame.
    public var p50Milliseconds: Double
    public var p90Milliseconds: Double
    public var p99Milliseconds: Double
    /// The constraint in force at the end of the window; 0 when there is none.
    public var constraintMilliseconds: Double
    /// `nil` where the model has no hooks.
    public var hooks: HookTelemetry?

    public init(
        model: ModelName, frames: UInt32, dropped: UInt32, violations: UInt32, labelled: UInt32, correct: UInt32,
        switches: UInt32, activePoint: UInt32, p50Milliseconds: Double, p90Milliseconds: Double,
        p99Milliseconds: Double, constraintMilliseconds: Double, hooks: HookTelemetry? = nil
    ) {
        self.model = model
        self.frames = frames
        self.dropped = dropped
        self.violations = violations
        self.labelled = labelled
        self.correct = correct
        self.switches = switches
        self.activePoint = activePoint
        self.p50Milliseconds = p50Milliseconds
        self.p90Milliseconds = p90Milliseconds
        self.p99Milliseconds = p99Milliseconds
        self.constraintMilliseconds = constraintMilliseconds
        self.hooks = hooks
    }
}

/// The board itself in one window. `nil` where the board has no such sensor.
public struct BoardTelemetry: Equatable, Codable, Sendable {
    /// Resident memory of the agent.
    public var memoryBytes: UInt64
    /// Busy share of the agent's processors, 0...1, by all programs.
    public var cpuLoad: Double?
    public var cpuFrequencyMegahertz: Double?
    public var temperatureCelsius: Double?
    /// Records of this incarnation that the agent has lost before they were acknowledged, whatever the reason.
    public var droppedRecords: UInt64
    /// `nil` from agents that do not tell.
    public var spool: SpoolTelemetry?
    /// `nil` while no model's share of the CPU time is limited, and from agents that do not tell.
    public var shares: ShareTelemetry?
    /// The clock that the processors run at, or may run at, over that at which points were measured; `nil` where the
    /// kernel does not tell.
    public var clockShare: Double?

    public init(
        memoryBytes: UInt64, cpuLoad: Double?, cpuFrequencyMegahertz: Double?, temperatureCelsius: Double?,
        droppedRecords: UInt64, spool: SpoolTelemetry? = nil, shares: ShareTelemetry? = nil,
        clockShare: Double? = nil
    ) {
        self.spool = spool
        self.shares = shares
        self.clockShare = clockShare
        self.memoryBytes = memoryBytes
        self.cpuLoad = cpuLoad
        self.cpuFrequencyMegahertz = cpuFrequencyMegahertz
        self.temperatureCelsius = temperatureCelsius
        self.droppedRecords = droppedRecords
    }
}

extension ModelTelemetry {
    /// Frames that came, computed or not.
    public var arrived: UInt64 { UInt64(frames) + UInt64(dropped) }
    /// Frames that kept the constraint, and their own deadline.
    public var kept: UInt64 { UInt64(frames) - UInt64(min(violations, frames)) }
}

extension Sequence<ModelTelemetry> {
    /// Share of the frames that came under a constraint which kept it; `nil` when none came.
    public var sloAttainment: Double? {
        reduce(into: Attainment()) { $0.add(Attainment($1, pointAccuracy: nil)) }.sloAttainment
    }

    /// Top-1 over labelled frames; `nil` when none was labelled.
    public var accuracy: Double? {
        let labelled = reduce(0) { $0 + UInt64($1.labelled) }
        return labelled == 0 ? nil : Double(reduce(0) { $0 + UInt64($1.correct) }) / Double(labelled)
    }
}
