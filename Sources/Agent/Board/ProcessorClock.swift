import FleetModel

/// Whether the processors are held below the clock at which the points' latencies were measured: by heat, by power, or
/// by somebody who lowered the limit.
///
/// Linux's cpufreq tells the present clock and the highest one that is allowed now. A processor that has little to do
/// is slow because nobody wants more of it, so that its present clock counts only where it is busy; without a busy one
/// the highest allowed clock counts. Counters of thermal throttling tell of holds that are too short to be seen.
/// Where there is no cpufreq, as in virtual machines, nothing is known.
struct ProcessorClock {
    struct Reading: Equatable {
        /// Over the clock at the measurement; `nil` where it is not known.
        var share: Double?
        /// `nil` where nothing counts it.
        var isThrottled: Bool?
    }

    /// A processor that did something else for less than a fifth of the time asks for all the clock there is.
    static let busyShare = 0.8
    private static let folder = "/sys/devices/system/cpu/cpu"

    private let processors: [Int]
    private let read: @Sendable (String) -> String?
    /// Kilohertz while points were measured: the highest, because one thread measured them.
    private var reference: Double?
    private var throttles: UInt64?
    private var times: [Int: (busy: UInt64, total: UInt64)] = [:]

    init(processors: [Int], read: @escaping @Sendable (String) -> String? = BoardSensors.contents) {
        (self.processors, self.read) = (processors, read)
        throttles = throttleCount()
        times = Self.times(of: read("/proc/stat") ?? "")
    }

    /// Points have just been measured on this thread.
    mutating func pointsMeasured() {
        reference = [reference, present(of: processors).max()].compactMap(\.self).max()
    }

    /// Since the last call.
    mutating func sample() -> Reading {
        let now = Self.times(of: read("/proc/stat") ?? "")
        let busy = processors.filter { processor in
            guard let before = times[processor], let after = now[processor], after.total > before.total else {
                return false
            }
            return Double(after.busy &- before.busy) >= Self.busyShare * Double(after.total - before.total)
        }
        times = now
        let count = throttleCount()
        defer { throttles = count }
        let isThrottled = count.map { $0 > throttles ?? $0 }
        guard let reference, let allowed = kilohertz("scaling_max_freq", of: processors).max() else {
            return Reading(share: nil, isThrottled: isThrottled)
        }
        let clocks = present(of: busy)
        let clock = clocks.isEmpty ? allowed : min(allowed, clocks.reduce(0, +) / Double(clocks.count))
        return Reading(share: clock / reference, isThrottled: isThrottled)
    }

    private func present(of processors: [Int]) -> [Double] { kilohertz("scaling_cur_freq", of: processors) }

    private func kilohertz(_ name: String, of processors: [Int]) -> [Double] {
        processors.compactMap { number("\(Self.folder)\($0)/cpufreq/\(name)") }.filter { $0 > 0 }
    }

    private func throttleCount() -> UInt64? {
        let counts = processors.compactMap { number("\(Self.folder)\($0)/thermal_throttle/core_throttle_count") }
        return counts.isEmpty ? nil : counts.reduce(0) { $0 + UInt64(max(0, min($1, 1e15))) }
    }

    private func number(_ path: String) -> Double? {
        read(path).flatMap { Double($0.filter { !$0.isWhitespace }) }
    }

    /// Ticks of each processor since the start of the board.
    private static func times(of text: String) -> [Int: (busy: UInt64, total: UInt64)] {
        var result: [Int: (busy: UInt64, total: UInt64)] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 5, fields[0].hasPrefix("cpu"), let number = Int(fields[0].dropFirst(3)) else {
                continue
            }
            let ticks = fields.dropFirst().prefix(8).compactMap { UInt64($0) }
            guard ticks.count > 4 else { continue }
            let total = ticks.reduce(0, &+)
            result[number] = (total &- ticks[3] &- ticks[4], total)
        }
        return result
    }
}

extension ProcessorClock.Reading {
    /// What the board's manager is to expect of it.
    var slowdown: Double? { share.map { max(1, 1 / max($0, 0.001)) } }
}
