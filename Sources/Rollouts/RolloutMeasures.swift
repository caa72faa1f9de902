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
        /// Frames whose right answer is known, and those of them that were answered right.
        public var labelled: UInt64 = 0
        public var correct: UInt64 = 0
        /// Milliseconds times frames.
        public var p50Sum = 0.0
        public var p99Sum = 0.0

        public init() {}

        var accuracy: Double? { accuracyFrames == 0 ? nil : accuracySum / Double(accuracyFrames) }
        /// Of what was answered, where that can be told.
        var answered: Double? { labelled == 0 ? nil : Double(correct) / Double(labelled) }
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
            model.labelled += UInt64(window.labelled)
            model.correct += UInt64(window.correct)
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

extension RolloutMeasures.Model {
    private enum CodingKeys: String, CodingKey {
        case frames, arrived, kept, accuracySum, accuracyFrames, labelled, correct, p50Sum, p99Sum
    }

    /// What an earlier version stored knows nothing of labels.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        frames = try container.decode(UInt64.self, forKey: .frames)
        arrived = try container.decode(UInt64.self, forKey: .arrived)
        kept = try container.decode(UInt64.self, forKey: .kept)
        accuracySum = try container.decode(Double.self, forKey: .accuracySum)
        accuracyFrames = try container.decode(UInt64.self, forKey: .accuracyFrames)
        labelled = try container.decodeIfPresent(UInt64.self, forKey: .labelled) ?? 0
        correct = try container.decodeIfPresent(UInt64.self, forKey: .correct) ?? 0
        p50Sum = try container.decode(Double.self, forKey: .p50Sum)
        p99Sum = try container.decode(Double.self, forKey: .p99Sum)
    }
}
