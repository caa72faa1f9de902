public import FleetModel

/// What one model did on a board in one hour, or in several added up.
public struct BoardHourView: Codable, Equatable, Sendable {
    public var board: String
    public var model: String
    /// Start of the hour, or of the first, by the board's clock.
    public var startMilliseconds: UInt64
    public var windows: UInt64
    public var frames: UInt64
    public var dropped: UInt64
    public var violations: UInt64
    public var labelled: UInt64
    public var correct: UInt64
    public var switches: UInt64
    /// The highest of the windows'.
    public var p99Milliseconds: Double
    /// How long the windows lasted together.
    public var coveredMilliseconds: UInt64
    /// Frames within the constraint, of all that arrived, 0...1; `nil` where none came.
    public var sloAttainment: Double?
    /// Right answers, of the labelled frames, 0...1; `nil` where none was labelled.
    public var accuracy: Double?

    public init(board: String, _ hour: TelemetryHour) {
        self.board = board
        (model, startMilliseconds, windows) = (hour.model.rawValue, hour.startMilliseconds, hour.windows)
        (frames, dropped, violations) = (hour.frames, hour.dropped, hour.violations)
        (labelled, correct, switches) = (hour.labelled, hour.correct, hour.switches)
        (p99Milliseconds, coveredMilliseconds) = (hour.p99Milliseconds, hour.coveredMilliseconds)
        (sloAttainment, accuracy) = (hour.sloAttainment, hour.accuracy)
    }

    /// `nil` when the model's name is none.
    public var hour: TelemetryHour? {
        ModelName(model).map {
            TelemetryHour(
                model: $0, startMilliseconds: startMilliseconds, windows: windows, frames: frames, dropped: dropped,
                violations: violations, labelled: labelled, correct: correct, switches: switches,
                p99Milliseconds: p99Milliseconds, coveredMilliseconds: coveredMilliseconds)
        }
    }
}

/// From where on hours are wanted.
public enum HoursSince: Equatable, Sendable {
    /// Those that began then or later, milliseconds since 1970.
    case time(UInt64)
    /// So many times 24: the hour now and those before it.
    case days(Int)

    /// - Parameter now: milliseconds since 1970.
    /// - Returns: the earliest start of an hour that is meant.
    public func startMilliseconds(now: UInt64) -> UInt64 {
        switch self {
        case .time(let start): return start
        case .days(let days):
            let before = UInt64(max(1, days) * 24 - 1) * TelemetryHour.milliseconds
            let current = TelemetryHour.start(of: now)
            return current - min(current, before)
        }
    }
}
