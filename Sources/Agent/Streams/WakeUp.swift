import Dispatch
import Processors

/// What a thread sleeps on that waits for a time, or for somebody to wake it.
final class WakeUp: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func signal() { semaphore.signal() }

    /// Returns at once when the instant is past, or somebody has signalled since the last sleep.
    func sleep(until instant: UInt64) {
        let now = MonotonicClock.now()
        guard now < instant else { return }
        _ = semaphore.wait(timeout: .now() + .nanoseconds(Int(clamping: instant - now)))
    }
}
