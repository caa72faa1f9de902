import CZeroMQ
import FleetModel
import WireProtocol

/// The coordinator's sockets with all that is known of their connections. Lives on one thread.
final class CoordinatorSockets: SocketLoop {
    struct Outgoing: Sendable {
        enum Head: Sendable {
            /// Of a frame that is numbered here.
            case code(Message.Code)
            /// Whole, as the coordinator that leads has made it.
            case made([UInt8])
        }

        var destination: Incoming.Source
        var head: Head
        var payload: [UInt8]

        func header(_ codec: MessageCodec, _ numbers: FrameNumbers) -> [UInt8] {
            switch head {
            case .code(let code): codec.header(numbers.next(), code: code, payloadBytes: payload.count)
            case .made(let header): header
            }
        }
    }

    private struct Route {
        var routing: [UInt8]
        var key: PublicKey
    }

    /// Messages moved per socket and turn, so that no socket keeps the others waiting.
    static let turnLimit = 256
    /// Frames of up to this multiple of the payload limit are received and counted; a larger one ends its connection.
    static let frameLimitFactor = 4
    /// Messages of strangers that pass per second: they share a queue with the boards and must not fill it.
    static let strangersPerSecond = 200
    /// Connections that the kernel takes until they are accepted: when the coordinator comes back, all boards are there
    /// within a second. A board gives up a handshake after ten, so that of more than a busy coordinator can accept in
    /// that time, most would be accepted in vain; those that find no place ask again.
    private static let backlog = 512

    let boundEndpoints: ZeroMQCoordinatorTransport.Endpoints

    private let authenticator: CurveAuthenticator
    private let fleet: ZeroMQSocket
    private let enrolment: ZeroMQSocket
    private let monitors: [HandshakeMonitor]
    private let allowList: AllowList
    private let mailbox: Mailbox<Outgoing>
    private let arrivals: Arrivals
    private let numbers: FrameNumbers
    private let counters: SharedCounters
    private let codec = MessageCodec()

    /// The connection a board spoke from last.
    private var routes: [BoardID: Route] = [:]
    private var boardFrames: FrameGate<BoardID>
    /// Without sessions: a token works once, and strangers' sessions would have no bound.
    private var strangerFrames: FrameGate<PublicKey>
    private var strangerRate = RateLimit(perSecond: strangersPerSecond, at: .now)

    init(
        _ context: ZeroMQContext, endpoints: ZeroMQCoordinatorTransport.Endpoints, keys: CurveKeyPair,
        allowList: AllowList, settings: TransportSettings, mailbox: Mailbox<Outgoing>, arrivals: Arrivals,
        numbers: FrameNumbers, counters: SharedCounters
    ) throws(ZeroMQFailure) {
        authenticator = try CurveAuthenticator(context, allowList: allowList, counters: counters)
        fleet = try Self.router(
            context, .fleet, keys, payloadLimit: FleetLimits.payloadBytes, settings: settings)
        enrolment = try Self.router(
            context, .enrolment, keys, payloadLimit: FleetLimits.enrolmentPayloadBytes, settings: settings)
        monitors = [
            try HandshakeMonitor(context, watching: fleet, name: "fleet"),
            try HandshakeMonitor(context, watching: enrolment, name: "enrolment"),
        ]
        try fleet.bind(endpoints.fleet)
        try enrolment.bind(endpoints.enrolment)
        boundEndpoints = .init(fleet: try fleet.lastEndpoint(), enrolment: try enrolment.lastEndpoint())
        boardFrames = FrameGate(codec: codec, speaker: .board, replays: ReplayGuard(), counters: counters)
        strangerFrames = FrameGate(
            codec: MessageCodec(payloadLimit: FleetLimits.enrolmentPayloadBytes), speaker: .stranger, replays: nil,
            counters: counters)
        self.allowList = allowList
        self.mailbox = mailbox
        self.arrivals = arrivals
        self.numbers = numbers
        self.counters = counters
    }

    private static func router(
        _ context: ZeroMQContext, _ domain: CurveAuthenticator.Domain, _ keys: CurveKeyPair, payloadLimit: Int,
        settings: TransportSettings
    ) throws(ZeroMQFailure) -> ZeroMQSocket {
        let socket = try ZeroMQSocket(context, type: ZMQ_ROUTER)
        try socket.set(ZMQ_CURVE_SERVER, 1)
        try socket.set(ZMQ_CURVE_SECRETKEY, keys.secret)
        try socket.set(ZMQ_ZAP_DOMAIN, Array(domain.rawValue.utf8))
        try socket.set(ZMQ_ROUTER_MANDATORY, 1)
        try socket.set(ZMQ_BACKLOG, backlog)
        try socket.apply(settings, frameLimit: payloadLimit * frameLimitFactor)
        try socket.letKernelAsk(settings)
        return socket
    }

    // MARK: Turns

    func pollItems() -> [zmq_pollitem_t] {
        [authenticator.socket, fleet, enrolment].map { $0.pollItem(writable: false) }
            + monitors.map { $0.socket.pollItem(writable: false) }
    }

    func patienceMilliseconds() -> Int? { nil }

    func takeTurn() {
        authenticator.answer(limit: Self.turnLimit)
        countFailedHandshakes()
        for _ in 0..<Self.turnLimit {
            guard let received = fleet.receive() else { break }
            fleetFrameReceived(received)
        }
        for _ in 0..<Self.turnLimit {
            guard let received = enrolment.receive() else { break }
            enrolmentFrameReceived(received)
        }
        while let outgoing = mailbox.take() { send(outgoing) }
    }

    func close() {
        for monitor in monitors { monitor.socket.close() }
        fleet.close()
        enrolment.close()
        authenticator.socket.close()
    }

    private func countFailedHandshakes() {
        for monitor in monitors {
            while let event = monitor.next() {
                if let reason = event.dropReason { counters.countDropped(reason) }
            }
        }
    }

    // MARK: Receiving

    private func fleetFrameReceived(_ received: ZeroMQSocket.Received) {
        guard let key = received.userID.flatMap(PublicKey.init(z85:)), let board = allowList.board(of: key) else {
            return counters.countDropped(.unauthenticated)
        }
        guard !received.hasMore, let routing = received.parts.first else { return counters.countDropped(.malformed) }
        guard let (header, message) = boardFrames.frameReceived(received.parts.dropFirst(), from: board) else { return }
        routes[board] = Route(routing: routing, key: key)
        forgetRevokedBoards()
        arrivals.deliver(
            Incoming(source: .board(board), header: header, message: message, publicKey: key),
            parts: received.parts.dropFirst())
    }

    private func enrolmentFrameReceived(_ received: ZeroMQSocket.Received) {
        guard let key = received.userID.flatMap(PublicKey.init(z85:)) else {
            return counters.countDropped(.unauthenticated)
        }
        guard strangerRate.admits(at: .now) else { return counters.countDropped(.overflowed) }
        guard !received.hasMore, let routing = received.parts.first else { return counters.countDropped(.malformed) }
        guard let (header, message) = strangerFrames.frameReceived(received.parts.dropFirst(), from: key) else {
            return
        }
        let stranger = Stranger(publicKey: key, routing: routing)
        arrivals.deliver(
            Incoming(source: .stranger(stranger), header: header, message: message, publicKey: key),
            parts: received.parts.dropFirst())
    }

    /// Keeps what is known of boards within what the allow-list names.
    private func forgetRevokedBoards() {
        guard routes.count > allowList.count else { return }
        for (board, route) in routes where allowList.board(of: route.key) != board { forget(board) }
    }

    private func forget(_ board: BoardID) {
        routes[board] = nil
        boardFrames.forget(board)
    }

    // MARK: Sending

    private func send(_ outgoing: Outgoing) {
        switch outgoing.destination {
        case .board(let board):
            guard let route = routes[board] else { return counters.countDropped(.unreachable) }
            guard allowList.board(of: route.key) == board else {
                forget(board)
                return counters.countDropped(.unreachable)
            }
            if send(outgoing, to: route.routing, over: fleet) == .unreachable { routes[board] = nil }
        case .stranger(let stranger):
            _ = send(outgoing, to: stranger.routing, over: enrolment)
        }
    }

    private func send(
        _ outgoing: Outgoing, to routing: [UInt8], over socket: ZeroMQSocket
    ) -> ZeroMQSocket.SendOutcome {
        let outcome = socket.send([routing, outgoing.header(codec, numbers), outgoing.payload])
        switch outcome {
        case .sent: counters.countSent()
        case .wouldBlock: counters.countDropped(.overflowed)
        case .unreachable: counters.countDropped(.unreachable)
        }
        return outcome
    }
}

extension ZeroMQSocket {
    /// `frameLimit`: bytes of a frame beyond which the connection is ended before it is read.
    func apply(_ settings: TransportSettings, frameLimit: Int) throws(ZeroMQFailure) {
        try set(ZMQ_MAXMSGSIZE, wide: Int64(frameLimit))
        try set(ZMQ_LINGER, settings.lingerMilliseconds)
        try set(ZMQ_SNDHWM, settings.framesPerConnection)
        try set(ZMQ_RCVHWM, settings.framesPerConnection)
        try set(ZMQ_HANDSHAKE_IVL, settings.handshakeMilliseconds)
        try set(ZMQ_TCP_KEEPALIVE, 1)
    }

    /// The agent's end asks the other one whether it is there. The coordinator's does not: each question has a timer,
    /// libzmq looks through all timers of a thread to cancel one, and with ten thousand connections that took 39 % of a
    /// processor. There the kernel finds out about the dead.
    func askForSigns(_ settings: TransportSettings) throws(ZeroMQFailure) {
        try set(ZMQ_HEARTBEAT_IVL, settings.heartbeatMilliseconds)
        try set(ZMQ_HEARTBEAT_TIMEOUT, settings.heartbeatMilliseconds * 3)
    }

    /// Connections that are dead end after the same three intervals, rounded up to seconds.
    func letKernelAsk(_ settings: TransportSettings) throws(ZeroMQFailure) {
        let seconds = Swift.max(1, (settings.heartbeatMilliseconds + 999) / 1_000)
        try set(ZMQ_TCP_KEEPALIVE_IDLE, seconds)
        try set(ZMQ_TCP_KEEPALIVE_INTVL, seconds)
        try set(ZMQ_TCP_KEEPALIVE_CNT, 2)
    }
}
