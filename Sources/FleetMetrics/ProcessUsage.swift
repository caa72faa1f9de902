import Foundation

/// What the kernel says of this process.
public enum ProcessUsage {
    /// - Parameter prefix: of the names, which differ by program: one Prometheus may scrape both.
    public static func families(prefix: String) -> [MetricFamily] {
        // In microseconds, by POSIX.
        let cpu = MetricFamily(
            "\(prefix)_process_cpu_seconds_total", .counter, "Processor time of the process.", Double(clock()) / 1e6)
        // The second number of the file is the resident pages.
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?
            .split(separator: " ").dropFirst().first.flatMap { Double($0) }
        guard let pages else { return [cpu] }
        let memory = MetricFamily(
            "\(prefix)_process_resident_memory_bytes", .gauge, "Memory of the process.",
            pages * Double(sysconf(Int32(_SC_PAGESIZE))))
        return [cpu, memory]
    }
}
