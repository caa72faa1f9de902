import AdminAPI
import FleetModel
import FleetStore

extension CoordinatorAdministration {
    func hours(board: String, since: HoursSince, limit: Int) async throws -> [BoardHourView] {
        guard let id = BoardID(board), try await store.board(id) != nil else {
            throw AdminFailure(.notFound, "no board is named \(board.prefix(64))")
        }
        let start = since.startMilliseconds(now: CoordinatorActor.wallClock())
        return try await store.telemetryHours(board: id, sinceMilliseconds: start, limit: limit).map {
            BoardHourView(board: board, $0)
        }
    }
}
