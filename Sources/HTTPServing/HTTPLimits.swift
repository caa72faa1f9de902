public import Hummingbird
import HummingbirdCore
public import NIOCore

/// What one HTTP interface lets its clients use up.
public struct HTTPLimits: Equatable, Sendable {
    /// Bytes of a request's body.
    public var bodyBytes: Int
    /// Connections at once; later ones wait for their turn.
    public var connections: Int
    /// A connection that asks nothing for this long is closed.
    public var idleTimeout: TimeAmount
    /// Within which the whole body of a request has to come, from its head on; else the answer is 408, and the
    /// connection is closed.
    public var bodyTime: TimeAmount

    public init(
        bodyBytes: Int, connections: Int, idleTimeout: TimeAmount = .seconds(30), bodyTime: TimeAmount = .seconds(30)
    ) {
        self.bodyTime = bodyTime
        self.bodyBytes = bodyBytes
        self.connections = connections
        self.idleTimeout = idleTimeout
    }

    /// An interface within these limits.
    /// - Parameter onBound: called once with the port in use, so that port 0 works; 0 for a Unix socket.
    public func application(
        _ router: Router<BasicRequestContext>, at address: BindAddress,
        onBound: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        Application(
            router: router,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [HTTP1MannersPlacing(bodyTime: bodyTime)],
                    idleTimeout: idleTimeout)),
            configuration: .init(
                address: address, serverName: "shoal",
                availableConnectionsDelegate: MaximumAvailableConnections(connections)),
            onServerRunning: { channel in await onBound(channel.localAddress?.port ?? 0) })
    }
}

/// Why a request's body was not read.
public enum BodyFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// It is larger than the interface takes.
    case tooLarge(limit: Int)
    /// The client sent less than it had announced.
    case cutOff

    public var description: String {
        switch self {
        case .tooLarge(let limit): "the body is larger than \(limit) bytes"
        case .cutOff: "the body ended before all of it had come"
        }
    }
}

extension Request {
    /// The whole body, refused before more than the limit is kept, and before any of it is read where its length says
    /// so.
    public func collectedBody(within limits: HTTPLimits) async throws(BodyFailure) -> ByteBuffer {
        if let length = headers[.contentLength].flatMap(Int.init), length > limits.bodyBytes {
            throw .tooLarge(limit: limits.bodyBytes)
        }
        var request = self
        do { return try await request.collectBody(upTo: limits.bodyBytes) } catch is NIOTooManyBytesError {
            throw .tooLarge(limit: limits.bodyBytes)
        } catch { throw .cutOff }
    }
}
