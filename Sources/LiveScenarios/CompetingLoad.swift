import Foundation
import Glibc
import Processors
import Scenarios
import Synchronization

/// Other work on one processor, as much of it as a scenario says at each moment.
///
/// Competition: threads that compute all the time, of several priorities, so that their weights in the scheduler add up
/// to slowdown - 1 times a thread of normal priority. How much slower that makes a program which sleeps between its
/// frames is up to the scheduler. Throttling: a thread of real-time priority that takes the processor for
/// (1 - 1 / slowdown) of every 2 ms, which no program can evade, as a lower clock; where the thread may not have that
/// priority, `throttles` is false and whoever runs frames has to stretch them.
final class CompetingLoad: Sendable {
    /// Weights of threads over that of a normal one, and their priorities (`nice`, 1.25 times less weight each step).
    static let grades: [(weight: Double, nice: Int32)] = [(1, 0), (0.512, 3), (0.266, 6), (0.134, 9), (0.067, 12)]
    /// Threads of normal priority at most.
    static let threadLimit = 31
    private static let periodNanoseconds: UInt64 = 2_000_000

    private let processor: Int
    /// One bit for each thread that shall compute.
    private let wanted = Atomic<UInt64>(0)
    private let throttledNanoseconds = Atomic<UInt64>(0)
    private let isStopping = Atomic<Bool>(false)
    private let running = Atomic<Int>(0)
    private let isThrottling = Atomic<Bool>(false)
    private let sink = Atomic<UInt64>(0)

    /// - Returns: how many threads of normal priority that slowdown takes.
    @discardableResult static func check(_ highest: Double) throws(LiveScenarioFailure) -> Int {
        let whole = Int(max(0, highest - 1).rounded(.down))
        guard whole <= threadLimit else {
            throw LiveScenarioFailure("a slowdown of \(highest) by competition takes more than \(threadLimit) programs")
        }
        return whole
    }

    /// - Parameter highest: the competition's largest slowdown; no more threads than it takes are started.
    init(processor: Int, highest: Double, throttles: Bool) throws(LiveScenarioFailure) {
        self.processor = processor
        let whole = try Self.check(highest)
        if highest > 1 {
            for slot in 0..<whole + Self.grades.count - 1 {
                let nice = slot < whole ? 0 : Self.grades[slot - whole + 1].nice
                start { $0.compete(slot, nice: nice) }
            }
        }
        if throttles { startThrottling() }
    }

    /// Whether a thread of real-time priority throttles the processor.
    var throttles: Bool { isThrottling.load(ordering: .relaxed) }

    /// Which threads of `whole` normal ones and the lighter grades add up to this weight: bits in that order.
    static func selection(weight: Double, whole: Int) -> UInt64 {
        var (left, bits) = (weight, UInt64(0))
        for slot in 0..<whole + grades.count - 1 {
            let share = slot < whole ? 1 : grades[slot - whole + 1].weight
            // To within half the lightest.
            guard left >= share - 0.0335 else { continue }
            (left, bits) = (left - share, bits | 1 << UInt64(slot))
        }
        return bits
    }

    func set(competition: Double, throttling: Double, highest: Double) {
        let whole = Int(max(0, highest - 1).rounded(.down))
        wanted.store(Self.selection(weight: competition - 1, whole: whole), ordering: .relaxed)
        throttledNanoseconds.store(
            UInt64(Double(Self.periodNanoseconds) * (1 - 1 / max(1, throttling))), ordering: .relaxed)
    }

    /// Returns when all threads have ended.
    func stop() {
        isStopping.store(true, ordering: .relaxed)
        while running.load(ordering: .acquiring) > 0 { usleep(1_000) }
    }

    private func start(_ body: @escaping @Sendable (CompetingLoad) -> Void) {
        running.wrappingAdd(1, ordering: .relaxed)
        let thread = Thread { [self] in
            ProcessorAffinity(processor: processor).takeOn()
            body(self)
            running.wrappingSubtract(1, ordering: .releasing)
        }
        thread.name = "load"
        thread.start()
    }

    private func compete(_ slot: Int, nice: Int32) {
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, nice)
        var value = UInt64(slot)
        while !isStopping.load(ordering: .relaxed) {
            guard wanted.load(ordering: .relaxed) & 1 << UInt64(slot) != 0 else {
                usleep(5_000)
                continue
            }
            for _ in 0..<10_000 { value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407 }
            // What is computed is stored, lest the loop be left out.
            sink.store(value, ordering: .relaxed)
        }
    }

    /// Returns when it is known whether the thread may take real-time priority.
    private func startThrottling() {
        let state = ThrottleStart()
        start { $0.throttle(state) }
        while state.result.load(ordering: .acquiring) == 0 { usleep(500) }
        isThrottling.store(state.result.load(ordering: .acquiring) > 0, ordering: .relaxed)
    }

    private final class ThrottleStart: Sendable {
        /// 1: runs, -1: refused.
        let result = Atomic<Int>(0)
    }

    private func throttle(_ start: ThrottleStart) {
        var parameter = sched_param()
        parameter.sched_priority = 1
        guard pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameter) == 0 else {
            return start.result.store(-1, ordering: .releasing)
        }
        start.result.store(1, ordering: .releasing)
        var period = MonotonicClock.now()
        while !isStopping.load(ordering: .relaxed) {
            let share = throttledNanoseconds.load(ordering: .relaxed)
            let began = MonotonicClock.now()
            while MonotonicClock.now() - began < share {}
            period = max(period + Self.periodNanoseconds, MonotonicClock.now())
            MonotonicClock.sleep(until: period)
        }
    }
}
