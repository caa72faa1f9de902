public import FleetModel
import Foundation
public import WireProtocol

/// The coordinator's end over ZeroMQ: two ROUTER sockets with CURVE, both owned by one thread.
///
///     fleet      only keys on the allow-list get past the handshake; the key says which board speaks
///     enrolment  any key gets past it, and may say `enrol` and nothing else, in a small frame
///
/// Bounded throughout: bytes per frame, frames per connection, messages in either queue. No frame from outside
/// ends the process or the thread; it is delivered, or dropped and counted.
public final class ZeroMQCoordinatorTransport: CoordinatorTransport {
    /// Where the two sockets are. A port of `*` takes any free one; `boundEndpoints` tells which.
    public struct Endpoints: Equatable, Sendable {
        public var fleet: String
        public var enrolment: String

        public init(fleet: String, enrolment: String) {
            self.fleet = fleet
            self.enrolment = enrolment
        }
    }

    public let boundEndpoints: Endpoints
    public let allowList: AllowList
    public var incoming: AsyncStream<Incoming> { inbox.stream }

    private let codec = MessageCodec()
    private let inbox: Inbox<Incoming>
    private let shared: SharedCounters
    private let mailbox: Mailbox<CoordinatorSockets.Outgoing>
    private let thread: SocketThread<CoordinatorSockets.Outgoing>

    /// Throws `ZeroMQFailure` when an endpoint cannot be bound.
    public init(
        binding endpoints: Endpoints, keys: CurveKeyPair, allowList: AllowList,
        settings: TransportSettings = .coordinator
    ) throws {
        let shared = SharedCounters()
        let inbox = Inbox<Incoming>(limit: settings.incomingMessages, counters: shared)
        let mailbox = try Mailbox<CoordinatorSockets.Outgoing>(limit: settings.outgoingMessages)
        let context = try ZeroMQContext()
        let sockets = try CoordinatorSockets(
            context, endpoints: endpoints, keys: keys, allowList: allowList, settings: settings, mailbox: mailbox,
            inbox: inbox, counters: shared)
        boundEndpoints = sockets.boundEndpoints
        self.allowList = allowList
        self.shared = shared
        self.inbox = inbox
        self.mailbox = mailbox
        thread = SocketThread(
            named: "coordinator-sockets", context: context, mailbox: mailbox, loop: sockets, atEnd: inbox.finish)
    }

    public func send(_ message: Message, to board: BoardID) throws(SendFailure) {
        try post(message, to: .board(board))
    }

    public func reply(_ message: Message, to stranger: Stranger) throws(SendFailure) {
        try post(message, to: .stranger(stranger))
    }

    public func counters() -> FrameCounters { shared.snapshot }

    public func stop() async { await thread.stop() }

    private func post(_ message: Message, to destination: Incoming.Source) throws(SendFailure) {
        let payload: [UInt8]
        do {
            payload = try codec.payload(of: message)
        } catch {
            throw .unsendable(error)
        }
        do {
            try mailbox.post(.init(destination: destination, code: message.code, payload: payload))
        } catch {
            if case .queueFull = error { shared.countDropped(.overflowed) }
            throw error
        }
    }
}
