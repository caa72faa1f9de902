import FleetModel
import Foundation

/// Reads what Linux tells of the board: memory, load, clock frequency, temperature. A sensor that the board lacks
/// reads as `nil`, never as zero.
struct BoardSensors {
    /// Processors that this process may run on.
    let processors: [Int]
    private var lastTimes: (busy: UInt64, total: UInt64)?

    init(processors: [Int]) {
        self.processors = processors
        lastTimes = nil
        lastTimes = processorTimes()
    }

    /// The spool counts what is dropped.
    mutating func read() -> BoardTelemetry {
        BoardTelemetry(
            memoryBytes: Self.residentBytes() ?? 0, cpuLoad: load(), cpuFrequencyMegahertz: frequency(),
            temperatureCelsius: temperature(), droppedRecords: 0)
    }

    private static func residentBytes() -> UInt64? {
        guard let text = contents("/proc/self/statm") else { return nil }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = UInt64(fields[1]) else { return nil }
        return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Busy share of the agent's processors since the last reading.
    private mutating func load() -> Double? {
        guard let times = processorTimes() else { return nil }
        defer { lastTimes = times }
        guard let last = lastTimes, times.total > last.total else { return nil }
        return min(1, Double(times.busy &- last.busy) / Double(times.total - last.total))
    }

    private func processorTimes() -> (busy: UInt64, total: UInt64)? {
        guard let text = Self.contents("/proc/stat") else { return nil }
        var (busy, total): (UInt64, UInt64) = (0, 0)
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 5, fields[0].hasPrefix("cpu"), let number = Int(fields[0].dropFirst(3)),
                processors.contains(number)
            else { continue }
            let ticks = fields.dropFirst().prefix(8).compactMap { UInt64($0) }
            let idle = ticks[3] + ticks[4]
            total += ticks.reduce(0, +)
            busy += ticks.reduce(0, +) - idle
        }
        return total > 0 ? (busy, total) : nil
    }

    /// Mean over the agent's processors.
    private func frequency() -> Double? {
        let scaled = processors.compactMap {
            Self.contents("/sys/devices/system/cpu/cpu\($0)/cpufreq/scaling_cur_freq")
                .flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }.map { $0 / 1_000 }
        }
        if !scaled.isEmpty { return scaled.reduce(0, +) / Double(scaled.count) }
        guard let text = Self.contents("/proc/cpuinfo") else { return nil }
        let values = text.split(separator: "\n").filter { $0.hasPrefix("cpu MHz") }
            .compactMap { $0.split(separator: ":").last.flatMap { Double($0.trimmingCharacters(in: .whitespaces)) } }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    /// The hottest zone.
    private func temperature() -> Double? {
        let zones = (0..<16).compactMap {
            Self.contents("/sys/class/thermal/thermal_zone\($0)/temp")
                .flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }
        // A zone without a sensor reads absolute zero or less on some boards.
        return zones.compactMap { SensorRange.celsius.reading($0 / 1_000) }.max()
    }

    static func contents(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
}
