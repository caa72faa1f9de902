import CZeroMQ
import Testing

@testable import Messaging

/// A DEALER that says whatever it is told.
final class RawDealer {
    private let context: ZeroMQContext
    private let socket: ZeroMQSocket

    init(_ endpoint: String, _ serverKey: PublicKey, _ keys: CurveKeyPair) throws {
        context = try ZeroMQContext()
        socket = try ZeroMQSocket(context, type: ZMQ_DEALER)
        try socket.set(ZMQ_CURVE_SERVERKEY, serverKey.bytes)
        try socket.set(ZMQ_CURVE_PUBLICKEY, keys.publicKey.bytes)
        try socket.set(ZMQ_CURVE_SECRETKEY, keys.secret)
        try socket.set(ZMQ_LINGER, 0)
        try socket.connect(endpoint)
    }

    /// Without CURVE.
    init(plain endpoint: String) throws {
        context = try ZeroMQContext()
        socket = try ZeroMQSocket(context, type: ZMQ_DEALER)
        try socket.set(ZMQ_LINGER, 0)
        try socket.connect(endpoint)
    }

    func send(_ parts: [[UInt8]]) { #expect(socket.send(parts) == .sent) }

    func close() {
        socket.close()
        context.terminate()
    }
}
