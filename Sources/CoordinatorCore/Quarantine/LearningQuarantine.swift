public import FleetModel

/// Boards from which nothing is learned, because they told of numbers that no board like them can measure. They are
/// served as before. Pure: findings and instants come in, boards that were taken in or released come out.
///
/// A board is taken in by its first finding and released when there has been none for `saneFor`. A restart of the
/// coordinator finds what is wrong anew, from what boards say in their hello.
///
/// Bounded by the boards of the fleet.
struct LearningQuarantine<Instant: InstantProtocol>: Sendable where Instant: Sendable, Instant.Duration == Duration {
    enum Change: Equatable, Sendable {
        case taken(BoardID, String)
        case released(BoardID)
    }

    struct Entry: Sendable {
        var reason: String
        /// By the clock that people read.
        var sinceSeconds: Int64
        var found: Instant
    }

    let saneFor: Duration
    private(set) var entries: [BoardID: Entry] = [:]

    init(saneFor: Duration) { self.saneFor = saneFor }

    /// Something is wrong with these boards' numbers now.
    mutating func found(
        _ findings: [BoardID: String], at now: Instant, sinceSeconds clock: Int64
    ) -> [Change] {
        findings.sorted { $0.key < $1.key }.compactMap { board, reason in
            guard entries[board] == nil else {
                entries[board]?.reason = reason
                entries[board]?.found = now
                return nil
            }
            entries[board] = Entry(reason: reason, sinceSeconds: clock, found: now)
            return .taken(board, reason)
        }
    }

    mutating func timerFired(at now: Instant) -> [Change] {
        let sane = entries.filter { $0.value.found.duration(to: now) >= saneFor }.keys.sorted()
        for board in sane { entries[board] = nil }
        return sane.map { .released($0) }
    }

    /// The board is no longer of the fleet.
    mutating func forget(_ board: BoardID) { entries[board] = nil }
}
