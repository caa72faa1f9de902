package import FleetModel

/// Follows how far one incarnation's records are durable, as they arrive in any order.
///
/// An agent whose spool is full drops its oldest records for good and reports how many, so a gap is passed over once
/// the agent has reported that many drops; otherwise one long absence would stop acknowledgements for ever. A drop
/// that the agent reports for a record that had arrived after all can make this pass over a gap too early; the gap
/// stays visible in `TelemetryCount`.
package struct TelemetryProgress: Equatable, Sendable {
    package var contiguous: UInt64
    /// Sequences passed over as dropped.
    package var passed: UInt64
    /// The most drops that the agent has reported.
    package var dropped: UInt64
    package var highest: UInt64
    /// Records that ever arrived.
    package var stored: UInt64
    /// Records up to this one were acknowledged, and some of them removed since: what is told of them again is not new.
    /// Never above `contiguous`.
    package var removed: UInt64

    package init(
        contiguous: UInt64 = 0, passed: UInt64 = 0, dropped: UInt64 = 0, highest: UInt64 = 0, stored: UInt64 = 0,
        removed: UInt64 = 0
    ) {
        self.contiguous = contiguous
        self.passed = passed
        self.dropped = dropped
        self.highest = highest
        self.stored = stored
        self.removed = removed
    }

    package var gaps: UInt64 { highest - min(stored, highest) }

    package mutating func recordStored(_ record: TelemetryRecord) {
        stored += 1
        highest = max(highest, record.sequence)
        dropped = max(dropped, record.board.droppedRecords)
    }

    package func mayBeNew(_ record: TelemetryRecord) -> Bool { record.sequence > removed }

    package mutating func recordRemoved(_ sequence: UInt64) { removed = max(removed, min(sequence, contiguous)) }

    /// `next`: the lowest stored sequence above the given one.
    package mutating func advance(next: (UInt64) throws -> UInt64?) rethrows {
        while let sequence = try next(contiguous) {
            let gap = sequence - contiguous - 1
            guard gap <= dropped - min(passed, dropped) else { return }
            passed += gap
            contiguous = sequence
        }
    }
}
