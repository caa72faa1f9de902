import FleetModel

/// Follows how far one incarnation's records are durable, as they arrive in any order.
///
/// An agent whose spool is full drops its oldest records for good and reports how many, so a gap is passed over once
/// the agent has reported that many drops; otherwise one long absence would stop acknowledgements for ever. A drop
/// that the agent reports for a record that had arrived after all can make this pass over a gap too early; the gap
/// stays visible in `TelemetryCount`.
struct TelemetryProgress: Equatable {
    var contiguous: UInt64 = 0
    /// Sequences passed over as dropped.
    var passed: UInt64 = 0
    /// The most drops that the agent has reported.
    var dropped: UInt64 = 0
    var highest: UInt64 = 0
    /// Records that ever arrived.
    var stored: UInt64 = 0

    var gaps: UInt64 { highest - min(stored, highest) }

    mutating func recordStored(_ record: TelemetryRecord) {
        stored += 1
        highest = max(highest, record.sequence)
        dropped = max(dropped, record.board.droppedRecords)
    }

    /// `next`: the lowest stored sequence above the given one.
    mutating func advance(next: (UInt64) throws -> UInt64?) rethrows {
        while let sequence = try next(contiguous) {
            let gap = sequence - contiguous - 1
            guard gap <= dropped - min(passed, dropped) else { return }
            passed += gap
            contiguous = sequence
        }
    }
}
