public import FleetModel
import Synchronization
public import WireProtocol

/// The coordinator's end without a network: the twin of `ZeroMQCoordinatorTransport`. Messages go through the same
/// codec, guards and counters; a connection is a stream.
public final class InMemoryCoordinatorTransport: CoordinatorTransport {
    private struct State {
        var boardFrames: FrameGate<BoardID>
        var strangerFrames: FrameGate<PublicKey>
        var routes: [BoardID: InMemoryAgentTransport] = [:]
        var strangers: [[UInt8]: InMemoryAgentTransport] = [:]
        var header = FrameHeader(session: UInt64.random(in: 0...UInt64.max), sequence: 0)
        var connections: UInt64 = 0
        var isStopped = false
    }

    public let allowList: AllowList
    public var incoming: AsyncStream<Incoming> { inbox.stream }

    private let codec = MessageCodec()
    private let inbox: Inbox<Incoming>
    private let shared = SharedCounters()
    private let state: Mutex<State>

    public init(allowList: AllowList, settings: TransportSettings = .coordinator) {
        self.allowList = allowList
        inbox = Inbox(limit: settings.incomingMessages, counters: shared)
        let small = MessageCodec(payloadLimit: FleetLimits.enrolmentPayloadBytes)
        state = Mutex(
            State(
                boardFrames: FrameGate(codec: codec, speaker: .board, replays: ReplayGuard(), counters: shared),
                strangerFrames: FrameGate(codec: small, speaker: .stranger, replays: nil, counters: shared)))
    }

    /// A connection of the board with this key to the fleet endpoint.
    public func connect(_ key: PublicKey, settings: TransportSettings = .agent) -> InMemoryAgentTransport {
        connection(key, isStranger: false, settings)
    }

    /// A connection to the enrolment endpoint.
    public func connectStranger(_ key: PublicKey, settings: TransportSettings = .agent) -> InMemoryAgentTransport {
        connection(key, isStranger: true, settings)
    }

    private func connection(
        _ key: PublicKey, isStranger: Bool, _ settings: TransportSettings
    ) -> InMemoryAgentTransport {
        let number = state.withLock {
            $0.connections += 1
            return $0.connections
        }
        let routing = withUnsafeBytes(of: number.bigEndian, Array.init)
        return InMemoryAgentTransport(
            to: self, stranger: Stranger(publicKey: key, routing: routing), isStranger: isStranger, settings: settings)
    }

    public func send(_ message: Message, to board: BoardID) throws(SendFailure) {
        try post(message) { state in
            guard let agent = state.routes[board], self.allowList.board(of: agent.stranger.publicKey) == board else {
                return nil
            }
            return agent
        }
    }

    public func reply(_ message: Message, to stranger: Stranger) throws(SendFailure) {
        try post(message) { $0.strangers[stranger.routing] }
    }

    public func counters() -> FrameCounters { shared.snapshot }

    public func stop() async {
        state.withLock {
            $0.isStopped = true
            $0.routes = [:]
            $0.strangers = [:]
        }
        inbox.finish()
    }

    private func post(
        _ message: Message, to agent: (borrowing State) -> InMemoryAgentTransport?
    ) throws(SendFailure) {
        let payload: [UInt8]
        do {
            payload = try codec.payload(of: message)
        } catch {
            throw .unsendable(error)
        }
        let isStopped = state.withLock { state in
            guard !state.isStopped else { return true }
            guard let agent = agent(state) else {
                shared.countDropped(.unreachable)
                return false
            }
            state.header.sequence += 1
            let header = codec.header(state.header, code: message.code, payloadBytes: payload.count)
            shared.countSent()
            agent.frameReceived([header, payload])
            return false
        }
        if isStopped { throw .stopped }
    }

    func frameReceived(_ parts: [[UInt8]], from agent: InMemoryAgentTransport) {
        state.withLock { state in
            guard !state.isStopped else { return }
            if agent.isStranger { return strangerFrameReceived(parts, from: agent, &state) }
            guard let board = allowList.board(of: agent.stranger.publicKey) else {
                return shared.countDropped(.unauthenticated)
            }
            guard let (header, message) = state.boardFrames.frameReceived(parts[...], from: board) else { return }
            state.routes[board] = agent
            inbox.deliver(
                Incoming(
                    source: .board(board), header: header, message: message, publicKey: agent.stranger.publicKey))
        }
    }

    private func strangerFrameReceived(
        _ parts: [[UInt8]], from agent: InMemoryAgentTransport, _ state: inout State
    ) {
        let key = agent.stranger.publicKey
        guard let (header, message) = state.strangerFrames.frameReceived(parts[...], from: key) else { return }
        state.strangers[agent.stranger.routing] = agent
        inbox.deliver(
            Incoming(source: .stranger(agent.stranger), header: header, message: message, publicKey: key))
    }

    func disconnected(_ agent: InMemoryAgentTransport) {
        state.withLock { state in
            state.strangers[agent.stranger.routing] = nil
            state.routes = state.routes.filter { $0.value !== agent }
        }
    }
}

/// A board's end without a network: the twin of `ZeroMQAgentTransport`.
public final class InMemoryAgentTransport: AgentTransport {
    private struct Sender {
        var header = FrameHeader(session: UInt64.random(in: 0...UInt64.max), sequence: 0)
        var isStopped = false
    }

    private struct Receiver {
        var frames: FrameGate<Int>
        var isStopped = false
    }

    public var incoming: AsyncStream<Message> { inbox.stream }

    let stranger: Stranger
    let isStranger: Bool
    private let coordinator: InMemoryCoordinatorTransport
    private let codec: MessageCodec
    private let inbox: Inbox<Message>
    private let shared = SharedCounters()
    /// Held while a frame is handed over, so that frames arrive in the order of their numbers. The coordinator's own
    /// lock comes after this one and before `receiver`.
    private let sender = Mutex(Sender())
    private let receiver: Mutex<Receiver>

    init(
        to coordinator: InMemoryCoordinatorTransport, stranger: Stranger, isStranger: Bool,
        settings: TransportSettings
    ) {
        self.coordinator = coordinator
        self.stranger = stranger
        self.isStranger = isStranger
        codec = MessageCodec(
            payloadLimit: isStranger ? FleetLimits.enrolmentPayloadBytes : FleetLimits.payloadBytes)
        inbox = Inbox(limit: settings.incomingMessages, counters: shared)
        receiver = Mutex(
            Receiver(
                frames: FrameGate(
                    codec: MessageCodec(), speaker: .coordinator, replays: ReplayGuard(peerLimit: 1),
                    counters: shared)))
    }

    public func send(_ message: Message) throws(SendFailure) {
        let payload: [UInt8]
        do {
            payload = try codec.payload(of: message)
        } catch {
            throw .unsendable(error)
        }
        let isStopped = sender.withLock { sender in
            guard !sender.isStopped else { return true }
            sender.header.sequence += 1
            let header = codec.header(sender.header, code: message.code, payloadBytes: payload.count)
            shared.countSent()
            coordinator.frameReceived([header, payload], from: self)
            return false
        }
        if isStopped { throw .stopped }
    }

    public func counters() -> FrameCounters { shared.snapshot }

    public func stop() async {
        sender.withLock { $0.isStopped = true }
        receiver.withLock { $0.isStopped = true }
        coordinator.disconnected(self)
        inbox.finish()
    }

    func frameReceived(_ parts: [[UInt8]]) {
        receiver.withLock { receiver in
            guard !receiver.isStopped, let (_, message) = receiver.frames.frameReceived(parts[...], from: 0) else {
                return
            }
            inbox.deliver(message)
        }
    }
}
