import CZeroMQ
import FleetModel
import Synchronization
import WireProtocol

/// An agent's socket. Lives on one thread.
///
/// ZeroMQ (4.3.4) connects anew by itself when a connection breaks, but gives up for good when a handshake is refused;
/// the key may yet be enrolled, so this dials again, ever more slowly.
final class AgentSocket: SocketLoop {
    struct Outgoing: Sendable {
        var code: Message.Code
        var payload: [UInt8]
    }

    private static let turnLimit = 256
    private static let frameLimit = FleetLimits.payloadBytes * 4

    /// Of the coordinator, through whichever address: its frames are numbered as one session over all of them.
    private static let peer = "coordinator"

    /// Dialled now.
    private var endpoint: String
    private var choice: AddressChoice<ContinuousClock.Instant>
    private var generator = SystemRandomNumberGenerator()
    private let attention: Attention
    private let socket: ZeroMQSocket
    private let monitor: HandshakeMonitor
    private let settings: TransportSettings
    private let mailbox: Mailbox<Outgoing>
    private let inbox: Inbox<Message>
    private let counters: SharedCounters
    private let codec = MessageCodec()
    private let clock = ContinuousClock()

    private var frames: FrameGate<String>
    private var header = FrameHeader(session: UInt64.random(in: 0...UInt64.max), sequence: 0)
    private var isBlocked = false
    private var redialMilliseconds: Int
    private var redialAt: ContinuousClock.Instant?

    init(
        _ context: ZeroMQContext, choice: AddressChoice<ContinuousClock.Instant>, serverKey: PublicKey,
        keys: CurveKeyPair, settings: TransportSettings, mailbox: Mailbox<Outgoing>, inbox: Inbox<Message>,
        attention: Attention, counters: SharedCounters
    ) throws(ZeroMQFailure) {
        socket = try ZeroMQSocket(context, type: ZMQ_DEALER)
        try socket.apply(settings, frameLimit: Self.frameLimit)
        try socket.askForSigns(settings)
        try socket.set(ZMQ_CURVE_SERVERKEY, PublicKey.bytes(ofZ85: serverKey.z85) ?? [])
        try socket.set(ZMQ_CURVE_PUBLICKEY, PublicKey.bytes(ofZ85: keys.publicKey.z85) ?? [])
        try socket.set(ZMQ_CURVE_SECRETKEY, keys.secret)
        try socket.set(ZMQ_IMMEDIATE, 1)
        try socket.set(ZMQ_RECONNECT_IVL, settings.reconnectMilliseconds)
        try socket.set(ZMQ_RECONNECT_IVL_MAX, settings.longestReconnectMilliseconds)
        try socket.set(ZMQ_CONNECT_TIMEOUT, settings.connectMilliseconds)
        try socket.set(ZMQ_TCP_MAXRT, settings.deliveryMilliseconds)
        monitor = try HandshakeMonitor(context, watching: socket, name: "agent", tellsLosses: true)
        try socket.connect(choice.current)
        endpoint = choice.current
        self.choice = choice
        self.attention = attention
        self.settings = settings
        self.mailbox = mailbox
        self.inbox = inbox
        self.counters = counters
        frames = FrameGate(
            codec: codec, speaker: .coordinator, replays: ReplayGuard(peerLimit: 1), counters: counters)
        redialMilliseconds = settings.reconnectMilliseconds
    }

    func pollItems() -> [zmq_pollitem_t] {
        [socket.pollItem(writable: isBlocked), monitor.socket.pollItem(writable: false)]
    }

    func patienceMilliseconds() -> Int? {
        guard let next = [redialAt, choice.nextDeadline].compactMap(\.self).min() else { return nil }
        let left = next - clock.now
        return max(
            0, Int(left.components.seconds) * 1_000 + Int(left.components.attoseconds / 1_000_000_000_000_000) + 1)
    }

    func takeTurn() {
        while let event = monitor.next() { handshakeEnded(event) }
        if attention.take(), let next = choice.unanswered(at: clock.now) { move(to: next) }
        if let next = choice.timerFired(at: clock.now) { move(to: next) }
        if let redialAt, redialAt <= clock.now { redial() }
        for _ in 0..<Self.turnLimit {
            guard let received = socket.receive() else { break }
            guard !received.hasMore else {
                counters.countDropped(.malformed)
                continue
            }
            guard let (_, message) = frames.frameReceived(received.parts[...], from: Self.peer) else { continue }
            inbox.deliver(message)
        }
        sendQueued()
    }

    func close() {
        sendQueued()
        monitor.socket.close()
        socket.close()
    }

    private func handshakeEnded(_ event: HandshakeMonitor.Event) {
        switch event {
        case .succeeded:
            redialMilliseconds = settings.reconnectMilliseconds
            redialAt = nil
            choice.connected(at: clock.now, using: &generator)
        case .lost: choice.connectionLost(at: clock.now)
        case .failed, .abandoned, .refused:
            counters.countDropped(.unauthenticated)
            guard redialAt == nil else { return }
            redialAt = clock.now + .milliseconds(redialMilliseconds)
            redialMilliseconds = min(redialMilliseconds * 2, settings.longestReconnectMilliseconds)
        }
    }

    private func move(to address: String) {
        _ = socket.disconnect(endpoint)
        endpoint = address
        redialMilliseconds = settings.reconnectMilliseconds
        redial()
    }

    private func redial() {
        // The old connection may be gone by itself; what matters is that there are never two.
        _ = socket.disconnect(endpoint)
        do {
            try socket.connect(endpoint)
            redialAt = nil
        } catch {
            redialAt = clock.now + .milliseconds(redialMilliseconds)
        }
    }

    private func sendQueued() {
        isBlocked = false
        while let outgoing = mailbox.take() {
            header.sequence += 1
            let frame = codec.header(header, code: outgoing.code, payloadBytes: outgoing.payload.count)
            switch socket.send([frame, outgoing.payload]) {
            case .sent: counters.countSent()
            case .unreachable: counters.countDropped(.unreachable)
            case .wouldBlock:
                isBlocked = true
                if !mailbox.putBack(outgoing) { counters.countDropped(.overflowed) }
                return
            }
        }
    }
}

/// Tells the thread of an agent's socket that its messages go unanswered.
final class Attention: Sendable {
    private let isWanted = Atomic(false)

    func want() { isWanted.store(true, ordering: .relaxed) }
    func take() -> Bool { isWanted.exchange(false, ordering: .relaxed) }
}
