import Foundation
import Synchronization

/// What a board is like at the moment.
public struct BoardConditions: Equatable, Sendable {
    /// Share of the processors that other programs take, 0...1.
    public var load: Double
    /// Of the processor in degrees Celsius, where there is a sensor.
    public var temperature: Double?
    /// Of the whole memory, what programs could still have.
    public var freeMebibytes: Double?
    /// Mean clock of the processors.
    public var megahertz: Double?

    public init(
        load: Double = 0, temperature: Double? = nil, freeMebibytes: Double? = nil, megahertz: Double? = nil
    ) {
        (self.load, self.temperature) = (load, temperature)
        (self.freeMebibytes, self.megahertz) = (freeMebibytes, megahertz)
    }
}

/// Reads what Linux says of the board; what it does not say is `nil`, or no load. For any thread but those that answer
/// frames: reading files takes time and memory.
public final class BoardProbe: Sendable {
    private struct Times {
        var total = 0.0
        var idle = 0.0
        var own = 0.0
    }

    private let last = Mutex<Times?>(nil)

    public init() { last.withLock { $0 = Self.times() } }

    /// Load is that of other programs since the reading before.
    public func read() -> BoardConditions {
        BoardConditions(
            load: load(), temperature: Self.temperature(), freeMebibytes: Self.freeMebibytes(),
            megahertz: Self.megahertz())
    }

    private func load() -> Double {
        guard let now = Self.times() else { return 0 }
        return last.withLock { last in
            guard let before = last, now.total > before.total else {
                last = now
                return 0
            }
            last = now
            let busy = (now.total - before.total) - (now.idle - before.idle) - (now.own - before.own)
            return min(max(busy / (now.total - before.total), 0), 1)
        }
    }

    /// Seconds of all processors together.
    private static func times() -> Times? {
        guard let line = contents("/proc/stat")?.split(separator: "\n").first else { return nil }
        let fields = line.split(separator: " ").dropFirst().compactMap { Double($0) }
        guard fields.count >= 5 else { return nil }
        let tick = Double(sysconf(Int32(_SC_CLK_TCK)))
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return Times(
            total: fields.prefix(8).reduce(0, +) / tick, idle: (fields[3] + fields[4]) / tick,
            own: seconds(usage.ru_utime) + seconds(usage.ru_stime))
    }

    /// Of the hottest zone.
    private static func temperature() -> Double? {
        (0..<16).compactMap { number("/sys/class/thermal/thermal_zone\($0)/temp") }.max().map { $0 / 1_000 }
    }

    private static func freeMebibytes() -> Double? {
        let line = contents("/proc/meminfo")?.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Double($0) }.map { $0 / 1_024 }
    }

    private static func megahertz() -> Double? {
        let scaled = (0..<64).compactMap { number("/sys/devices/system/cpu/cpu\($0)/cpufreq/scaling_cur_freq") }
        if !scaled.isEmpty { return scaled.reduce(0, +) / Double(scaled.count) / 1_000 }
        let lines = contents("/proc/cpuinfo")?.split(separator: "\n").filter { $0.hasPrefix("cpu MHz") } ?? []
        let clocks = lines.compactMap { $0.split(separator: ":").last }
            .compactMap { Double($0.trimmingCharacters(in: .whitespaces)) }
        return clocks.isEmpty ? nil : clocks.reduce(0, +) / Double(clocks.count)
    }

    private static func number(_ path: String) -> Double? {
        contents(path).flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    private static func contents(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
}
