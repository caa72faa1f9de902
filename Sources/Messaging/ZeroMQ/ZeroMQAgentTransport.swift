public import WireProtocol

/// A board's end over ZeroMQ: one DEALER socket with CURVE that dials out, and dials again for as long as it lives.
///
/// Messages wait in this transport's own queue until a handshake has succeeded, so that a long absence leaves the
/// newest of them and not a backlog. One session for its whole life; the coordinator knows a restarted agent by its
/// new one.
public final class ZeroMQAgentTransport: AgentTransport {
    public var incoming: AsyncStream<Message> { inbox.stream }

    private let codec: MessageCodec
    private let inbox: Inbox<Message>
    private let shared: SharedCounters
    private let mailbox: Mailbox<AgentSocket.Outgoing>
    private let thread: SocketThread<AgentSocket.Outgoing>
    private let attention = Attention()

    /// Throws `ZeroMQFailure` when the endpoint is none; that nobody answers there is no error, but waited out.
    public convenience init(
        connectingTo endpoint: String, serverKey: PublicKey, keys: CurveKeyPair, settings: TransportSettings = .agent,
        codec: MessageCodec = MessageCodec()
    ) throws {
        try self.init(
            connectingTo: [endpoint], as: "", serverKey: serverKey, keys: keys, settings: settings, codec: codec)
    }

    /// To one of several coordinators at a time (`AddressChoice`).
    /// - Parameters:
    ///   - endpoints: at least one.
    ///   - board: whose order of them it is.
    /// - Throws: `ZeroMQFailure` when the first one in that order is no endpoint.
    public init(
        connectingTo endpoints: [String], as board: String, serverKey: PublicKey, keys: CurveKeyPair,
        settings: TransportSettings = .agent, codec: MessageCodec = MessageCodec()
    ) throws {
        let shared = SharedCounters()
        let inbox = Inbox<Message>(limit: settings.incomingMessages, counters: shared)
        let mailbox = try Mailbox<AgentSocket.Outgoing>(limit: settings.outgoingMessages)
        let context = try ZeroMQContext()
        let socket = try AgentSocket(
            context, choice: AddressChoice(of: endpoints, for: board, settings: settings.addresses, at: .now),
            serverKey: serverKey, keys: keys, settings: settings, mailbox: mailbox, inbox: inbox,
            attention: attention, counters: shared)
        self.codec = codec
        self.shared = shared
        self.inbox = inbox
        self.mailbox = mailbox
        thread = SocketThread(
            named: "agent-socket", context: context, mailbox: mailbox, loop: socket, atEnd: inbox.finish)
    }

    public func send(_ message: Message) throws(SendFailure) {
        let payload: [UInt8]
        do {
            payload = try codec.payload(of: message)
        } catch {
            throw .unsendable(error)
        }
        if try mailbox.postDroppingOldest(.init(code: message.code, payload: payload)) {
            shared.countDropped(.overflowed)
        }
    }

    public func unanswered() {
        attention.want()
        mailbox.wakeup.signal()
    }

    public func counters() -> FrameCounters { shared.snapshot }

    public func stop() async { await thread.stop() }
}
