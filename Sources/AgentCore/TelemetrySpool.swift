public import FleetModel

/// Which records wait for the coordinator, what to send of them when, and what has to go. Pure: the records are kept
/// by the shell, this holds their names and sizes.
///
/// All that waits when a session begins is the *backlog*. It leaves in order, one batch on its way at a time, and with
/// pauses: at least `pause`, and `rest` times as long as the last answer took, so that many boards that come back at
/// once leave the coordinator the larger part of its time. Records made during the session are *live* and leave as they
/// come, beside the backlog. Once that is through, everything goes in order again, a batch at a time without pauses.
///
/// A record leaves the spool when it is acknowledged, when it is lost, or when the spool is full and it is the oldest.
/// An acknowledgement counts only for what was sent since the start: the coordinator passes over gaps that it takes for
/// dropped, and must not make this forget what it has never seen.
public struct TelemetrySpool<Instant: InstantProtocol>: Sendable
where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        /// Of the records' encodings; the oldest are dropped beyond.
        public var byteLimit: Int
        /// Records in one batch.
        public var batch: Int
        /// Bytes of one batch's payload.
        public var batchBytes = FleetLimits.payloadBytes
        /// A batch that was not acknowledged for this long is sent again; doubles up to `longestRetry`.
        public var retry: Duration
        public var longestRetry: Duration = .seconds(30)
        /// Between an answer and the next batch of the backlog, at least.
        public var pause: Duration = .milliseconds(250)
        /// The same, as a multiple of the time that the answer took.
        public var rest = 3

        public init(
            byteLimit: Int = FleetLimits.spoolBytes, batch: Int = FleetLimits.recordsPerMessage,
            retry: Duration = .seconds(2)
        ) {
            self.byteLimit = byteLimit
            self.batch = batch
            self.retry = retry
        }
    }

    /// A record that waits.
    public struct Entry: Equatable, Sendable {
        public var position: TelemetryPosition
        /// Of its encoding.
        public var bytes: Int

        public init(position: TelemetryPosition, bytes: Int) { (self.position, self.bytes) = (position, bytes) }
    }

    private struct Kept: Sendable {
        var entry: Entry
        /// Since the start.
        var wasSent = false
        /// Since the session began.
        var isOnItsWay = false
    }

    /// Between records in a message: tag, length, and what a count of drops grows by after the record was measured.
    private static var recordOverhead: Int { 24 }

    private let settings: Settings
    private let incarnation: UInt64
    private var kept: [Kept]
    private var awaited: (last: TelemetryPosition, since: Instant, attempt: Int)?
    private var backlogEnd: TelemetryPosition?
    private var restsUntil: Instant?
    private var liveSent: (last: TelemetryPosition, at: Instant)?
    private var nextSequence: UInt64 = 1
    /// Of the records that wait.
    public private(set) var bytes: Int
    /// Highest sequence of this incarnation that the coordinator has made durable.
    public private(set) var acknowledged: UInt64 = 0

    /// - Parameter stored: What is left of earlier incarnations.
    public init(settings: Settings, incarnation: UInt64, stored: [Entry] = []) {
        precondition(settings.byteLimit > 0 && settings.batch > 0, "a spool holds and sends at least one record")
        precondition(
            stored.allSatisfy { $0.position.incarnation < incarnation }, "a stored record is of an earlier incarnation")
        self.settings = settings
        self.incarnation = incarnation
        kept = stored.sorted { $0.position < $1.position }.map { Kept(entry: $0) }
        bytes = stored.reduce(0) { $0 + $1.bytes }
    }

    public var count: Int { kept.count }
    public var positions: [TelemetryPosition] { kept.map(\.entry.position) }
    /// The name of the record that comes next.
    public var nextPosition: TelemetryPosition { .init(incarnation: incarnation, sequence: nextSequence) }

    // MARK: Records come and go

    /// The record of `nextPosition` waits from now on.
    /// - Returns: The oldest, which have to go for it.
    public mutating func recorded(bytes size: Int) -> [TelemetryPosition] {
        kept.append(Kept(entry: Entry(position: nextPosition, bytes: size)))
        bytes += size
        nextSequence += 1
        return trimmed()
    }

    /// Drops the oldest beyond the limit; the newest always stays.
    public mutating func trimmed() -> [TelemetryPosition] {
        var excess = bytes - settings.byteLimit
        let dropped = kept.dropLast().prefix { one in
            defer { excess -= one.entry.bytes }
            return excess > 0
        }
        let positions = dropped.map(\.entry.position)
        remove { $0 <= positions.last ?? TelemetryPosition(incarnation: 0, sequence: 0) }
        return positions
    }

    /// The shell has them no more.
    public mutating func lost(_ positions: Set<TelemetryPosition>) {
        remove { positions.contains($0) }
        endWait(at: nil)
    }

    /// The session began or ended: what was on its way may not have arrived.
    public mutating func connectionReset() {
        awaited = nil
        liveSent = nil
        restsUntil = nil
        backlogEnd = kept.last?.entry.position
        for index in kept.indices { kept[index].isOnItsWay = false }
    }

    /// Acknowledgements of what is gone and of what was never sent change nothing.
    /// - Returns: What need not be kept any longer.
    public mutating func acknowledged(incarnation: UInt64, sequence: UInt64, at now: Instant) -> [TelemetryPosition] {
        let isOf = { (kept: Kept) in
            kept.wasSent && kept.entry.position.incarnation == incarnation && kept.entry.position.sequence <= sequence
        }
        let durable = kept.filter(isOf).map(\.entry.position)
        if incarnation == self.incarnation, let last = durable.last {
            acknowledged = max(acknowledged, last.sequence)
        }
        let gone = Set(durable)
        remove { gone.contains($0) }
        endWait(at: now)
        return durable
    }

    private mutating func remove(_ isGone: (TelemetryPosition) -> Bool) {
        bytes -= kept.reduce(0) { $0 + (isGone($1.entry.position) ? $1.entry.bytes : 0) }
        kept.removeAll { isGone($0.entry.position) }
    }

    /// The batch on its way is answered once nothing of it waits any more.
    private mutating func endWait(at now: Instant?) {
        guard let awaited, kept.first.map({ $0.entry.position > awaited.last }) ?? true else { return }
        self.awaited = nil
        guard let now, hasBacklog else { return }
        restsUntil = now.advanced(by: max(settings.pause, awaited.since.duration(to: now) * settings.rest))
    }

    // MARK: Sending

    private var hasBacklog: Bool {
        guard let backlogEnd, let first = kept.first else { return false }
        return first.entry.position <= backlogEnd
    }

    /// What to send now, in messages; none when nothing is due.
    public mutating func batchesDue(at now: Instant) -> [[TelemetryPosition]] {
        guard hasBacklog, let backlogEnd else {
            if backlogEnd != nil { backlogDelivered() }
            return [batchDue(kept.indices, at: now)].filter { !$0.isEmpty }
        }
        let live = kept.firstIndex { $0.entry.position > backlogEnd } ?? kept.endIndex
        let fresh = kept[live...].firstIndex { !$0.isOnItsWay } ?? kept.endIndex
        let liveBatch = batch(fresh..<kept.endIndex)
        if let last = liveBatch.last { liveSent = (last, now) }
        if let restsUntil, now < restsUntil { return [liveBatch].filter { !$0.isEmpty } }
        return [liveBatch, batchDue(0..<live, at: now)].filter { !$0.isEmpty }
    }

    /// What live records are still on their way are waited for like a batch.
    private mutating func backlogDelivered() {
        backlogEnd = nil
        restsUntil = nil
        guard let liveSent, kept.contains(where: { $0.entry.position <= liveSent.last }) else { return }
        awaited = (liveSent.last, liveSent.at, 1)
    }

    private mutating func batchDue(_ lane: Range<Int>, at now: Instant) -> [TelemetryPosition] {
        let attempt = (awaited?.attempt ?? 0) + 1
        if let awaited, now < awaited.since.advanced(by: patience(awaited.attempt)) { return [] }
        let batch = batch(lane)
        awaited = batch.last.map { ($0, now, attempt) }
        return batch
    }

    private func patience(_ attempt: Int) -> Duration {
        min(settings.longestRetry, settings.retry * (1 << min(attempt - 1, 10)))
    }

    /// The first records of the lane that fit into one message together; at least one, which `FleetLimits` keep small
    /// enough.
    private mutating func batch(_ lane: Range<Int>) -> [TelemetryPosition] {
        var size = 0
        let fitting = kept[lane].prefix(settings.batch).prefix { one in
            size += one.entry.bytes + Self.recordOverhead
            return size <= settings.batchBytes
        }
        let taken = lane.prefix(max(1, fitting.count))
        for index in taken { (kept[index].wasSent, kept[index].isOnItsWay) = (true, true) }
        return taken.map { kept[$0].entry.position }
    }
}
