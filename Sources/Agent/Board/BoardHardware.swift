import Engine
import FleetModel
import Foundation

/// What the agent may use of the machine, and how boards that behave alike are told from others.
struct BoardHardware {
    /// Processors that this process may run on.
    let processors: [Int]
    /// CPU time in cores: the processors, or less where a control group sets a quota.
    let cores: Double
    let memoryBytes: UInt64
    let boardClass: String

    static func read(instructionSet: InstructionSet) -> BoardHardware {
        let processors = ProcessorList.parse(statusLine("Cpus_allowed_list") ?? "0")
        let quota = CPUQuota.cores(
            membership: BoardSensors.contents("/proc/self/cgroup") ?? "", read: BoardSensors.contents)
        let cores = min(Double(processors.count), quota ?? .infinity)
        let memory = UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES)))) * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
        let share = String(format: "%.2f", cores)
        return BoardHardware(
            processors: processors, cores: cores, memoryBytes: memory,
            boardClass: "\(processorName()) \(instructionSet.rawValue) \(share) cores")
    }

    private static func statusLine(_ name: String) -> String? {
        (BoardSensors.contents("/proc/self/status") ?? "").split(separator: "\n").first { $0.hasPrefix(name + ":") }
            .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }

    private static func processorName() -> String {
        let lines = (BoardSensors.contents("/proc/cpuinfo") ?? "").split(separator: "\n")
        let name = lines.first { $0.hasPrefix("model name") || $0.hasPrefix("Model") }?.split(separator: ":").last
        return String((name ?? "unknown processor").trimmingCharacters(in: .whitespaces).prefix(64))
    }
}

/// Linux's form of a set of processors: `0-2,5`.
package enum ProcessorList {
    /// Processor 0 when the text names none.
    package static func parse(_ text: String) -> [Int] {
        var processors: [Int] = []
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last, last < 4_096 else { continue }
            processors += Array(first...last)
        }
        return processors.isEmpty ? [0] : processors
    }
}

/// The CPU quota of a process's control group, in version 2 and version 1 of the interface.
package enum CPUQuota {
    /// - Parameters:
    ///   - membership: the text of `/proc/self/cgroup`.
    ///   - read: contents of a file, or `nil`.
    /// - Returns: cores, or `nil` where no quota is set.
    package static func cores(membership: String, read: (String) -> String?) -> Double? {
        var smallest: Double?
        for line in membership.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let path = String(fields[2])
            let found: Double?
            if fields[0] == "0" {
                found = ancestors(of: path).compactMap { unified(read("/sys/fs/cgroup\($0)/cpu.max")) }.min()
            } else if fields[1].split(separator: ",").contains("cpu") {
                found = ancestors(of: path).compactMap { legacy("/sys/fs/cgroup/\(fields[1])\($0)", read) }.min()
            } else {
                continue
            }
            if let found { smallest = min(smallest ?? found, found) }
        }
        return smallest
    }

    private static func ancestors(of path: String) -> [String] {
        var parts = path.split(separator: "/")
        var result = [""]
        while !parts.isEmpty {
            result.append("/" + parts.joined(separator: "/"))
            parts.removeLast()
        }
        return result
    }

    private static func unified(_ text: String?) -> Double? {
        guard let fields = text?.split(whereSeparator: \.isWhitespace), fields.count == 2 else { return nil }
        return ratio(Double(fields[0]), Double(fields[1]))
    }

    private static func legacy(_ folder: String, _ read: (String) -> String?) -> Double? {
        func number(_ name: String) -> Double? {
            read("\(folder)/\(name)").flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }
        return ratio(number("cpu.cfs_quota_us"), number("cpu.cfs_period_us"))
    }

    private static func ratio(_ quota: Double?, _ period: Double?) -> Double? {
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return quota / period
    }
}
