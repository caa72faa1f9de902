public import FleetModel
public import WireProtocol

/// Carries messages between the coordinator and its boards. The port that the coordinator's shell sees;
/// `ZeroMQCoordinatorTransport` and `InMemoryCoordinatorTransport` conform.
///
/// Delivery is at most once and ordered per board. Who speaks follows from the key that passed the handshake and from
/// the allow-list, never from what a message claims. Frames that are no admissible message never reach `incoming`;
/// they are counted by reason.
public protocol CoordinatorTransport: Sendable {
    /// Ends after `stop()`. For one consumer; what it does not keep up with is dropped and counted.
    var incoming: AsyncStream<Incoming> { get }
    /// Keys that may speak at the fleet endpoint. A key taken off is refused at its next handshake, and its frames
    /// are dropped from then on.
    var allowList: AllowList { get }
    /// Queues the message. A board without a connection is counted as `unreachable`, not reported.
    func send(_ message: Message, to board: BoardID) throws(SendFailure)
    func reply(_ message: Message, to stranger: Stranger) throws(SendFailure)
    func counters() -> FrameCounters
    /// Returns when the endpoints are free again.
    func stop() async
}

/// A board's side: one connection to the coordinator that mends itself.
public protocol AgentTransport: Sendable {
    /// Ends after `stop()`. For one consumer; what it does not keep up with is dropped and counted.
    var incoming: AsyncStream<Message> { get }
    /// Queues the message until there is a connection. When the queue is full its oldest message is dropped and
    /// counted as `overflowed`: what is newer tells the coordinator more.
    func send(_ message: Message) throws(SendFailure)
    /// What was sent goes unanswered: where there is another address, it is tried.
    func unanswered()
    func counters() -> FrameCounters
    func stop() async
}

extension AgentTransport {
    public func unanswered() {}
}

/// A message that reached the coordinator.
public struct Incoming: Equatable, Sendable {
    public enum Source: Hashable, Sendable {
        case board(BoardID)
        case stranger(Stranger)
    }

    public var source: Source
    public var header: FrameHeader
    public var message: Message
    /// The key that passed the handshake.
    public var publicKey: PublicKey

    public init(source: Source, header: FrameHeader, message: Message, publicKey: PublicKey) {
        self.source = source
        self.header = header
        self.message = message
        self.publicKey = publicKey
    }
}

/// Somebody at the enrolment endpoint, known by nothing but a key.
public struct Stranger: Hashable, Sendable {
    public let publicKey: PublicKey
    /// The connection a reply goes to.
    let routing: [UInt8]
    /// The front that it stands at; `nil` at this coordinator's own endpoint.
    let front: [UInt8]?

    init(publicKey: PublicKey, routing: [UInt8], front: [UInt8]? = nil) {
        self.publicKey = publicKey
        self.routing = routing
        self.front = front
    }
}

/// Why a message was not queued.
public enum SendFailure: Error, Equatable, Sendable, CustomStringConvertible {
    case unsendable(EncodingFailure)
    case queueFull(limit: Int)
    case stopped

    public var description: String {
        switch self {
        case .unsendable(let failure): failure.description
        case .queueFull(let limit): "The queue of outgoing messages is full at \(limit)."
        case .stopped: "The transport has been stopped."
        }
    }
}

/// Bounds and times of a transport.
public struct TransportSettings: Sendable {
    /// Messages that wait for the consumer of `incoming`; newer ones are dropped and counted beyond.
    public var incomingMessages = 4_096
    /// Messages that wait for the sockets.
    public var outgoingMessages = 16_384
    /// Frames that a socket keeps per connection and direction.
    public var framesPerConnection = 1_000
    /// A connection without a sign of life is given up after three of these.
    public var heartbeatMilliseconds = 5_000
    /// A handshake that takes longer is given up.
    public var handshakeMilliseconds = 10_000
    /// Wait before the first attempt to connect anew; doubles up to the next.
    public var reconnectMilliseconds = 100
    public var longestReconnectMilliseconds = 1_000
    /// An attempt to connect that takes longer is begun anew.
    public var connectMilliseconds = 2_000
    /// A connection that has not delivered for this long is given up: the pauses of its retransmissions grow with the
    /// outage, and would go on after its end.
    public var deliveryMilliseconds = 5_000
    /// How a board changes between the addresses of several coordinators.
    public var addresses = AddressChoice<ContinuousClock.Instant>.Settings()
    /// How long `stop()` waits for messages that are queued already.
    public var lingerMilliseconds = 0

    public init() {}

    public static var coordinator: TransportSettings { TransportSettings() }

    /// A board queues less, and says goodbye before it goes.
    public static var agent: TransportSettings {
        var settings = TransportSettings()
        settings.incomingMessages = 256
        settings.outgoingMessages = 256
        settings.lingerMilliseconds = 250
        return settings
    }
}
