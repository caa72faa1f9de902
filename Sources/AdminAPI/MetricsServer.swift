public import FleetMetrics
import HTTPServing
import HTTPTypes
public import Hummingbird
import NIOCore

/// What machines ask of a program, on a port of its own and without a token: `/metrics` for Prometheus, `/livez`,
/// `/readyz`. Nothing there is secret, but names of board classes and models are to be seen.
public struct MetricsServer: Sendable {
    static let limits = HTTPLimits(bodyBytes: 1_024, connections: 64)

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

    public func application(
        host: String, port: Int, onBound: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        Self.limits.application(router(), at: .hostname(host, port: port), onBound: onBound)
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        var paths = PathMethods()
        for path in ["/metrics", "/livez", "/readyz"] { paths.add(path, .get) }
        router.add(middleware: FailureMiddleware(paths: paths) { _, _, _ in })
        router.get("metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: Exposition.contentType],
                body: .init(byteBuffer: ByteBuffer(string: Exposition.text(try await collect()))))
        }
        router.get("livez") { _, _ in HTTPResponse.Status.ok }
        router.get("readyz") { _, _ in try await Self.readiness(ready) }
        return router
    }

    static func readiness(_ ready: @Sendable () async -> String?) async throws -> HTTPResponse.Status {
        if let reason = await ready() { throw AdminFailure(.unavailable, reason) }
        return .ok
    }
}
