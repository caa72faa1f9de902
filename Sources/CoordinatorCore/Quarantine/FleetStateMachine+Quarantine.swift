public import FleetModel

/// A board from which nothing is learned, and why.
public struct QuarantinedBoard: Equatable, Sendable {
    public var reason: String
    public var sinceMilliseconds: UInt64
}

/// Boards whose numbers are impossible: found, told of, kept from learning, released.
extension FleetStateMachine {
    public var quarantined: [BoardID: QuarantinedBoard] {
        quarantine.entries.mapValues {
            QuarantinedBoard(reason: $0.reason, sinceMilliseconds: UInt64(max(0, $0.sinceSeconds)) * 1_000)
        }
    }

    /// Boards from whose figures others' are derived.
    var believed: [BoardDescription] {
        boards.values.lazy.filter { quarantine.entries[$0.state.board.id] == nil }.map(\.state.board)
    }

    /// The board told of something that it cannot have measured.
    public mutating func impossibleFigures(_ reason: String, of id: BoardID, at now: Instant) -> [Action] {
        guard boards[id] != nil else { return [] }
        return told(quarantine.found([id: reason], at: now, sinceSeconds: clockSeconds))
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
        return told(
            quarantine.found(still, at: now, sinceSeconds: clockSeconds) + quarantine.timerFired(at: now))
    }

    static func reason(_ impossible: [String]) -> String {
        let more = impossible.count > 3 ? " and \(impossible.count - 3) more" : ""
        return "says what cannot be measured: " + impossible.prefix(3).joined(separator: ", ") + more
    }

    func told(_ changes: [LearningQuarantine<Instant>.Change]) -> [Action] {
        changes.map { change in
            switch change {
            case .taken(let board, let reason):
                .record(.learningQuarantined, board, "nothing is learned from it: \(reason)")
            case .released(let board):
                .record(
                    .learningReleased, board,
                    "its numbers were possible for \(settings.saneFor.components.seconds) s; it is learned from again")
            }
        }
    }
}
