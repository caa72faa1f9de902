import Processors

/// What a thread sleeps on that waits for a time, or for somebody to wake it.
final class WakeUp: Sendable {
    private let semaphore = MonotonicSemaphore()

    func signal() { semaphore.signal() }

    /// Returns at once when the instant is past, or somebody has signalled since the last sleep.
    func sleep(until instant: UInt64) {
        guard MonotonicClock.now() < instant else { return }
        semaphore.wait(until: instant)
    }
}
