import CZeroMQ
import WireProtocol

/// Watches a socket for handshakes that fail.
final class HandshakeMonitor {
    enum Event {
        /// The other side spoke another protocol, or had another key.
        case failed
        /// The connection ended before the handshake did: the other side went away, or only looked whether somebody
        /// listens.
        case abandoned
        /// The other side's ZAP handler refused this key, or ours refused theirs.
        case refused
        case succeeded
        /// A connection has ended by itself; told only where that is asked for.
        case lost

        /// As one counts it who is connected to. Refusals by the allow-list are counted where they are made.
        var dropReason: DropReason? {
            switch self {
            case .failed: .unauthenticated
            case .abandoned: .abandoned
            case .refused, .succeeded, .lost: nil
            }
        }
    }

    let socket: ZeroMQSocket

    /// `name` is unique in the context.
    init(
        _ context: ZeroMQContext, watching watched: ZeroMQSocket, name: String, tellsLosses: Bool = false
    ) throws(ZeroMQFailure) {
        let endpoint = "inproc://handshakes-\(name)"
        let events =
            ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
            | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_SUCCEEDED
            | (tellsLosses ? ZMQ_EVENT_DISCONNECTED : 0)
        try watched.monitor(endpoint, events: events)
        socket = try ZeroMQSocket(context, type: ZMQ_PAIR)
        try socket.set(ZMQ_LINGER, 0)
        try socket.connect(endpoint)
    }

    /// `nil` when nothing waits. A message is the event's number, 16 bits in the machine's order, and its value.
    func next() -> Event? {
        while let message = socket.receive() {
            guard let first = message.parts.first, first.count >= 2 else { continue }
            switch Int32(first.withUnsafeBytes { $0.loadUnaligned(as: UInt16.self) }) {
            case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: return .abandoned
            case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: return .failed
            case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: return .refused
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return .succeeded
            case ZMQ_EVENT_DISCONNECTED: return .lost
            default: continue
            }
        }
        return nil
    }
}
