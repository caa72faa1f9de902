public import FleetModel

/// A board from which nothing is learned, and why.
public struct QuarantinedBoard: Equatable, Sendable {
    public var reason: String
    /// When it began, in milliseconds since 1970.
    public var sinceMilliseconds: UInt64

    public init(reason: String, sinceMilliseconds: UInt64) {
        (self.reason, self.sinceMilliseconds) = (reason, sinceMilliseconds)
    }
}

/// Boards whose numbers are impossible: found, told of, kept from learning, released.
extension FleetStateMachine {
    public var quarantined: [BoardID: QuarantinedBoard] {
        quarantine.entries.mapValues(\.asSeen)
    }

    /// Boards from whose figures others' are derived.
    var believed: [BoardDescription] {
        boards.values.lazy.filter { quarantine.entries[$0.state.board.id] == nil }.map(\.state.board)
    }

    /// The board told of something that it cannot have measured.
    public mutating func impossibleFigures(_ reason: String, of id: BoardID, at now: Instant) -> [Action] {
        guard boards[id] != nil else { return [] }
        let changes = quarantine.found([id: reason], at: now, sinceSeconds: clockSeconds)
        return told(changes)
    }

    /// Windows that figures were struck out of. One with latencies out of all proportion is put up with, and so is any
    /// that lasted as long as the pause that explains them.
    mutating func impossibleWindows(_ windows: [TelemetryRecord], of id: BoardID, at now: Instant) -> [Action] {
        guard let board = boards[id] else { return [] }
        let kinds = windows.compactMap {
            $0.impossibleLatencies(on: board.state, usualMilliseconds: board.usualWindowMilliseconds)
        }
        if kinds.contains(.noNumber) {
            return impossibleFigures("telemetry with latencies that are no numbers", of: id, at: now)
        }
        let odd = kinds.count { $0 == .outOfClass }
        guard quarantine.oddWindows(odd, of: id, at: now) else { return [] }
        return impossibleFigures("windows of telemetry with latencies that it cannot have measured", of: id, at: now)
    }

    /// With what stands in for figures that are impossible; these are kept in mind until the next hello.
    func repaired(_ description: BoardDescription) -> (board: BoardDescription, impossible: [String]) {
        FigureRepair.repaired(description, before: boards[description.id]?.state.board) {
            believed.filter { $0.boardClass == description.boardClass && $0.id != description.id }
        }
    }

    /// How `description` would be kept were it a new board's.
    public func storable(_ description: BoardDescription) -> BoardDescription { repaired(description).board }

    mutating func quarantineDue(at now: Instant) -> [Action] {
        let pause = settings.comparison * max(1, boards.count / 1_000)
        let isDue = looked.map { $0.duration(to: now) >= pause } ?? true
        guard isDue, hasNewFigures || !quarantine.entries.isEmpty else { return [] }
        looked = now
        if hasNewFigures {
            hasNewFigures = false
            let connected = boards.values.filter { $0.impossible.isEmpty }.map(\.state.board)
            findings = ClassComparison(connected.sorted { $0.id < $1.id }).findings
            for (id, board) in boards where !board.impossible.isEmpty { findings[id] = Self.reason(board.impossible) }
        }
        let still = findings.filter { boards[$0.key] != nil }
        let changes =
            quarantine.found(still, at: now, sinceSeconds: clockSeconds) + quarantine.timerFired(at: now)
        return told(changes)
    }

    static func reason(_ impossible: [String]) -> String {
        let more = impossible.count > 3 ? " and \(impossible.count - 3) more" : ""
        return "says what cannot be measured: " + impossible.prefix(3).joined(separator: ", ") + more
    }

    private var releaseText: String {
        "its numbers were possible for \(settings.saneFor.components.seconds) s; it is learned from again"
    }

    func told(_ changes: [LearningQuarantine<Instant>.Change]) -> [Action] {
        changes.flatMap { change -> [Action] in
            switch change {
            case .taken(let board, let reason):
                [
                    .saveQuarantine(quarantine.entries[board]?.asSeen, board),
                    .record(.learningQuarantined, board, "nothing is learned from it: \(reason)"),
                ]
            case .released(let board):
                [.saveQuarantine(nil, board), .record(.learningReleased, board, releaseText)]
            }
        }
    }
}
