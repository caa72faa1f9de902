import CZeroMQ
import FleetModel
import Synchronization
import WireProtocol

/// A front's way to the coordinator that leads: carries what boards say to its transport there, and the answers back.
///
/// One DEALER socket with CURVE and the coordinators' common key, on a thread of its own, that dials whoever `follow`
/// names and dials anew while nobody answers. Meanwhile what boards say is dropped and counted as `unreachable`; they
/// say it again. The leader tells which keys may speak, and every change of that.
public final class FrontRelay: Sendable {
    private let link: FrontLink
    private let transport: ZeroMQCoordinatorTransport
    private let mailbox: Mailbox<RelayMessage>
    private let thread: SocketThread<RelayMessage>

    /// - Parameters:
    ///   - transport: made with `isFront`.
    ///   - description: where boards reach it.
    public init(
        for transport: ZeroMQCoordinatorTransport, as description: FrontDescription,
        settings: TransportSettings = .coordinator
    ) throws {
        let link = FrontLink()
        let mailbox = try Mailbox<RelayMessage>(limit: settings.outgoingMessages)
        let context = try ZeroMQContext()
        let socket = try LeaderSocket(
            context, transport: transport, description: description, settings: settings, link: link, mailbox: mailbox)
        self.link = link
        self.transport = transport
        self.mailbox = mailbox
        thread = SocketThread(named: "leader-socket", context: context, mailbox: mailbox, loop: socket, atEnd: {})
        transport.arrivals.carry { message in
            guard link.isUp else { return .unreachable }
            do throws(SendFailure) { try mailbox.post(message) } catch { return .overflowed }
            return nil
        }
    }

    /// Where the leader's endpoint of fronts is; `nil`: nobody leads.
    public func follow(_ endpoint: String?) {
        if link.follow(endpoint) { mailbox.wakeup.signal() }
    }

    /// Why what boards say goes nowhere now, or `nil`.
    public var obstacle: String? { link.obstacle }

    /// Returns when the connection is closed. What boards say goes nowhere until the transport leads.
    public func stop() async {
        transport.arrivals.carry { _ in .unreachable }
        await thread.stop()
    }
}

/// What the thread of a front's socket and others both know.
final class FrontLink: Sendable {
    /// Signs of life are exchanged each `LeaderSocket.interval`.
    static let silence: Duration = .seconds(3)

    private struct State {
        var endpoint: String?
        /// On this endpoint.
        var heard: ContinuousClock.Instant?
        var hasKeys = false
    }

    private let state = Mutex(State())

    var endpoint: String? { state.withLock { $0.endpoint } }

    /// - Returns: whether it is another one.
    func follow(_ endpoint: String?) -> Bool {
        state.withLock { state in
            guard state.endpoint != endpoint else { return false }
            state = State(endpoint: endpoint)
            return true
        }
    }

    func heard(completingKeys: Bool) {
        state.withLock {
            $0.heard = .now
            if completingKeys { $0.hasKeys = true }
        }
    }

    func lost() {
        state.withLock { ($0.heard, $0.hasKeys) = (nil, false) }
    }

    var isUp: Bool { obstacle == nil }

    var obstacle: String? {
        state.withLock { state in
            guard let endpoint = state.endpoint else { return "no coordinator that leads is known" }
            guard let heard = state.heard, heard.duration(to: .now) < Self.silence else {
                return "the coordinator that leads does not answer at \(endpoint)"
            }
            return state.hasKeys ? nil : "the coordinator that leads has not told which boards may speak"
        }
    }
}

/// A front's socket to its leader. Lives on one thread.
final class LeaderSocket: SocketLoop {
    static let interval: Duration = .milliseconds(500)

    private let socket: ZeroMQSocket
    private let transport: ZeroMQCoordinatorTransport
    private let link: FrontLink
    private let mailbox: Mailbox<RelayMessage>

    private var description: FrontDescription
    /// Dialled now.
    private var endpoint: String?
    private var dialled: ContinuousClock.Instant = .now
    private var saidAlive: ContinuousClock.Instant?
    /// As the leader has told them so far.
    private var keys: [PublicKey: BoardID] = [:]

    init(
        _ context: ZeroMQContext, transport: ZeroMQCoordinatorTransport, description: FrontDescription,
        settings: TransportSettings, link: FrontLink, mailbox: Mailbox<RelayMessage>
    ) throws(ZeroMQFailure) {
        socket = try ZeroMQSocket(context, type: ZMQ_DEALER)
        var settings = settings
        settings.framesPerConnection = FrontSockets.framesPerFront
        try socket.apply(settings, frameLimit: FleetLimits.payloadBytes * CoordinatorSockets.frameLimitFactor)
        try socket.askForSigns(settings)
        try socket.set(ZMQ_CURVE_SERVERKEY, transport.keys.publicKey.bytes)
        try socket.set(ZMQ_CURVE_PUBLICKEY, transport.keys.publicKey.bytes)
        try socket.set(ZMQ_CURVE_SECRETKEY, transport.keys.secret)
        try socket.set(ZMQ_IMMEDIATE, 1)
        try socket.set(ZMQ_RECONNECT_IVL, settings.reconnectMilliseconds)
        try socket.set(ZMQ_RECONNECT_IVL_MAX, settings.longestReconnectMilliseconds)
        try socket.set(ZMQ_CONNECT_TIMEOUT, settings.connectMilliseconds)
        try socket.set(ZMQ_TCP_MAXRT, settings.deliveryMilliseconds)
        self.transport = transport
        self.description = description
        self.link = link
        self.mailbox = mailbox
    }

    func pollItems() -> [zmq_pollitem_t] { [socket.pollItem(writable: false)] }

    func patienceMilliseconds() -> Int? { 100 }

    func takeTurn() {
        dialWhereItMust()
        for _ in 0..<CoordinatorSockets.turnLimit {
            guard let received = socket.receive() else { break }
            guard !received.hasMore, let message = RelayMessage(received.parts[...]) else {
                transport.shared.countDropped(.malformed)
                continue
            }
            messageReceived(message)
        }
        sayAlive()
        while let message = mailbox.take() {
            if socket.send(message.parts) != .sent { transport.shared.countDropped(.overflowed) }
        }
    }

    func close() { socket.close() }

    /// A handshake that is refused is given up by ZeroMQ for good, so that silence, too, is dialled anew.
    private func dialWhereItMust() {
        let wanted = link.endpoint
        let isSilent = !link.isUp && dialled.duration(to: .now) > FrontLink.silence
        guard wanted != endpoint || isSilent else { return }
        if let endpoint { _ = socket.disconnect(endpoint) }
        if wanted == endpoint { link.lost() }
        (endpoint, dialled, saidAlive) = (nil, .now, nil)
        guard let wanted, (try? socket.connect(wanted)) != nil else { return }
        endpoint = wanted
    }

    private func sayAlive() {
        guard endpoint != nil, saidAlive.map({ $0.duration(to: .now) >= Self.interval }) ?? true else { return }
        let counters = transport.counters()
        (description.received, description.sent) = (counters.received, counters.sent)
        description.dropped = Dictionary(
            uniqueKeysWithValues: DropReason.allCases.map { ($0.rawValue, counters[$0]) })
        // Without a connection it waits for the next turn.
        if socket.send(RelayMessage.joined(description).parts) == .sent { saidAlive = .now }
    }

    private func messageReceived(_ message: RelayMessage) {
        switch message {
        case .alive: link.heard(completingKeys: false)
        case .keys(let changes):
            changes.apply(to: &keys)
            if changes.isComplete { transport.allowList.replace(with: keys) }
            link.heard(completingKeys: changes.isComplete)
        case .toBoard(let board, let frame): forward(frame, to: .board(board))
        case .toStranger(let routing, let frame):
            // The key is nobody's business on the way back: the connection tells where it goes.
            forward(frame, to: .stranger(Stranger(publicKey: transport.keys.publicKey, routing: routing)))
        case .joined, .board, .stranger: transport.shared.countDropped(.unexpected)
        }
    }

    private func forward(_ frame: Frame, to destination: Incoming.Source) {
        // A queue that is full has counted it.
        try? transport.forward(frame, to: destination)
    }
}
