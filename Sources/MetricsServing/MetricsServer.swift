public import FleetMetrics
import HTTPServing
import HTTPTypes
public import Hummingbird
import Logging
import NIOCore

/// What machines ask of a program, on a port of its own and without a token: `/metrics` for Prometheus, `/livez`,
/// `/readyz`. Nothing there is secret, but names of board classes and models are to be seen.
public struct MetricsServer: Sendable {
    static let limits = HTTPLimits(bodyBytes: 1_024, connections: 64)
    static let paths = ["/metrics", "/livez", "/readyz"]

    private let collect: @Sendable () async throws -> [MetricFamily]
    private let ready: @Sendable () async -> String?

    /// - Parameter ready: why the program cannot do its work now, or `nil`.
    public init(
        collect: @escaping @Sendable () async throws -> [MetricFamily],
        ready: @escaping @Sendable () async -> String?
    ) {
        self.collect = collect
        self.ready = ready
    }

    /// - Parameter onBound: called once with the port in use, so that port 0 works.
    public func application(
        host: String, port: Int, onBound: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        Self.limits.application(router(), at: .hostname(host, port: port), onBound: onBound)
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: RefusalMiddleware())
        router.get("metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: Exposition.contentType],
                body: .init(byteBuffer: ByteBuffer(string: Exposition.text(try await collect()))))
        }
        router.get("livez") { _, _ in HTTPResponse.Status.ok }
        router.get("readyz") { _, _ in
            guard let reason = await ready() else { return Response(status: .ok) }
            return try .json(MetricsRefusal(kind: "unavailable", message: reason), status: .serviceUnavailable)
        }
        return router
    }
}

/// As the interface for people refuses.
private struct MetricsRefusal: Encodable {
    var kind: String
    var message: String
}

/// Nothing of the inside gets out.
private struct RefusalMiddleware<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let path = request.uri.path
        do { return try await next(request, context) } catch let error as any HTTPResponseError {
            guard error.status == .notFound, MetricsServer.paths.contains(path) else {
                return try .json(
                    MetricsRefusal(kind: "notFound", message: "\(path): no such path"), status: error.status)
            }
            var refusal = try Response.json(
                MetricsRefusal(kind: "wrongMethod", message: "\(path): takes GET"), status: .methodNotAllowed)
            refusal.headers[.allow] = "GET"
            return refusal
        } catch {
            context.logger.error("scrape failed", metadata: ["path": "\(path)", "error": "\(error)"])
            return try .json(
                MetricsRefusal(kind: "unavailable", message: "the figures cannot be had now"),
                status: .internalServerError)
        }
    }
}
