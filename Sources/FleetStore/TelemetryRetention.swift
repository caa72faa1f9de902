public import FleetModel

/// What stays of telemetry, and for how long: windows by age, their sums by the hour for much longer. All fleet stores
/// conform; `TelemetryHourTests` and `TelemetryRetentionTests` run one suite over them. As in `FleetStore`, each method
/// is one transaction.
///
/// `appendTelemetry` adds each window to the hour that it began in, in the same transaction and once. At most
/// `FleetLimits.hoursPerModel` hours are kept of each model on a board: beyond, hours more than a day after the arrival
/// go first, which a wrong clock made, then the oldest. Of more than `FleetLimits.modelsWithHours` models, the one
/// whose newest hour is the oldest goes.
public protocol TelemetryRetention: Sendable {
    /// The first `limit` that began at `sinceMilliseconds` or later, by start and then model.
    func telemetryHours(board: BoardID, sinceMilliseconds: UInt64, limit: Int) async throws -> [TelemetryHour]

    /// Looks at the next records in the order of their arrival, at most `limit`, and removes those that arrived too
    /// long ago. What was acknowledged, gaps and hours stay as they are; so does a record above a gap, which its board
    /// still keeps and tells again.
    func removeTelemetry(_ page: RetentionPage) async throws -> RemovedTelemetry
}

/// A part of a pass over all telemetry.
public struct RetentionPage: Equatable, Sendable {
    /// Records that arrived earlier go. Milliseconds since 1970 by the coordinator's clock, as the next.
    public var receivedBeforeMilliseconds: UInt64
    public var nowMilliseconds: UInt64
    /// Where the last page ended; 0 to begin.
    public var after: UInt64
    /// Records to look at.
    public var limit: Int

    public init(receivedBeforeMilliseconds: UInt64, nowMilliseconds: UInt64, after: UInt64 = 0, limit: Int) {
        self.receivedBeforeMilliseconds = receivedBeforeMilliseconds
        self.nowMilliseconds = nowMilliseconds
        self.after = after
        self.limit = limit
    }

    /// Where to go on: `nil` after the last record, and after a page whose records are all too young. Records from a
    /// time when the coordinator's clock was ahead do not end a pass.
    package func next(last: UInt64?, received: [UInt64]) -> UInt64? {
        guard received.count >= limit, let last else { return nil }
        let goesOn = received.contains { $0 < receivedBeforeMilliseconds || $0 > nowMilliseconds }
        return goesOn ? last : nil
    }
}

public struct RemovedTelemetry: Equatable, Sendable {
    public var records: Int
    /// `nil` where the pass is over.
    public var next: UInt64?

    public init(records: Int, next: UInt64?) {
        self.records = records
        self.next = next
    }
}

/// Sums of a transaction's windows, so that each hour is written once.
package struct GatheredHours: Sendable {
    package struct Key: Hashable, Comparable, Sendable {
        package var board: BoardID
        package var model: ModelName
        package var startMilliseconds: UInt64

        package static func < (left: Key, right: Key) -> Bool {
            (left.board, left.model.rawValue, left.startMilliseconds)
                < (right.board, right.model.rawValue, right.startMilliseconds)
        }
    }

    /// Beyond the arrival, in milliseconds, what began is the work of a wrong clock.
    package static let aheadMilliseconds: UInt64 = 86_400_000

    package private(set) var hours: [Key: TelemetryHour] = [:]

    package init() {}

    /// - Parameter record: of the board; not added before.
    package mutating func add(_ record: TelemetryRecord, of board: BoardID) {
        for window in record.models {
            let hour = TelemetryHour(window, of: record)
            let key = Key(board: board, model: hour.model, startMilliseconds: hour.startMilliseconds)
            if hours[key]?.add(hour) == nil { hours[key] = hour }
        }
    }

    package var sorted: [(key: Key, hour: TelemetryHour)] {
        hours.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
