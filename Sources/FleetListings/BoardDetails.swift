public import AdminAPI
public import FleetModel

/// All that is known of one board, as `shoal describe board` says it.
public struct BoardDetails: Encodable, Sendable {
    public var board: BoardView
    public var assignment: AssignmentView?
    public var models: [ModelView]
    /// Newest first.
    public var events: [FleetEvent]
    /// One for each model: the hour now and the 23 before, added up. `nil` from coordinators that keep no hours.
    public var lastDay: [BoardHourView]?

    /// Asks for all that belongs to the board.
    /// - Throws: `AdminFailure`
    public static func of(_ board: BoardView, _ client: AdminClient) async throws -> BoardDetails {
        let assignments: [AssignmentView] = try await client.get("v1/assignments")
        let models: [ModelView] = try await client.get("v1/models")
        let events: [FleetEvent] = try await client.get("v1/events", query: ["limit": "1000"])
        return BoardDetails(
            board: board, assignment: assignments.first { $0.board == board.name },
            models: models.filter { $0.board == board.name },
            events: events.filter { $0.board?.rawValue == board.name },
            lastDay: try await lastDay(of: board.name, client))
    }

    private static func lastDay(of board: String, _ client: AdminClient) async throws -> [BoardHourView]? {
        do {
            let hours: [BoardHourView] = try await client.get("v1/boards/\(board)/hours", query: ["days": "1"])
            return hours.compactMap(\.hour).byModel().map { BoardHourView(board: board, $0) }
        } catch let failure as AdminFailure where failure.kind == .notFound { return nil }
    }

    /// What stands above the models.
    public var lines: [String] {
        let labels = board.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
        return [
            "board        \(board.name), \(board.statusText), incarnation \(board.incarnation)",
            "class        \(board.boardClass)", "labels       \(labels.isEmpty ? "none" : labels)",
            "cores        \(board.cores.text(2))", "memory       \(board.memoryBytes / 1_048_576) MiB",
            "engine       \(board.engineVersion)",
            "assignment   generation \(board.desiredGeneration) desired, \(board.reportedGeneration) reported",
            "telemetry    \(board.telemetryRecords) records, \(board.telemetryGaps) missing",
            "key          \(board.keyText)", "shares       \(Self.text(board.shares))",
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
