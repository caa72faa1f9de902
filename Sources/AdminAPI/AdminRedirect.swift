import HTTPServing
import HTTPTypes
public import Hummingbird
import NIOCore

/// The HTTP interface of a coordinator that does not lead: whoever asks is told the address of the one that does.
///
/// Browsers and others without a token are sent there (307). Clients leave a token out when they are sent to another
/// host, so that a request that carries one is refused (503) with the address instead. `/livez` and `/readyz` are
/// answered here.
public struct AdminRedirect: Sendable {
    private let leader: @Sendable () -> String?
    private let ready: @Sendable () -> String?

    /// - Parameters:
    ///   - leader: URL of the interface of the coordinator that leads, or `nil`.
    ///   - ready: why boards cannot be served now, or `nil`.
    public init(leader: @escaping @Sendable () -> String?, ready: @escaping @Sendable () -> String?) {
        self.leader = leader
        self.ready = ready
    }

    /// - Parameter onBound: called once with the port in use, so that port 0 works.
    public func application(
        host: String, port: Int, onBound: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        AdminServer.limits.application(router(), at: .hostname(host, port: port), onBound: onBound)
    }

    public func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: LeaderMiddleware(redirect: self))
        return router
    }

    fileprivate func answer(_ request: Request) throws -> Response {
        switch request.uri.path {
        case "/livez": return Response(status: .ok)
        case "/readyz":
            guard let reason = ready() else { return Response(status: .ok) }
            return try refusal(reason)
        default: break
        }
        guard let leader = leader() else { return try refusal("no coordinator leads the fleet now; try again") }
        guard request.headers[.authorization] == nil else {
            return try refusal("another coordinator leads the fleet; ask it at \(leader)")
        }
        let query = request.uri.query.map { "?" + $0 } ?? ""
        return Response(
            status: .temporaryRedirect, headers: [.location: leader + request.uri.path + query, .contentLength: "0"])
    }

    private func refusal(_ reason: String) throws -> Response {
        try .json(AdminFailure(.unavailable, reason), status: .serviceUnavailable)
    }
}

private struct LeaderMiddleware<Context: RequestContext>: RouterMiddleware {
    let redirect: AdminRedirect

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        try redirect.answer(request)
    }
}
