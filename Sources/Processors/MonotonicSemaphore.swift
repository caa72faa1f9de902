import CScheduler
import Glibc

/// A semaphore whose waits end at an instant of `MonotonicClock`.
///
/// Dispatch's own waits follow the time of day: where the clock of a board is set back while a thread waits, the wait
/// gets longer by as much. Boards without a battery start in 1970 and have their clock set under way.
///
/// @unchecked because it holds a pointer: the C library's semaphore is made for use by several threads, and its address
/// never changes.
public final class MonotonicSemaphore: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    public init() {
        let failure = sem_init(semaphore, 0, 0)
        precondition(failure == 0, "a semaphore of this process cannot be refused")
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// Wakes one waiting thread, or lets the next wait return at once.
    public func signal() { _ = sem_post(semaphore) }

    /// - Parameter instant: nanoseconds of `MonotonicClock`.
    /// - Returns: whether somebody has signalled; `false` once the instant is past.
    @discardableResult public func wait(until instant: UInt64) -> Bool {
        var time = timespec(
            tv_sec: Int(instant / 1_000_000_000), tv_nsec: Int(instant % 1_000_000_000))
        while sem_clockwait(semaphore, CLOCK_MONOTONIC, &time) != 0 {
            guard errno == EINTR else { return false }
        }
        return true
    }
}
