import Glibc
import Supernets

/// Nanoseconds since some fixed past instant, for arrivals and latencies.
enum MonotonicClock {
    @inline(__always)
    static func now() -> UInt64 { PlanTimer.now() }

    /// Sleeps until the instant; returns at once when it is past.
    static func sleep(until instant: UInt64) {
        while true {
            let now = now()
            guard now < instant else { return }
            // A signal may end a sleep early.
            usleep(UInt32(min(1_000_000, (instant - now + 999) / 1_000)))
        }
    }
}
