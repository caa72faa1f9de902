public import FleetModel

/// What one board measured over some windows of telemetry, in sums that can be added up. Latencies are means of the
/// windows' percentiles, weighed by frames: percentiles themselves cannot be merged.
public struct RolloutMeasures: Equatable, Codable, Sendable {
    public struct Model: Equatable, Codable, Sendable {
        /// Computed.
        public var frames: UInt64 = 0
        /// Computed or dropped.
        public var arrived: UInt64 = 0
        /// Within the constraint.
        public var kept: UInt64 = 0
        /// Of the active points, times frames of windows whose point is known.
        public var accuracySum = 0.0
        public var accuracyFrames: UInt64 = 0
        /// Milliseconds times frames.
        public var p50Sum = 0.0
        public var p99Sum = 0.0

        public init() {}

        var accuracy: Double? { accuracyFrames == 0 ? nil : accuracySum / Double(accuracyFrames) }
        var attainment: Double? { arrived == 0 ? nil : Double(kept) / Double(arrived) }
        var p50: Double? { frames == 0 ? nil : p50Sum / Double(frames) }
        var p99: Double? { frames == 0 ? nil : p99Sum / Double(frames) }
    }

    /// By model.
    public var models: [String: Model] = [:]
    /// That the windows lasted.
    public var milliseconds: UInt64 = 0
    /// Starts of the agent after the first window.
    public var restarts: UInt64 = 0

    public init() {}

    /// One more window.
    /// - Parameter board: as it describes itself, for the accuracy of its operating points.
    public mutating func add(_ record: TelemetryRecord, of board: BoardDescription) {
        milliseconds += UInt64(record.durationMilliseconds)
        for window in record.models {
            var model = models[window.model.rawValue] ?? Model()
            model.frames += UInt64(window.frames)
            model.arrived += window.arrived
            model.kept += window.kept
            model.p50Sum += window.p50Milliseconds * Double(window.frames)
            model.p99Sum += window.p99Milliseconds * Double(window.frames)
            let points = board.models.first { $0.name == window.model }?.points ?? []
            if let point = Int(exactly: window.activePoint), points.indices.contains(point) {
                model.accuracySum += points[point].accuracy * Double(window.frames)
                model.accuracyFrames += UInt64(window.frames)
            }
            models[window.model.rawValue] = model
        }
    }

    /// What a board measured before, from records in any order.
    public init(_ records: [TelemetryRecord], of board: BoardDescription) {
        for record in records { add(record, of: board) }
        let starts = records.map(\.incarnation)
        restarts = (starts.max() ?? 0) - (starts.min() ?? 0)
    }
}
