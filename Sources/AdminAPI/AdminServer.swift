import FleetModel
import HTTPServing
import HTTPTypes
public import Hummingbird
import HummingbirdCore
import NIOCore

/// The HTTP interface: JSON over the paths that `AdminServer+Routes.swift` lists, each for one role and those above it.
/// Whoever asks carries a bearer token.
public struct AdminServer: Sendable {
    /// Bytes of a request's body.
    public static let bodyLimit = 512 * 1024
    /// Rows of one answer.
    public static let rowLimit = 5_000

    static let limits = HTTPLimits(bodyBytes: bodyLimit, connections: connectionLimit)
    /// Connections at once; later ones wait for their turn.
    public static let connectionLimit = 512

    /// Told of every answer: method, path with names left open (`none` where nothing is served), status.
    public typealias Observer = @Sendable (String, String, Int) -> Void

    let fleet: any FleetAdministration
    let hooks: (any HookAdministration)?
    let rollouts: (any RolloutAdministration)?
    let artefacts: (any ArtefactAdministration)?
    let care: (any BoardCareAdministration)?
    let access: any AccessAdministration
    let ready: @Sendable () async -> String?
    private let observe: Observer
    private let extend: @Sendable (Router<BasicRequestContext>) -> Void

    /// - Parameters:
    ///   - hooks: `nil` where boards learn each for itself.
    ///   - rollouts: `nil` where policies are applied at once only.
    ///   - artefacts: `nil` where files of boards are brought to them by other means.
    ///   - care: `nil` where boards are neither left alone nor given new keys.
    ///   - ready: why the coordinator cannot do its work now, or `nil`.
    ///   - extend: adds paths that need no token.
    public init(
        fleet: any FleetAdministration, hooks: (any HookAdministration)? = nil,
        rollouts: (any RolloutAdministration)? = nil, artefacts: (any ArtefactAdministration)? = nil,
        care: (any BoardCareAdministration)? = nil, access: any AccessAdministration,
        ready: @escaping @Sendable () async -> String? = { nil }, observe: @escaping Observer = { _, _, _ in },
        extend: @escaping @Sendable (Router<BasicRequestContext>) -> Void = { _ in }
    ) {
        self.fleet = fleet
        self.hooks = hooks
        self.rollouts = rollouts
        self.artefacts = artefacts
        self.care = care
        self.access = access
        self.ready = ready
        self.observe = observe
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
        var paths = PathMethods()
        let pages = Router(context: BasicRequestContext.self)
        extend(pages)
        for page in pages.routes { paths.add("\(page.path)", page.method) }
        let routes = routes()
        for route in routes { paths.add(route.path, route.method) }
        router.add(middleware: FailureMiddleware(paths: paths, observe: observe))
        extend(router)
        for route in routes {
            router.on(route.routerPath, method: route.method) { [access] request, context in
                let caller = try await access.caller(of: request, for: route.role)
                try route.check(request)
                return try await route.handle(
                    AdminCall(request: request, context: context, caller: caller, bodySchema: route.body))
            }
        }
        return router
    }
}

extension AccessAdministration {
    /// Who asks, if they may.
    func caller(of request: Request, for role: AccessRole?) async throws -> Caller {
        guard let role else { return Caller(name: "", role: .viewer) }
        // The scheme's name is of any case (RFC 9110, 11.1), the token is not.
        let scheme = "bearer "
        guard let header = request.headers[.authorization], header.utf8.count <= 512,
            header.prefix(scheme.count).lowercased() == scheme,
            let caller = try await caller(ofToken: String(header.dropFirst(scheme.count)))
        else { throw AdminFailure(.unauthorized, "the token is missing or wrong") }
        guard caller.role >= role else {
            throw AdminFailure(
                .forbidden,
                "this needs the role \(role.rawValue), and \(caller.name) has the role \(caller.role.rawValue)")
        }
        return caller
    }
}
