public import FleetModel
import HTTPTypes
import HummingbirdCore

/// Which events are wanted: all unless something is said.
public struct EventChoice: Equatable, Sendable {
    /// Nothing from before this time, in milliseconds since 1970.
    public var sinceMilliseconds: UInt64
    public var board: BoardID?
    public var kind: FleetEvent.Kind?

    public init(sinceMilliseconds: UInt64 = 0, board: BoardID? = nil, kind: FleetEvent.Kind? = nil) {
        (self.sinceMilliseconds, self.board, self.kind) = (sinceMilliseconds, board, kind)
    }

    /// Whether every event is meant.
    public var isEverything: Bool { self == EventChoice() }

    public func selects(_ event: FleetEvent) -> Bool {
        event.atMilliseconds >= sinceMilliseconds && (board == nil || event.board == board)
            && (kind == nil || event.kind == kind)
    }
}

extension EventChoice {
    /// - Throws: `AdminFailure` for what is no board's name and no kind of event.
    init(_ call: AdminCall) throws(AdminFailure) {
        let parameters = call.request.uri.queryParameters
        self.init(sinceMilliseconds: try call.request.since())
        if let name = parameters["board"] {
            board = BoardID(String(name))
            if board == nil { throw AdminFailure(.invalid, "board: \(name.prefix(64)) is not the name of a board") }
        }
        if let name = parameters["kind"] {
            kind = FleetEvent.Kind(rawValue: String(name))
            let kinds = FleetEvent.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            if kind == nil { throw AdminFailure(.invalid, "kind: \(name.prefix(64)) is none of \(kinds)") }
        }
    }
}

extension AdminServer {
    static func eventRoute(_ fleet: any FleetAdministration) -> AdminRoute {
        AdminRoute(
            .get, "/v1/events", .viewer, "The newest events, newest first.",
            parameters: [
                .since, .init(name: "board", schema: .string, help: "Those of this board alone."),
                .init(
                    name: "kind", schema: .choice(FleetEvent.Kind.allCases.map(\.rawValue)),
                    help: "Those of this kind alone."), .limit(100, most: FleetLimits.events),
            ], answer: .list("Event")
        ) { call in
            // As many as are kept, so that all of them can be had.
            let limit = try call.request.number("limit", within: 1...FleetLimits.events) ?? 100
            return Answer(try await fleet.events(try EventChoice(call), limit: limit))
        }
    }
}
