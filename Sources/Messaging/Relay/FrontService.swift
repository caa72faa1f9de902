import CZeroMQ
import FleetModel
import Synchronization
import WireProtocol

/// The leader's end of its fronts: a ROUTER socket with a thread of its own.
struct FrontService: Sendable {
    let endpoint: String
    let roster: FrontRoster
    let mailbox: Mailbox<FrontSockets.Outgoing>
    let thread: SocketThread<FrontSockets.Outgoing>

    /// Throws `ZeroMQFailure` when the endpoint cannot be bound.
    init(
        at endpoint: String, keys: CurveKeyPair, allowList: AllowList, settings: TransportSettings,
        arrivals: Arrivals, counters: SharedCounters
    ) throws {
        let mailbox = try Mailbox<FrontSockets.Outgoing>(limit: settings.outgoingMessages)
        let context = try ZeroMQContext()
        let roster = FrontRoster()
        let sockets = try FrontSockets(
            context, endpoint: endpoint, keys: keys, allowList: allowList, settings: settings, mailbox: mailbox,
            arrivals: arrivals, roster: roster, counters: counters)
        self.endpoint = sockets.endpoint
        self.roster = roster
        self.mailbox = mailbox
        thread = SocketThread(
            named: "front-sockets", context: context, mailbox: mailbox, loop: sockets, atEnd: {})
    }
}

/// The fronts that are connected, by their connection; for whoever asks.
final class FrontRoster: Sendable {
    private let described = Mutex<[[UInt8]: FrontDescription]>([:])

    var fronts: [[UInt8]: FrontDescription] { described.withLock { $0 } }
    func set(_ description: FrontDescription?, of front: [UInt8]) { described.withLock { $0[front] = description } }
}

/// The leader's socket with what is known of its fronts. Lives on one thread.
///
/// What a front passes on is tested here once more, as if the board stood at this coordinator: its key against the
/// allow-list, its frame by the gate. The key is what the front says it is; fronts hold the same secret as the leader.
final class FrontSockets: SocketLoop {
    struct Outgoing: Sendable {
        var front: [UInt8]
        var message: RelayMessage
    }

    private struct Front {
        var instance: UInt64
        var heard: ContinuousClock.Instant
    }

    /// More do not get in.
    static let frontLimit = 64
    /// A front that is silent for this long is given up.
    static let silence: Duration = .seconds(5)
    /// How long a key that is taken off the list may still pass a front's handshake. Here it has no say at once.
    static let keyPatience: Duration = .milliseconds(50)
    /// Frames that wait for one front, or for one leader: many boards share the connection.
    static let framesPerFront = 16_384

    let endpoint: String

    private let authenticator: CurveAuthenticator
    private let socket: ZeroMQSocket
    private let monitor: HandshakeMonitor
    private let allowList: AllowList
    private let mailbox: Mailbox<Outgoing>
    private let arrivals: Arrivals
    private let roster: FrontRoster
    private let counters: SharedCounters

    private var fronts: [[UInt8]: Front] = [:]
    private var boardFrames: FrameGate<BoardID>
    private var strangerFrames: FrameGate<PublicKey>
    private var strangerRate = RateLimit(perSecond: CoordinatorSockets.strangersPerSecond, at: .now)
    /// The allow-list as fronts know it.
    private var told: (boards: [PublicKey: BoardID], revision: UInt64)
    private var keysDue: ContinuousClock.Instant = .now
    /// Answers to strangers, who may speak as soon as they have them: their fronts hear of the key first.
    private var answers: [Outgoing] = []

    init(
        _ context: ZeroMQContext, endpoint: String, keys: CurveKeyPair, allowList: AllowList,
        settings: TransportSettings, mailbox: Mailbox<Outgoing>, arrivals: Arrivals, roster: FrontRoster,
        counters: SharedCounters
    ) throws(ZeroMQFailure) {
        guard let name = BoardID("coordinator") else { preconditionFailure("a name of letters") }
        // Of this context's own ZAP handler, which knows no board: only who holds the coordinators' key gets in.
        authenticator = try CurveAuthenticator(
            context, allowList: AllowList([keys.publicKey: name]), counters: counters)
        socket = try ZeroMQSocket(context, type: ZMQ_ROUTER)
        try socket.set(ZMQ_CURVE_SERVER, 1)
        try socket.set(ZMQ_CURVE_SECRETKEY, keys.secret)
        try socket.set(ZMQ_ZAP_DOMAIN, Array(CurveAuthenticator.Domain.fleet.rawValue.utf8))
        try socket.set(ZMQ_ROUTER_MANDATORY, 1)
        var settings = settings
        settings.framesPerConnection = Self.framesPerFront
        try socket.apply(settings, frameLimit: FleetLimits.payloadBytes * CoordinatorSockets.frameLimitFactor)
        try socket.letKernelAsk(settings)
        monitor = try HandshakeMonitor(context, watching: socket, name: "fronts")
        try socket.bind(endpoint)
        self.endpoint = try socket.lastEndpoint()
        self.allowList = allowList
        self.mailbox = mailbox
        self.arrivals = arrivals
        self.roster = roster
        self.counters = counters
        boardFrames = FrameGate(codec: MessageCodec(), speaker: .board, replays: ReplayGuard(), counters: counters)
        strangerFrames = FrameGate(
            codec: MessageCodec(payloadLimit: FleetLimits.enrolmentPayloadBytes), speaker: .stranger, replays: nil,
            counters: counters)
        told = allowList.snapshot
    }

    // MARK: Turns

    func pollItems() -> [zmq_pollitem_t] {
        [authenticator.socket, socket, monitor.socket].map { $0.pollItem(writable: false) }
    }

    func patienceMilliseconds() -> Int? {
        fronts.isEmpty ? nil : Int(Self.keyPatience.components.attoseconds / 1_000_000_000_000_000)
    }

    func takeTurn() {
        authenticator.answer(limit: CoordinatorSockets.turnLimit)
        while let event = monitor.next() {
            if let reason = event.dropReason { counters.countDropped(reason) }
        }
        for _ in 0..<CoordinatorSockets.turnLimit {
            guard let received = socket.receive() else { break }
            guard !received.hasMore, let front = received.parts.first,
                let message = RelayMessage(received.parts.dropFirst())
            else {
                counters.countDropped(.malformed)
                continue
            }
            messageReceived(message, from: front)
        }
        for (front, state) in fronts where state.heard.duration(to: .now) > Self.silence { forget(front) }
        while let outgoing = mailbox.take() {
            if case .toStranger = outgoing.message { answers.append(outgoing) } else { send(outgoing) }
        }
        tellKeys()
    }

    func close() {
        monitor.socket.close()
        socket.close()
        authenticator.socket.close()
    }

    // MARK: Receiving

    private func messageReceived(_ message: RelayMessage, from front: [UInt8]) {
        if case .joined(let description) = message { return joined(description, front) }
        guard fronts[front] != nil else { return counters.countDropped(.unexpected) }
        fronts[front]?.heard = .now
        switch message {
        case .board(let key, let frame): boardSpoke(key, frame, over: front)
        case .stranger(let key, let routing, let frame): strangerSpoke(key, routing, frame, over: front)
        case .joined, .alive, .keys, .toBoard, .toStranger: counters.countDropped(.unexpected)
        }
    }

    private func joined(_ description: FrontDescription, _ front: [UInt8]) {
        if fronts[front] == nil {
            // It has dialled anew: the connection before is dead, whatever the kernel thinks of it.
            for (old, state) in fronts where state.instance == description.instance { forget(old) }
            guard fronts.count < Self.frontLimit else { return counters.countDropped(.overflowed) }
            fronts[front] = Front(instance: description.instance, heard: .now)
            for piece in KeyChanges.pieces(from: nil, to: told.boards) {
                send(Outgoing(front: front, message: .keys(piece)))
            }
        }
        fronts[front]?.heard = .now
        roster.set(description, of: front)
        send(Outgoing(front: front, message: .alive))
    }

    private func boardSpoke(_ key: PublicKey, _ frame: Frame, over front: [UInt8]) {
        guard let board = allowList.board(of: key) else { return counters.countDropped(.unauthenticated) }
        guard let (header, message) = boardFrames.frameReceived([frame.header, frame.payload], from: board) else {
            return
        }
        arrivals.carriers.heard(board, over: front)
        arrivals.inbox.deliver(Incoming(source: .board(board), header: header, message: message, publicKey: key))
    }

    private func strangerSpoke(_ key: PublicKey, _ routing: [UInt8], _ frame: Frame, over front: [UInt8]) {
        guard strangerRate.admits(at: .now) else { return counters.countDropped(.overflowed) }
        guard let (header, message) = strangerFrames.frameReceived([frame.header, frame.payload], from: key) else {
            return
        }
        let stranger = Stranger(publicKey: key, routing: routing, front: front)
        arrivals.inbox.deliver(
            Incoming(source: .stranger(stranger), header: header, message: message, publicKey: key))
    }

    private func forget(_ front: [UInt8]) {
        fronts[front] = nil
        roster.set(nil, of: front)
        arrivals.carriers.forget { $1 == front }
    }

    // MARK: Sending

    /// What changed in the allow-list, to all fronts; then the answers that waited for it.
    private func tellKeys() {
        guard keysDue <= .now else { return }
        keysDue = .now + Self.keyPatience
        if allowList.revision != told.revision {
            let now = allowList.snapshot
            let pieces = KeyChanges.pieces(from: told.boards, to: now.boards)
            for front in fronts.keys { for piece in pieces { send(Outgoing(front: front, message: .keys(piece))) } }
            if pieces.contains(where: { $0.entries.contains { $0.board == nil } }) {
                let boards = Set(now.boards.values)
                for board in Set(told.boards.values).subtracting(boards) { boardFrames.forget(board) }
                arrivals.carriers.forget { board, _ in !boards.contains(board) }
            }
            told = now
        }
        for answer in answers { send(answer) }
        answers = []
    }

    private func send(_ outgoing: Outgoing) {
        guard fronts[outgoing.front] != nil else { return counters.countDropped(.unreachable) }
        let carriesFrame = outgoing.message.carriesFrame
        switch socket.send([outgoing.front] + outgoing.message.parts) {
        case .sent: if carriesFrame { counters.countSent() }
        case .wouldBlock:
            counters.countDropped(.overflowed)
            // What it knows of keys would be wrong from here on: it joins anew.
            if !carriesFrame { forget(outgoing.front) }
        case .unreachable:
            counters.countDropped(.unreachable)
            forget(outgoing.front)
        }
    }
}
