import Engine
import Foundation
import Processors

/// Looks at the machine itself: clock, disk, kernels, governor of the processors.
public enum Machine {
    /// Telemetry, logs and two versions of a model need more.
    static let leastFreeBytes: Int64 = 256 << 20

    // MARK: Clock

    /// A clock that is years off breaks tokens and certificates; one that nothing keeps right drifts.
    public static func clock() -> Finding { clock(now: Date().timeIntervalSince1970, isKept: TimeOfDay.isKept()) }

    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - isKept: whether something keeps it right; `nil` where nobody knows.
    static func clock(now: Double, isKept: Bool?) -> Finding {
        let year = Calendar(identifier: .gregorian).component(.year, from: Date(timeIntervalSince1970: now))
        guard (2025...2100).contains(year) else { return Finding("clock", .bad, "says the year \(year): set it") }
        let text = Date(timeIntervalSince1970: now.rounded()).ISO8601Format()
        guard isKept == false else { return Finding("clock", .good, text) }
        return Finding("clock", .warning, text + ", kept right by nothing: run an NTP client such as chrony")
    }

    /// - Parameters:
    ///   - other: what the coordinator's clock said, in milliseconds since 1970.
    ///   - between: when it was asked and when the answer came, by this machine's clock.
    public static func clockDifference(_ other: UInt64, between: ClosedRange<UInt64>) -> Finding {
        // Anywhere within the time of the question is no difference that can be seen.
        let difference =
            other < between.lowerBound
            ? -Double(between.lowerBound - other) / 1_000
            : other > between.upperBound ? Double(other - between.upperBound) / 1_000 : 0
        let text = String(format: "%.1f s", abs(difference))
        switch abs(difference) {
        case ..<2: return Finding("clock of the coordinator", .good, "within \(text) of this one")
        case ..<300:
            return Finding(
                "clock of the coordinator", .warning,
                "\(text) \(difference < 0 ? "behind" : "ahead of") this one: times of events will not fit")
        default:
            return Finding(
                "clock of the coordinator", .bad,
                "\(text) \(difference < 0 ? "behind" : "ahead of") this one: tokens and time windows will not hold")
        }
    }

    // MARK: Disk

    /// - Parameter path: a folder on the disk, which need not be there yet.
    public static func disk(of path: String) -> Finding {
        var place = URL(filePath: path)
        while !FileManager.default.fileExists(atPath: place.path(percentEncoded: false)), place.pathComponents.count > 1
        {
            place.deleteLastPathComponent()
        }
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: place.path(percentEncoded: false))
        guard let free = attributes?[.systemFreeSize] as? Int64 else {
            return Finding("disk", .warning, "free space of \(path) cannot be read")
        }
        guard free > leastFreeBytes else {
            return Finding("disk", .bad, "\(free >> 20) MiB free at \(path): telemetry and artefacts need more")
        }
        return Finding("disk", .good, "\(free >> 20) MiB free at \(path)")
    }

    // MARK: Processor

    public static func kernels() -> Finding {
        do {
            let set = try KernelSet.selected().instructionSet
            guard set == .portable else { return Finding("kernels", .good, set.rawValue) }
            return Finding("kernels", .warning, "portable kernels only: several times slower")
        } catch { return Finding("kernels", .bad, "\(error)") }
    }

    /// - Parameter folder: of the kernel's description of processors.
    public static func governor(in folder: String = "/sys/devices/system/cpu") -> Finding {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
            .filter { $0.hasPrefix("cpu") && Int($0.dropFirst(3)) != nil }
        let governors = names.compactMap { name in
            (try? String(contentsOfFile: "\(folder)/\(name)/cpufreq/scaling_governor", encoding: .utf8))?
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
        guard !governors.isEmpty else { return Finding("CPU governor", .good, "none on this machine") }
        let slow = governors.count { $0 == "powersave" }
        guard slow == 0 else {
            return Finding(
                "CPU governor", .warning,
                "powersave on \(slow) of \(governors.count) processors: latencies will vary; performance or "
                    + "schedutil is better"
            )
        }
        return Finding("CPU governor", .good, Set(governors).sorted().joined(separator: ", "))
    }
}
