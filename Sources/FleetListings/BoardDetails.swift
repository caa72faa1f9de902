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
            "shares       \(Self.text(board.shares))",
            "clock        " + (board.clockShare.map { "\((100 * $0).text(0)) % of the measurements'" } ?? "unknown"),
        ] + (board.watts.map { ["power        \($0.text(1)) W for the models"] } ?? [])
            + (board.quarantine.map { ["quarantine   since \(timeText($0.sinceMilliseconds)): \($0.reason)"] } ?? [])
    }

    private static func text(_ shares: ShareTelemetry?) -> String {
        guard let shares else { return "no limit is asked for" }
        return switch shares.means {
        case .cgroup: "by cgroup: \(shares.detail)"
        case .affinity: "by processors and priority: \(shares.detail) (no cgroup: \(shares.reason))"
        case .none: "not held: \(shares.reason)"
        }
    }

    /// The latest events, oldest first.
    public var history: [String] {
        events.prefix(10).reversed().map { "\(timeText($0.atMilliseconds))  \($0.kind)  \($0.message)" }
    }
}
