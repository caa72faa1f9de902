public import FleetModel

/// Records that the coordinator has not acknowledged, oldest first, and what to send of them when.
///
/// A record leaves the spool when it is acknowledged, or when the spool is full and it is the oldest: then it is
/// counted as dropped. At most one batch is on its way; it is sent again after `retry`.
public struct TelemetrySpool<Instant: InstantProtocol>: Sendable where Instant: Sendable, Instant.Duration: Sendable {
    public struct Settings: Sendable {
        /// Records kept; the oldest are dropped beyond.
        public var limit: Int
        /// Records in one batch.
        public var batch: Int
        /// A batch that was not acknowledged for this long is sent again.
        public var retry: Instant.Duration

        public init(
            limit: Int = FleetLimits.unacknowledgedRecords, batch: Int = FleetLimits.recordsPerMessage,
            retry: Instant.Duration
        ) {
            self.limit = limit
            self.batch = batch
            self.retry = retry
        }
    }

    private let settings: Settings
    private let incarnation: UInt64
    private var records: [TelemetryRecord] = []
    private var awaited: (sequence: UInt64, since: Instant)?
    private var nextSequence: UInt64 = 1
    public private(set) var dropped: UInt64 = 0
    /// Highest sequence that the coordinator has made durable.
    public private(set) var acknowledged: UInt64 = 0

    public init(settings: Settings, incarnation: UInt64) {
        precondition(settings.limit > 0 && settings.batch > 0, "a spool holds and sends at least one record")
        self.settings = settings
        self.incarnation = incarnation
    }

    public var count: Int { records.count }

    /// Gives the record its name and keeps it.
    public mutating func recorded(_ record: TelemetryRecord) {
        var named = record
        named.incarnation = incarnation
        named.sequence = nextSequence
        nextSequence += 1
        records.append(named)
        if records.count > settings.limit {
            let excess = records.count - settings.limit
            records.removeFirst(excess)
            dropped += UInt64(excess)
        }
    }

    /// The batch to send now; empty when nothing is due.
    public mutating func batchDue(at now: Instant) -> [TelemetryRecord] {
        if let awaited, now < awaited.since.advanced(by: settings.retry) { return [] }
        let batch = Array(records.prefix(fittingCount))
        awaited = batch.last.map { ($0.sequence, now) }
        return batch
    }

    /// Oldest records that fit into one message together; at least one, which `FleetLimits` keep small enough.
    private var fittingCount: Int {
        var bytes = 0
        let fitting = records.prefix(settings.batch).prefix { record in
            bytes += record.encodedBytesBound
            return bytes <= FleetLimits.payloadBytes
        }
        return max(1, fitting.count)
    }

    /// The connection was lost or made anew: what was on its way may not have arrived.
    public mutating func connectionReset() { awaited = nil }

    /// Acknowledgements of other incarnations, of what is gone and of what was never sent change nothing.
    public mutating func acknowledged(incarnation: UInt64, sequence: UInt64) {
        guard incarnation == self.incarnation, sequence < nextSequence, sequence > acknowledged else { return }
        acknowledged = sequence
        records.removeAll { $0.sequence <= sequence }
        if let awaited, awaited.sequence <= sequence { self.awaited = nil }
    }
}

extension TelemetryRecord {
    /// No encoding of the record is longer: the widest value of every field with its tag, and the names.
    fileprivate var encodedBytesBound: Int {
        128
            + models.reduce(0) { sum, model in
                let hooks = model.hooks.map { hooks in
                    80 + hooks.reason.utf8.count + hooks.kinds.reduce(0) { $0 + 28 + $1.name.utf8.count }
                        + (hooks.zeros ?? []).reduce(0) { $0 + 16 + $1.step.utf8.count }
                }
                return sum + 96 + model.model.rawValue.utf8.count + (hooks ?? 0)
            }
    }
}
