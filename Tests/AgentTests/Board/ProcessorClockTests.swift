import Synchronization
import Testing

@testable import Agent

/// A board whose clock is what the test says.
private final class FakeBoard: Sendable {
    private let files = Mutex<[String: String]>([:])

    /// - Parameter kilohertz: of each processor now.
    func set(_ kilohertz: [Int], allowed: Int = 2_000_000) {
        for (processor, clock) in kilohertz.enumerated() {
            let folder = "/sys/devices/system/cpu/cpu\(processor)"
            set(folder + "/cpufreq/scaling_cur_freq", "\(clock)\n")
            set(folder + "/cpufreq/scaling_max_freq", "\(allowed)\n")
        }
    }

    /// - Parameter ticks: busy and idle ones of each processor since the start.
    func set(ticks: [(busy: Int, idle: Int)]) {
        let lines = ticks.enumerated().map { "cpu\($0) \($1.busy) 0 0 \($1.idle) 0 0 0 0 0 0" }
        set("/proc/stat", (["cpu 1 2 3 4 5 6 7 8"] + lines).joined(separator: "\n"))
    }

    func set(_ path: String, _ text: String?) { files.withLock { $0[path] = text } }

    func clock() -> ProcessorClock { ProcessorClock(processors: [0, 1]) { path in self.files.withLock { $0[path] } } }
}

@Suite struct ProcessorClockTests {
    @Test func aBusyProcessorThatIsHeldDownCounts() {
        let board = FakeBoard()
        board.set([2_000_000, 500_000])
        board.set(ticks: [(0, 0), (0, 0)])
        var clock = board.clock()
        clock.pointsMeasured()
        board.set(ticks: [(90, 10), (0, 100)])
        #expect(clock.sample() == .init(share: 1, isThrottled: nil))

        board.set([1_000_000, 400_000])
        board.set(ticks: [(190, 10), (0, 200)])
        let held = clock.sample()
        #expect(held == .init(share: 0.5, isThrottled: nil) && held.slowdown == 2)
    }

    /// A governor that saves power is no hold, and a limit that was lowered is one whether anybody works or not.
    @Test func anIdleProcessorIsSlowForItself() {
        let board = FakeBoard()
        board.set([2_000_000, 2_000_000])
        board.set(ticks: [(0, 0), (0, 0)])
        var clock = board.clock()
        clock.pointsMeasured()
        board.set([400_000, 400_000])
        board.set(ticks: [(50, 50), (10, 90)])
        #expect(clock.sample().share == 1)
        board.set([400_000, 400_000], allowed: 1_200_000)
        board.set(ticks: [(60, 140), (10, 190)])
        #expect(clock.sample().share == 0.6)
    }

    /// A clock above that of the measurements makes nothing slower.
    @Test func aFasterClockIsNoSlowdown() {
        let board = FakeBoard()
        board.set([1_000_000, 1_000_000])
        board.set(ticks: [(0, 0), (0, 0)])
        var clock = board.clock()
        clock.pointsMeasured()
        board.set([2_000_000, 2_000_000])
        board.set(ticks: [(100, 0), (100, 0)])
        let reading = clock.sample()
        #expect(reading.share == 2 && reading.slowdown == 1)
    }

    @Test func throttlingIsCounted() {
        let board = FakeBoard()
        func set(_ count: Int) {
            for processor in 0...1 {
                board.set("/sys/devices/system/cpu/cpu\(processor)/thermal_throttle/core_throttle_count", "\(count)\n")
            }
        }
        set(3)
        var clock = board.clock()
        #expect(clock.sample() == .init(share: nil, isThrottled: false))
        set(4)
        #expect(clock.sample().isThrottled == true)
        #expect(clock.sample().isThrottled == false)
    }

    @Test(arguments: [nil, "", "none", "0", "-1"])
    func withoutCpufreqNothingIsKnown(text: String?) {
        let board = FakeBoard()
        for processor in 0...1 {
            board.set("/sys/devices/system/cpu/cpu\(processor)/cpufreq/scaling_cur_freq", text)
            board.set("/sys/devices/system/cpu/cpu\(processor)/cpufreq/scaling_max_freq", text)
        }
        var clock = board.clock()
        clock.pointsMeasured()
        let reading = clock.sample()
        #expect(reading == .init(share: nil, isThrottled: nil) && reading.slowdown == nil)
    }
}
