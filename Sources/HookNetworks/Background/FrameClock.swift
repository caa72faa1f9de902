import Synchronization

/// When frames come: told by the thread that runs them, read by the one that learns, so that a piece of learning begins
/// where it will be over before the next frame is due. Caches, memory and often the core itself are shared: what
/// overlaps a frame makes it late, whatever the priorities are.
public final class FrameClock: Sendable {
    /// Start of the last frame, in nanoseconds; 0 before the first.
    private let started = Atomic<UInt64>(0)
    /// Smoothed time from start to start.
    private let interval = Atomic<UInt64>(0)
    private let isRunning = Atomic<Bool>(false)
    private let count = Atomic<UInt64>(0)

    public init() {}

    public func frameStarted(at now: UInt64) {
        let last = started.load(ordering: .relaxed)
        if last != 0, now > last {
            let (new, old) = (now - last, interval.load(ordering: .relaxed))
            interval.store(old == 0 ? new : old - old / 8 + new / 8, ordering: .relaxed)
        }
        started.store(now, ordering: .relaxed)
        isRunning.store(true, ordering: .releasing)
        count.wrappingAdd(1, ordering: .relaxed)
    }

    public func frameEnded() { isRunning.store(false, ordering: .releasing) }

    /// Frames so far.
    var frames: UInt64 { count.load(ordering: .relaxed) }

    /// Whether a piece of so many nanoseconds is over before the next frame is due. A stream that is more than one
    /// interval late has stopped for now.
    func hasRoom(for nanoseconds: UInt64, at now: UInt64) -> Bool {
        guard !isRunning.load(ordering: .acquiring) else { return false }
        let (start, interval) = (started.load(ordering: .relaxed), interval.load(ordering: .relaxed))
        guard start != 0, interval != 0 else { return true }
        let due = start + interval
        return now + nanoseconds <= due || now > due + interval
    }
}
