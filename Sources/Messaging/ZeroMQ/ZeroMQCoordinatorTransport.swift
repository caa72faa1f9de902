public import FleetModel
import Foundation
import Synchronization
public import WireProtocol

/// The coordinator's end over ZeroMQ: two ROUTER sockets with CURVE, both owned by one thread.
///
///     fleet      only keys on the allow-list get past the handshake; the key says which board speaks
///     enrolment  any key gets past it, and may say `enrol` and nothing else, in a small frame
///
/// A coordinator that leads may open a third one for fronts (`serveFronts`): coordinators that do not lead and carry
/// what their boards say to it, each by its `FrontRelay`. A board that speaks through a front is answered through the
/// one that it spoke through last.
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
    public var incoming: AsyncStream<Incoming> { arrivals.inbox.stream }

    let arrivals: Arrivals
    let shared: SharedCounters
    let keys: CurveKeyPair
    private let codec = MessageCodec()
    private let numbers = FrameNumbers()
    private let settings: TransportSettings
    private let mailbox: Mailbox<CoordinatorSockets.Outgoing>
    private let thread: SocketThread<CoordinatorSockets.Outgoing>
    private let fronts = Mutex<FrontService?>(nil)

    /// - Parameter isFront: what boards say goes nowhere until a `FrontRelay` carries it, or `lead()` is called.
    /// - Throws: `ZeroMQFailure` when an endpoint cannot be bound.
    public init(
        binding endpoints: Endpoints, keys: CurveKeyPair, allowList: AllowList,
        settings: TransportSettings = .coordinator, isFront: Bool = false
    ) throws {
        let shared = SharedCounters()
        let inbox = Inbox<Incoming>(limit: settings.incomingMessages, counters: shared)
        let arrivals = Arrivals(inbox, carriers: Carriers(), counters: shared, isFront: isFront)
        let mailbox = try Mailbox<CoordinatorSockets.Outgoing>(limit: settings.outgoingMessages)
        let context = try ZeroMQContext()
        let sockets = try CoordinatorSockets(
            context, endpoints: endpoints, keys: keys, allowList: allowList, settings: settings, mailbox: mailbox,
            arrivals: arrivals, numbers: numbers, counters: shared)
        boundEndpoints = sockets.boundEndpoints
        self.allowList = allowList
        self.shared = shared
        self.arrivals = arrivals
        self.mailbox = mailbox
        self.keys = keys
        self.settings = settings
        thread = SocketThread(
            named: "coordinator-sockets", context: context, mailbox: mailbox, loop: sockets, atEnd: inbox.finish)
    }

    public func send(_ message: Message, to board: BoardID) throws(SendFailure) {
        let payload = try payload(of: message)
        guard let front = arrivals.carriers.front(of: board) else {
            return try post(.init(destination: .board(board), head: .code(message.code), payload: payload))
        }
        try relay(.toBoard(board, frame(message.code, payload)), to: front)
    }

    public func reply(_ message: Message, to stranger: Stranger) throws(SendFailure) {
        let payload = try payload(of: message)
        guard let front = stranger.front else {
            return try post(.init(destination: .stranger(stranger), head: .code(message.code), payload: payload))
        }
        try relay(.toStranger(routing: stranger.routing, frame(message.code, payload)), to: front)
    }

    public func counters() -> FrameCounters { shared.snapshot }

    public func stop() async {
        await fronts.withLock { $0 }?.thread.stop()
        await thread.stop()
    }

    // MARK: Fronts

    /// Opens the endpoint of fronts, where only this coordinator's own key gets past the handshake.
    /// - Returns: the endpoint, with the port that a wildcard was given.
    /// - Throws: `ZeroMQFailure` when it cannot be bound.
    public func serveFronts(at endpoint: String) throws -> String {
        let service = try FrontService(
            at: endpoint, keys: keys, allowList: allowList, settings: settings, arrivals: arrivals, counters: shared)
        fronts.withLock {
            precondition($0 == nil, "one endpoint of fronts")
            $0 = service
        }
        return service.endpoint
    }

    /// Fronts that were heard lately, by where boards reach them, with the boards that each carries.
    public func connectedFronts() -> [ConnectedFront] {
        let described = fronts.withLock { $0 }?.roster.fronts ?? [:]
        return described.map { ConnectedFront(description: $1, boards: arrivals.carriers.count(of: $0)) }
            .sorted { $0.description.fleetEndpoint < $1.description.fleetEndpoint }
    }

    /// What boards say stays here from now on, and `allowed` may speak.
    public func lead(_ allowed: [PublicKey: BoardID]) {
        allowList.replace(with: allowed)
        arrivals.keep()
    }

    /// As the coordinator that leads has made it.
    func forward(_ frame: Frame, to destination: Incoming.Source) throws(SendFailure) {
        try post(.init(destination: destination, head: .made(frame.header), payload: frame.payload))
    }

    private func relay(_ message: RelayMessage, to front: [UInt8]) throws(SendFailure) {
        guard let service = fronts.withLock({ $0 }) else { return shared.countDropped(.unreachable) }
        do throws(SendFailure) { try service.mailbox.post(.init(front: front, message: message)) } catch {
            if case .queueFull = error { shared.countDropped(.overflowed) }
            throw error
        }
    }

    private func frame(_ code: Message.Code, _ payload: [UInt8]) -> Frame {
        Frame(header: codec.header(numbers.next(), code: code, payloadBytes: payload.count), payload: payload)
    }

    private func payload(of message: Message) throws(SendFailure) -> [UInt8] {
        do { return try codec.payload(of: message) } catch { throw .unsendable(error) }
    }

    private func post(_ outgoing: CoordinatorSockets.Outgoing) throws(SendFailure) {
        do throws(SendFailure) { try mailbox.post(outgoing) } catch {
            if case .queueFull = error { shared.countDropped(.overflowed) }
            throw error
        }
    }
}

/// A coordinator that carries boards' messages to the one that leads.
public struct ConnectedFront: Equatable, Sendable {
    public let description: FrontDescription
    /// That spoke through it last.
    public let boards: Int

    public init(description: FrontDescription, boards: Int) {
        self.description = description
        self.boards = boards
    }
}
