public import Engine
import Glibc

/// Measures how long plans take on this machine, one thread.
public enum PlanTimer {
    /// Median milliseconds of a whole run, and of each of the plan's groups.
    public struct Times: Equatable, Sendable {
        public var totalMilliseconds: Double
        /// In the order of `Plan.groups`.
        public var groupMilliseconds: [Double]
    }

    /// Times whole runs and runs split by group in turn, so that both see the same machine.
    /// - Parameter repeats: runs of each kind; the median is taken. Two more go before to warm up.
    public static func measure(_ plan: Plan, repeats: Int) -> Times {
        precondition(repeats > 0, "\(repeats) repeats")
        let session = Session(for: [plan])
        let image = AlignedBuffer(count: plan.inputShape.channels * plan.inputShape.pixels)
        let input = UnsafeBufferPointer(start: UnsafePointer(image.base), count: image.count)
        var totals: [UInt64] = []
        var groups = plan.groups.map { _ in [UInt64]() }
        for run in 0..<repeats + 2 {
            let start = now()
            _ = session.run(plan, on: input)
            let total = now() - start
            var times = [UInt64](repeating: 0, count: plan.groups.count)
            session.run(plan, on: input, adding: &times, clock: now)
            guard run >= 2 else { continue }
            totals.append(total)
            for (index, time) in times.enumerated() { groups[index].append(time) }
        }
        return Times(
            totalMilliseconds: milliseconds(median(&totals)),
            groupMilliseconds: groups.indices.map { milliseconds(median(&groups[$0])) })
    }

    /// Nanoseconds of the monotonic clock.
    public static func now() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// Nanoseconds of processor time that all threads of this process have used.
    public static func processorTime() -> UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    /// Nanoseconds of processor time that the calling thread has used.
    public static func threadTime() -> UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

    static func sleep(nanoseconds: Int64) {
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        // A signal may end it early, which costs nothing here.
        nanosleep(&time, nil)
    }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func median(_ values: inout [UInt64]) -> UInt64 {
        values.sort()
        return values[values.count / 2]
    }

    private static func milliseconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds) / 1e6 }
}
