import CZeroMQ
import WireProtocol

/// Answers every handshake (ZeroMQ Authentication Protocol, RFC 27). At the fleet endpoint a key must be on the
/// allow-list; at the enrolment endpoint any key may pass. Either way the connection carries the key it proved as its
/// `User-Id`, so that taking a key off the list also silences connections that stand already.
final class CurveAuthenticator {
    enum Domain: String { case fleet, enrolment }

    private static let endpoint = "inproc://zeromq.zap.01"
    private static let version = Array("1.0".utf8)

    let socket: ZeroMQSocket
    private let allowList: AllowList
    private let counters: SharedCounters

    /// Has to exist before any socket of the context binds.
    init(_ context: ZeroMQContext, allowList: AllowList, counters: SharedCounters) throws(ZeroMQFailure) {
        socket = try ZeroMQSocket(context, type: ZMQ_REP)
        self.allowList = allowList
        self.counters = counters
        try socket.set(ZMQ_LINGER, 0)
        try socket.bind(Self.endpoint)
    }

    func answer(limit: Int) {
        for _ in 0..<limit {
            guard let request = socket.receive() else { return }
            // An answer that cannot be delivered is for a connection that is gone.
            _ = socket.send(reply(to: request.parts))
        }
    }

    /// Request: version, request, domain, address, identity, mechanism, credentials.
    private func reply(to parts: [[UInt8]]) -> [[UInt8]] {
        let request = parts.count > 1 ? parts[1] : []
        guard parts.count == 7, parts[0] == Self.version, parts[5] == Array("CURVE".utf8),
            let domain = Domain(rawValue: String(decoding: parts[2], as: UTF8.self)),
            let key = PublicKey(bytes: parts[6]), isAdmitted(key, to: domain)
        else {
            counters.countDropped(.unauthenticated)
            return [Self.version, request, Array("400".utf8), Array("refused".utf8), [], []]
        }
        return [Self.version, request, Array("200".utf8), Array("OK".utf8), Array(key.z85.utf8), []]
    }

    private func isAdmitted(_ key: PublicKey, to domain: Domain) -> Bool {
        switch domain {
        case .fleet: allowList.board(of: key) != nil
        case .enrolment: true
        }
    }
}
