import FleetModel
import Hummingbird

extension AdminServer {
    /// Most days that may be asked for: as many as are kept.
    private static let mostDays = FleetLimits.hoursPerModel / 24

    func hourRoutes() -> [AdminRoute] {
        let fleet = fleet
        return [
            AdminRoute(
                .get, "/v1/boards/{name}/hours", .viewer,
                "What each model of a board did hour by hour, oldest first; more are had from the last start on.",
                parameters: [
                    .init(
                        name: "days", schema: .integer,
                        help: "The hour now and those before it, 24 a day, 1 to \(Self.mostDays); 1 unless given."),
                    .init(
                        name: "since", schema: .integer,
                        help: "Instead of days: hours that began then or later, in milliseconds since 1970."),
                    .limit(AdminServer.rowLimit),
                ], answer: .list("BoardHour")
            ) { call in
                let days = try call.request.number("days", within: 1...Self.mostDays)
                let since = try call.request.number("since", within: 0...Int.max)
                guard days == nil || since == nil else {
                    throw AdminFailure(.invalid, "days, since: give one of them")
                }
                return Answer(
                    try await fleet.hours(
                        board: try call.name(), since: since.map { HoursSince.time(UInt64($0)) } ?? .days(days ?? 1),
                        limit: try call.request.limit(orElse: AdminServer.rowLimit)))
            }
        ]
    }
}

extension Schema {
    static var hours: [String: Schema] {
        [
            "BoardHour": .object(
                [
                    "board": .string, "model": .string, "startMilliseconds": .integer, "windows": .integer,
                    "frames": .integer, "dropped": .integer, "violations": .integer, "labelled": .integer,
                    "correct": .integer, "switches": .integer, "p99Milliseconds": .number,
                    "coveredMilliseconds": .integer,
                ], optional: ["sloAttainment": .number, "accuracy": .number])
        ]
    }
}
