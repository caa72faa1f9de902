public import AdminAPI
public import FleetModel

/// All that is known of one board, as `shoal describe board` says it.
public struct BoardDetails: Encodable, Sendable {
    public var board: BoardView
    public var assignment: AssignmentView?
    public var models: [ModelView]
    /// Newest first.
    public var events: [FleetEvent]

    public init(board: BoardView, assignment: AssignmentView?, models: [ModelView], events: [FleetEvent]) {
        (self.board, self.assignment, self.models, self.events) = (board, assignment, models, events)
    }

    /// What stands above the models.
    public var lines: [String] {
        let labels = board.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
        return [
            "board        \(board.name), \(board.status), incarnation \(board.incarnation)",
            "class        \(board.boardClass)", "labels       \(labels.isEmpty ? "none" : labels)",
            "cores        \(board.cores.text(2))", "memory       \(board.memoryBytes / 1_048_576) MiB",
            "engine       \(board.engineVersion)",
            "assignment   generation \(board.desiredGeneration) desired, \(board.reportedGeneration) reported",
            "telemetry    \(board.telemetryRecords) records, \(board.telemetryGaps) missing",
        ] + (board.quarantine.map { ["quarantine   since \(timeText($0.sinceMilliseconds)): \($0.reason)"] } ?? [])
    }

    /// The latest events, oldest first.
    public var history: [String] {
        events.prefix(10).reversed().map { "\(timeText($0.atMilliseconds))  \($0.kind)  \($0.message)" }
    }
}
