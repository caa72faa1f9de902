import HTTPServing
import HTTPTypes
public import Hummingbird
import HummingbirdCore
import NIOCore

/// The HTTP interface: JSON over a small set of paths, guarded by one bearer token.
///
///     GET  /livez                      no token
///     GET  /v1/status /v1/boards /v1/models /v1/policies /v1/assignments
///     GET  /v1/live                    a snapshot of all that each second, as server-sent events
///     GET  /v1/events?limit=N          GET /v1/telemetry?board=NAME&since=MS&limit=N
///     GET  /v1/searches /v1/predictors POST /v1/searches                DELETE /v1/searches/NAME
///     GET  /v1/hooks                   POST /v1/hooks/rollback
///     POST /v1/policies                POST /v1/tokens                  DELETE /v1/boards/NAME
public struct AdminServer: Sendable {
    /// Bytes of a request's body.
    public static let bodyLimit = 512 * 1024
    /// Rows of one answer.
    public static let rowLimit = 5_000

    static let limits = HTTPLimits(bodyBytes: bodyLimit, connections: connectionLimit)
    /// Connections at once; later ones wait for their turn.
    public static let connectionLimit = 512

    private let fleet: any FleetAdministration
    private let hooks: (any HookAdministration)?
    private let token: String
    private let extend: @Sendable (Router<BasicRequestContext>) -> Void

    /// - Parameters:
    ///   - hooks: `nil` where boards learn each for itself.
    ///   - extend: adds paths that need no token.
    public init(
        fleet: any FleetAdministration, hooks: (any HookAdministration)? = nil, token: String,
        extend: @escaping @Sendable (Router<BasicRequestContext>) -> Void = { _ in }
    ) {
        precondition(!token.isEmpty, "the interface needs a token")
        self.fleet = fleet
        self.hooks = hooks
        self.token = token
        self.extend = extend
    }

    /// - Parameters:
    ///   - host: name or address to bind; loopback unless people outside are meant to reach it.
    ///   - onBound: called once with the port in use, so that port 0 works.
    public func application(
        host: String, port: Int, onBound: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        Self.limits.application(router(), at: .hostname(host, port: port), onBound: onBound)
    }

    public func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: FailureMiddleware())
        router.get("livez") { _, _ in HTTPResponse.Status.ok }
        extend(router)
        let group = router.group("v1").add(middleware: TokenMiddleware(token: token))
        let fleet = fleet
        let live = LiveFleet(fleet)
        group.get("live") { _, _ in live.response() }
        group.get("status") { _, _ in Answer(try await fleet.status()) }
        group.get("boards") { _, _ in Answer(try await fleet.boards()) }
        group.get("models") { _, _ in Answer(try await fleet.models()) }
        group.get("policies") { _, _ in Answer(try await fleet.policies()) }
        group.get("assignments") { _, _ in Answer(try await fleet.assignments()) }
        group.get("events") { request, _ in
            Answer(try await fleet.events(limit: try request.number("limit", within: 1...Self.rowLimit) ?? 100))
        }
        group.get("telemetry") { request, _ in
            guard let board = request.uri.queryParameters["board"].map(String.init) else {
                throw AdminFailure(.invalid, "board: is missing")
            }
            let since = try request.number("since", within: 0...Int.max) ?? 0
            let limit = try request.number("limit", within: 1...Self.rowLimit) ?? 1_000
            return Answer(try await fleet.telemetry(board: board, sinceMilliseconds: UInt64(since), limit: limit))
        }
        Self.addSearches(to: group, of: fleet)
        if let hooks {
            group.get("hooks") { _, _ in Answer(try await hooks.hooks()) }
            group.post("hooks/rollback") { request, context in
                Answer(try await hooks.rollBack(try await request.body(as: HooksRollback.self, context)))
            }
        }
        group.post("policies") { request, context in
            Answer(try await fleet.apply(try await request.body(as: ApplyRequest.self, context)))
        }
        group.post("tokens") { request, context in
            Answer(try await fleet.createToken(try await request.body(as: TokenRequest.self, context)))
        }
        group.delete("boards/:name") { _, context in
            Answer(try await fleet.revoke(board: try context.parameters.require("name")))
        }
        return router
    }
}
