/// Where a record stands in its board's telemetry: incarnations follow each other, sequences count within one.
public struct TelemetryPosition: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
    public var incarnation: UInt64
    public var sequence: UInt64

    public init(incarnation: UInt64, sequence: UInt64) {
        self.incarnation = incarnation
        self.sequence = sequence
    }

    public var description: String { "\(incarnation)/\(sequence)" }

    public static func < (left: TelemetryPosition, right: TelemetryPosition) -> Bool {
        (left.incarnation, left.sequence) < (right.incarnation, right.sequence)
    }
}

extension TelemetryRecord {
    public var position: TelemetryPosition { TelemetryPosition(incarnation: incarnation, sequence: sequence) }
}
