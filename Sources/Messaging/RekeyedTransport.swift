import Synchronization
public import WireProtocol

/// A board's end whose connection can be made anew with another key while it is in use: the messages of all its
/// connections come out of one stream, each with the number of its own. What waited in the old connection, or was on
/// its way, may be lost.
public final class RekeyedTransport: Sendable {
    public struct Received: Sendable {
        /// Counts connections from 1.
        public let connection: Int
        public let message: Message
    }

    /// Ends after `stop()`. For one consumer; what it does not keep up with is dropped and counted.
    public let received: AsyncStream<Received>

    private struct State {
        var number = 1
        var transport: any AgentTransport
        var pump: Task<Void, Never>?
        /// Old connections on their way out.
        var retiring: Task<Void, Never>?
        /// Of connections that are gone.
        var counters = FrameCounters()
        var isStopped = false
    }

    private let connect: @Sendable (CurveKeyPair) throws -> any AgentTransport
    private let continuation: AsyncStream<Received>.Continuation
    private let overflowed = Atomic<UInt64>(0)
    private let state: Mutex<State>

    /// - Parameters:
    ///   - limit: messages that wait for the consumer beyond those of a connection.
    ///   - connect: dials out with that key.
    public init(
        keys: CurveKeyPair, limit: Int = TransportSettings.agent.incomingMessages,
        connect: @escaping @Sendable (CurveKeyPair) throws -> any AgentTransport
    ) throws {
        (received, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(limit))
        self.connect = connect
        let transport = try connect(keys)
        state = Mutex(State(transport: transport))
        let pump = self.pump(transport, number: 1)
        state.withLock { $0.pump = pump }
    }

    /// The number of the connection in use.
    public var connection: Int { state.withLock { $0.number } }

    private func pump(_ transport: any AgentTransport, number: Int) -> Task<Void, Never> {
        Task { [continuation, weak self] in
            for await message in transport.incoming {
                if Task.isCancelled { return }
                guard case .dropped = continuation.yield(.init(connection: number, message: message)) else { continue }
                self?.overflowed.wrappingAdd(1, ordering: .relaxed)
            }
        }
    }

    /// From now on messages come from and go to a new connection. Where there can be none, the old one stays.
    public func reconnect(with keys: CurveKeyPair) throws {
        let next = try connect(keys)
        let old = state.withLock { state -> (any AgentTransport)? in
            guard !state.isStopped else { return nil }
            state.pump?.cancel()
            let old = state.transport
            state.number += 1
            (state.transport, state.pump) = (next, pump(next, number: state.number))
            let before = state.retiring
            state.retiring = Task { [weak self] in
                await before?.value
                await old.stop()
                self?.retired(old.counters())
            }
            return old
        }
        if old == nil { Task { await next.stop() } }
    }

    private func retired(_ counters: FrameCounters) { state.withLock { $0.counters.add(counters) } }

    public func send(_ message: Message) throws(SendFailure) {
        try state.withLock { $0.transport }.send(message)
    }

    public func unanswered() { state.withLock { $0.transport }.unanswered() }

    public func counters() -> FrameCounters {
        let (past, transport) = state.withLock { ($0.counters, $0.transport) }
        var counters = past
        counters.add(transport.counters())
        counters.countDropped(.overflowed, overflowed.load(ordering: .relaxed))
        return counters
    }

    public func stop() async {
        let (transport, retiring, pump) = state.withLock { state in
            state.isStopped = true
            return (state.transport, state.retiring, state.pump)
        }
        await retiring?.value
        await transport.stop()
        pump?.cancel()
        continuation.finish()
    }
}
