public import AdminAPI
public import FleetModel

extension FleetReport {
    /// Judges what the coordinator has stored of a run.
    /// - Throws: `AdminFailure`, also where there is more than can be judged.
    public static func of(
        _ client: AdminClient, load: LoadInterval, requirements: Requirements
    ) async throws -> FleetReport {
        let views: [BoardView] = try await client.get("v1/boards")
        let assignments: [AssignmentView] = try await client.get("v1/assignments")
        var telemetry: [BoardID: [TelemetryRecord]] = [:]
        for view in views {
            guard let id = BoardID(view.name) else {
                throw AdminFailure(.invalid, "the coordinator names a board '\(view.name)'")
            }
            let stored: [TelemetryWindowView] = try await client.get(
                "v1/telemetry", query: ["board": view.name, "limit": "\(AdminServer.rowLimit)"])
            guard stored.count < AdminServer.rowLimit else {
                throw AdminFailure(
                    .invalid, "\(id) has \(AdminServer.rowLimit) records or more: too long a run to be judged")
            }
            telemetry[id] = stored.map(\.record)
        }
        var percentiles: [BoardID: [ModelName: Double]] = [:]
        for assignment in assignments {
            guard let id = BoardID(assignment.board) else { continue }
            for model in assignment.models {
                if let name = ModelName(model.model) { percentiles[id, default: [:]][name] = model.percentile }
            }
        }
        return FleetReport(
            enrolled: Set(telemetry.keys), telemetry: telemetry, percentiles: percentiles,
            loads: telemetry.mapValues { _ in load }, requirements: requirements)
    }
}
