public import AdminAPI

extension AttainmentWindow {
    /// Windows of a board that began at `since`, in milliseconds since 1970, or later: the first thousand.
    /// - Parameter model: `nil` takes all.
    /// - Throws: `AdminFailure`, also where the board has no such model and its windows do not tell of it.
    public static func series(
        of board: String, model: String?, since: UInt64, _ client: AdminClient
    ) async throws -> [AttainmentWindow] {
        let windows: [TelemetryWindowView] = try await client.get(
            "v1/telemetry", query: ["board": board, "since": "\(since)", "limit": "1000"])
        guard let model else { return series(windows) }
        return try await series(windows, named: model) {
            let boards: [BoardView] = try await client.get("v1/boards")
            return boards.first { $0.name == board }
        }
    }
}
