/// What one model did on one board in one hour: the windows that began in it, added up.
public struct TelemetryHour: Equatable, Codable, Sendable {
    /// Milliseconds of an hour.
    public static let milliseconds: UInt64 = 3_600_000

    public var model: ModelName
    /// Start of the hour by the board's clock, milliseconds since 1970 (UTC).
    public var startMilliseconds: UInt64
    public var windows: UInt64
    public var frames: UInt64
    /// Frames that were overtaken by newer ones before they could run.
    public var dropped: UInt64
    /// Frames whose latency broke the constraint; never more than `frames`.
    public var violations: UInt64
    public var labelled: UInt64
    public var correct: UInt64
    public var switches: UInt64
    /// The highest of the windows' 99th percentiles; 0 when no window had a frame.
    public var p99Milliseconds: Double
    /// How long the windows lasted together.
    public var coveredMilliseconds: UInt64

    public init(
        model: ModelName, startMilliseconds: UInt64, windows: UInt64 = 0, frames: UInt64 = 0, dropped: UInt64 = 0,
        violations: UInt64 = 0, labelled: UInt64 = 0, correct: UInt64 = 0, switches: UInt64 = 0,
        p99Milliseconds: Double = 0, coveredMilliseconds: UInt64 = 0
    ) {
        (self.model, self.startMilliseconds, self.windows) = (model, startMilliseconds, windows)
        (self.frames, self.dropped, self.violations) = (frames, dropped, violations)
        (self.labelled, self.correct, self.switches) = (labelled, correct, switches)
        (self.p99Milliseconds, self.coveredMilliseconds) = (p99Milliseconds, coveredMilliseconds)
    }

    /// One window alone.
    public init(_ window: ModelTelemetry, of record: TelemetryRecord) {
        self.init(
            model: window.model, startMilliseconds: Self.start(of: record.startMilliseconds), windows: 1,
            frames: UInt64(window.frames), dropped: UInt64(window.dropped),
            violations: UInt64(min(window.violations, window.frames)), labelled: UInt64(window.labelled),
            correct: UInt64(window.correct), switches: UInt64(window.switches),
            p99Milliseconds: window.p99Milliseconds, coveredMilliseconds: UInt64(record.durationMilliseconds))
    }

    /// Start of the hour that holds the time; both in milliseconds since 1970.
    public static func start(of time: UInt64) -> UInt64 { time - time % milliseconds }

    /// Adds what other windows of the model did; the start stays.
    public mutating func add(_ other: TelemetryHour) {
        windows &+= other.windows
        frames &+= other.frames
        dropped &+= other.dropped
        violations &+= other.violations
        labelled &+= other.labelled
        correct &+= other.correct
        switches &+= other.switches
        p99Milliseconds = max(p99Milliseconds, other.p99Milliseconds)
        coveredMilliseconds &+= other.coveredMilliseconds
    }

    /// Share of the frames that came which kept the constraint, 0...1; `nil` when none came.
    public var sloAttainment: Double? {
        let arrived = frames + dropped
        return arrived == 0 ? nil : Double(frames - min(violations, frames)) / Double(arrived)
    }

    /// Top-1 over labelled frames, 0...1; `nil` when none was labelled.
    public var accuracy: Double? { labelled == 0 ? nil : Double(correct) / Double(labelled) }
}

extension Sequence<TelemetryHour> {
    /// One value for each model, in the order of names; each starts with its first hour.
    public func byModel() -> [TelemetryHour] {
        var sums: [ModelName: TelemetryHour] = [:]
        for hour in self {
            guard var sum = sums[hour.model] else {
                sums[hour.model] = hour
                continue
            }
            sum.add(hour)
            sum.startMilliseconds = Swift.min(sum.startMilliseconds, hour.startMilliseconds)
            sums[hour.model] = sum
        }
        return sums.values.sorted { $0.model.rawValue < $1.model.rawValue }
    }
}
