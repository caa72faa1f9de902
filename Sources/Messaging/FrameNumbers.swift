import Synchronization
import WireProtocol

/// Numbers the frames that leave one coordinator, over all its sockets and fronts: a board that changes between them
/// goes on hearing one session whose sequence rises, and takes nothing for a repetition.
final class FrameNumbers: Sendable {
    private let session = UInt64.random(in: 0...UInt64.max)
    private let sequence = Atomic<UInt64>(0)

    func next() -> FrameHeader {
        FrameHeader(session: session, sequence: sequence.add(1, ordering: .relaxed).newValue)
    }
}
