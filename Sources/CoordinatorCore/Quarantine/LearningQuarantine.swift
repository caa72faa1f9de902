public import FleetModel

/// Boards from which nothing is learned, because they told of numbers that no board like them can measure. They are
/// served as before. Pure: findings and instants come in, boards that were taken in or released come out.
///
/// A board is taken in by its first finding and released when there has been none for `saneFor`. A window of telemetry
/// with latencies a thousand times those of the idle board is a finding when it is the second within `saneFor`: a board
/// that was suspended in the middle of a frame tells of one, a wrong clock of every one.
///
/// After a restart boards are taken in as they were, since when they were, and are sane for `saneFor` from then on.
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

        var asSeen: QuarantinedBoard {
            QuarantinedBoard(reason: reason, sinceMilliseconds: UInt64(max(0, sinceSeconds)) * 1_000)
        }
    }

    let saneFor: Duration
    private(set) var entries: [BoardID: Entry] = [:]

    /// When each board last told of a window of impossible latencies.
    private var odd: [BoardID: Instant] = [:]

    /// - Parameter stored: boards that were in it before a restart.
    init(saneFor: Duration, stored: [BoardID: QuarantinedBoard] = [:], at now: Instant) {
        self.saneFor = saneFor
        entries = stored.mapValues {
            Entry(reason: $0.reason, sinceSeconds: Int64(clamping: $0.sinceMilliseconds / 1_000), found: now)
        }
    }

    /// The board told of so many windows with impossible latencies.
    /// - Returns: whether that is a finding.
    mutating func oddWindows(_ count: Int, of board: BoardID, at now: Instant) -> Bool {
        guard count > 0 else { return false }
        let isAgain = odd[board].map { $0.duration(to: now) < saneFor } ?? false
        odd[board] = now
        return isAgain || count > 1
    }

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
        odd = odd.filter { $0.value.duration(to: now) < saneFor }
        return sane.map { .released($0) }
    }

    /// The board is no longer of the fleet.
    mutating func forget(_ board: BoardID) {
        entries[board] = nil
        odd[board] = nil
    }
}
