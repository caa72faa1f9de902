import FleetModel
import Synchronization
import WireProtocol

/// Counts shared by the thread that moves frames and whoever asks.
final class SharedCounters: Sendable {
    private let counters = Mutex(FrameCounters())

    var snapshot: FrameCounters { counters.withLock { $0 } }
    func countSent() { counters.withLock { $0.countSent() } }
    func countDropped(_ reason: DropReason) { counters.withLock { $0.countDropped(reason) } }

    /// Whoever was given the element finds it counted.
    func countDelivery(_ deliver: () -> Bool) {
        counters.withLock { counters in
            if deliver() { counters.countReceived() } else { counters.countDropped(.overflowed) }
        }
    }
}

/// The one way from bytes to a message: decoded, said by somebody who may say it, and not heard before. Everything
/// else is counted by reason.
struct FrameGate<Peer: Hashable & Sendable>: Sendable {
    private let codec: MessageCodec
    private let speaker: Message.Speaker
    private let counters: SharedCounters
    /// `nil` where no session is kept.
    private var replays: ReplayGuard<Peer>?

    init(codec: MessageCodec, speaker: Message.Speaker, replays: ReplayGuard<Peer>?, counters: SharedCounters) {
        self.codec = codec
        self.speaker = speaker
        self.replays = replays
        self.counters = counters
    }

    /// `parts`: header and payload.
    mutating func frameReceived(_ parts: ArraySlice<[UInt8]>, from peer: Peer) -> (FrameHeader, Message)? {
        guard parts.count == 2, let header = parts.first, let payload = parts.last else { return drop(.malformed) }
        do {
            let (frame, message) = try codec.decode(header: header, payload: payload)
            guard message.code.isSaid(by: speaker) else { return drop(.unexpected) }
            switch replays?.frameReceived(frame, from: peer) {
            case .fresh, nil: return (frame, message)
            case .replayed, .superseded: return drop(.replayed)
            case .peerLimitReached: return drop(.overflowed)
            }
        } catch {
            return drop(error.dropReason)
        }
    }

    mutating func forget(_ peer: Peer) { replays?.forget(peer) }

    private func drop(_ reason: DropReason) -> (FrameHeader, Message)? {
        counters.countDropped(reason)
        return nil
    }
}

/// The bounded end of a stream.
struct Inbox<Element: Sendable>: Sendable {
    let stream: AsyncStream<Element>
    private let continuation: AsyncStream<Element>.Continuation
    private let counters: SharedCounters

    init(limit: Int, counters: SharedCounters) {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(limit))
        self.counters = counters
    }

    func deliver(_ element: Element) {
        counters.countDelivery {
            if case .enqueued = continuation.yield(element) { true } else { false }
        }
    }

    func finish() { continuation.finish() }
}
