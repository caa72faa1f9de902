import AuditLog
import FleetModel
import HTTPTypes
import Hummingbird

/// The table of routes.
extension AdminServer {
    func routes() -> [AdminRoute] {
        let served =
            open + readings() + hourRoutes() + changes() + accessRoutes() + (hooks.map(Self.hookRoutes) ?? [])
            + (rollouts.map(Self.rolloutRoutes) ?? []) + (artefacts.map(Self.artefactRoutes) ?? [])
            + (care.map(Self.careRoutes) ?? [])
        return served + [Self.document(of: served)]
    }

    /// What needs no token.
    private var open: [AdminRoute] {
        let ready = ready
        return [
            AdminRoute(.get, "/readyz", nil, "The coordinator can do its work.", answer: .empty) { _ in
                if let reason = await ready() { throw AdminFailure(.unavailable, reason) }
                return HTTPResponse.Status.ok
            },
            AdminRoute(.get, "/livez", nil, "The process serves requests.", answer: .empty) { _ in
                HTTPResponse.Status.ok
            },
        ]
    }

    private static func document(of served: [AdminRoute]) -> AdminRoute {
        var route = AdminRoute(.get, "/v1/openapi.json", nil, "This document.", answer: .document) { _ in
            HTTPResponse.Status.ok
        }
        let document = OpenAPIDocument(routes: served + [route]).json
        route.handle = { try Answer(document).response(from: $0.request, context: $0.context) }
        return route
    }

    private func readings() -> [AdminRoute] {
        let (fleet, access) = (fleet, access)
        let live = LiveFleet(fleet)
        return [
            AdminRoute(
                .get, "/v1/live", .viewer, "All of the fleet (event fleet), then what changed (event changes).",
                answer: .events(["FleetSnapshot", "FleetChanges"])
            ) { call in
                live.response { (try? await access.caller(of: call.request, for: .viewer)) != nil }
            },
            AdminRoute(.get, "/v1/status", .viewer, "The coordinator at a glance.", answer: .one("Status")) { _ in
                Answer(try await fleet.status())
            },
            AdminRoute(.get, "/v1/boards", .viewer, "Boards that may speak.", answer: .list("Board")) { _ in
                Answer(try await fleet.boards())
            },
            AdminRoute(.get, "/v1/models", .viewer, "Models by board.", answer: .list("Model")) { _ in
                Answer(try await fleet.models())
            },
            AdminRoute(.get, "/v1/policies", .viewer, "Policies in force.", answer: .list("Policy")) { _ in
                Answer(try await fleet.policies())
            },
            AdminRoute(
                .post, "/v1/policies/preview", .viewer, "Says what a policy would change; changes nothing.",
                body: "PolicyPreviewRequest", answer: .one("PolicyPreview")
            ) { Answer(try await fleet.preview(try await $0.body(PolicyPreviewRequest.self))) },
            AdminRoute(.get, "/v1/assignments", .viewer, "What boards are told.", answer: .list("Assignment")) { _ in
                Answer(try await fleet.assignments())
            },
            Self.eventRoute(fleet),
            AdminRoute(
                .get, "/v1/telemetry", .viewer, "A board's newest windows, oldest first.",
                parameters: [
                    .init(name: "board", schema: .string, isRequired: true, help: "The board's name."), .since,
                    .limit(1_000),
                ], answer: .list("TelemetryWindow")
            ) { call in
                guard let board = call.request.uri.queryParameters["board"].map(String.init) else {
                    throw AdminFailure(.invalid, "board: is missing")
                }
                return Answer(
                    try await fleet.telemetry(
                        board: board, sinceMilliseconds: try call.request.since(),
                        limit: try call.request.limit(orElse: 1_000)))
            },
            AdminRoute(.get, "/v1/searches", .viewer, "Searches in order of application.", answer: .list("Search")) {
                _ in Answer(try await fleet.searches())
            },
            AdminRoute(
                .get, "/v1/predictors", .viewer, "How well latency follows, by board class and model.",
                answer: .list("LatencyPredictor")
            ) { _ in Answer(try await fleet.predictors()) },
        ]
    }

    private func changes() -> [AdminRoute] {
        let fleet = fleet
        // What stands in the table with a path of its own is a name too.
        var hidden = Self.withdrawal(fleet, "/v1/policies/preview") { _ in "preview" }
        hidden.isDocumented = false
        return [
            AdminRoute(
                .post, "/v1/policies", .operator, "Applies a policy, or says what it would do.", body: "ApplyRequest",
                answer: .one("ApplyResult")
            ) { Answer(try await fleet.apply(try await $0.body(ApplyRequest.self), by: $0.caller.name)) },
            Self.withdrawal(fleet, "/v1/policies/{name}") { try $0.name() },
            hidden,
            AdminRoute(
                .post, "/v1/searches", .operator, "Queues a search.", body: "ApplyRequest", answer: .one("Search")
            ) { Answer(try await fleet.submit(try await $0.body(ApplyRequest.self), by: $0.caller.name)) },
            AdminRoute(.delete, "/v1/searches/{name}", .operator, "Ends a search.", answer: .one("Search")) {
                Answer(try await fleet.cancel(search: try $0.name(), by: $0.caller.name))
            },
            AdminRoute(
                .post, "/v1/tokens", .admin, "Makes a token by which boards enrol.", body: "TokenRequest",
                answer: .one("EnrolmentToken")
            ) { Answer(try await fleet.createToken(try await $0.body(TokenRequest.self), by: $0.caller.name)) },
            AdminRoute(
                .delete, "/v1/boards/{name}", .admin, "Shuts a board out, or says whether it could be.",
                parameters: [.dryRun], answer: .one("BoardRevocation")
            ) {
                Answer(
                    try await fleet.revoke(
                        board: try $0.name(), dryRun: try $0.request.flag("dryRun"), by: $0.caller.name))
            },
        ]
    }

    private static func withdrawal(
        _ fleet: any FleetAdministration, _ path: String, _ name: @escaping @Sendable (AdminCall) throws -> String
    ) -> AdminRoute {
        AdminRoute(
            .delete, path, .operator, "Takes a policy back, or says what that would change.",
            parameters: [.dryRun],
            answer: .one("PolicyWithdrawal")
        ) { call in
            Answer(
                try await fleet.withdraw(
                    policy: try name(call), dryRun: try call.request.flag("dryRun"), by: call.caller.name))
        }
    }

    private func accessRoutes() -> [AdminRoute] {
        let access = access
        return [
            AdminRoute(.get, "/v1/caller", .viewer, "Whose token this is.", answer: .one("Caller")) {
                Answer($0.caller)
            },
            AdminRoute(
                .get, "/v1/audit", .operator, "What people changed, oldest first.",
                parameters: [
                    .init(
                        name: "after", schema: .integer,
                        help: "Entries after this number; without it the newest entries."), .since, .limit(100),
                ], answer: .list("AuditEntry")
            ) { call in
                Answer(
                    try await access.audit(
                        after: try call.request.number("after", within: 0...Int.max).map { UInt64($0) },
                        sinceMilliseconds: try call.request.since(), limit: try call.request.limit(orElse: 100)))
            },
            AdminRoute(
                .get, "/v1/audit/verification", .operator, "Reads the whole audit log and checks its chain.",
                answer: .one("AuditVerification")
            ) { _ in Answer(try await access.verifyAudit()) },
            AdminRoute(
                .get, "/v1/access-tokens", .admin, "Tokens of people and programs, without secrets.",
                answer: .list("AccessToken")
            ) { _ in Answer(try await access.accessTokens()) },
            AdminRoute(
                .post, "/v1/access-tokens", .admin, "Makes a token; its secret is in this answer alone.",
                body: "AccessTokenRequest", answer: .one("CreatedAccessToken")
            ) {
                Answer(
                    try await access.createAccessToken(
                        try await $0.body(AccessTokenRequest.self), by: $0.caller.name))
            },
            AdminRoute(
                .delete, "/v1/access-tokens/{name}", .admin, "Revokes a token, or says whether it could be.",
                parameters: [.dryRun], answer: .one("AccessTokenRevocation")
            ) {
                Answer(
                    try await access.revokeAccessToken(
                        try $0.name(), dryRun: try $0.request.flag("dryRun"), by: $0.caller.name))
            },
        ]
    }

    private static func hookRoutes(_ hooks: any HookAdministration) -> [AdminRoute] {
        [
            AdminRoute(.get, "/v1/hooks", .viewer, "Gates that boards learn together.", answer: .list("Hooks")) { _ in
                Answer(try await hooks.hooks())
            },
            AdminRoute(
                .post, "/v1/hooks/rollback", .operator, "Puts an earlier version in force.", body: "HooksRollback",
                answer: .one("Hooks")
            ) { Answer(try await hooks.rollBack(try await $0.body(HooksRollback.self), by: $0.caller.name)) },
        ]
    }
}

extension AdminRoute.Parameter {
    static let dryRun = Self(name: "dryRun", schema: .boolean, help: "Whether nothing is to be changed.")
    static let since = Self(
        name: "since", schema: .integer, help: "Nothing from before this time, in milliseconds since 1970.")

    static func limit(_ usual: Int, most: Int = AdminServer.rowLimit) -> Self {
        Self(name: "limit", schema: .integer, help: "At most so many, 1 to \(most); \(usual) unless given.")
    }
}

extension Request {
    func limit(orElse usual: Int) throws(AdminFailure) -> Int {
        try number("limit", within: 1...AdminServer.rowLimit) ?? usual
    }

    /// `false` unless given.
    func flag(_ name: String) throws(AdminFailure) -> Bool {
        switch uri.queryParameters[Substring(name)] {
        case nil, "false": false
        case "true": true
        case .some: throw AdminFailure(.invalid, "\(name): is true or false")
        }
    }

    func since() throws(AdminFailure) -> UInt64 { UInt64(try number("since", within: 0...Int.max) ?? 0) }
}
