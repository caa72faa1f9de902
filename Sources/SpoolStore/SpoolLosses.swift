public import FleetModel

/// How many records of each incarnation were lost, and why.
public struct SpoolLosses: Equatable, Sendable {
    private var counts: [UInt64: [SpoolTelemetry.Loss: UInt64]] = [:]

    public init() {}

    public mutating func count(_ reason: SpoolTelemetry.Loss, _ records: UInt64 = 1, of incarnation: UInt64) {
        guard records > 0 else { return }
        counts[incarnation, default: [:]][reason, default: 0] += records
    }

    public mutating func count(_ reason: SpoolTelemetry.Loss, _ positions: some Sequence<TelemetryPosition>) {
        for position in positions { count(reason, of: position.incarnation) }
    }

    /// All reasons together.
    public subscript(incarnation: UInt64) -> UInt64 { counts[incarnation, default: [:]].values.reduce(0, +) }

    /// All incarnations together.
    public var total: [SpoolTelemetry.Loss: UInt64] {
        counts.values.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
    }

    public var isEmpty: Bool { counts.isEmpty }

    var rows: [(incarnation: UInt64, reason: SpoolTelemetry.Loss, records: UInt64)] {
        counts.flatMap { incarnation, reasons in reasons.map { (incarnation, $0.key, $0.value) } }
    }

    /// Keeps the newest incarnations apart; what was lost of older ones is counted together, under 0.
    mutating func folded(to limit: Int) {
        for incarnation in counts.keys.filter({ $0 > 0 }).sorted().dropLast(limit) {
            counts[0, default: [:]].merge(counts.removeValue(forKey: incarnation) ?? [:], uniquingKeysWith: +)
        }
    }
}
