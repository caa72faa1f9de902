import Foundation
import WireProtocol

/// What a run counts on the boards' side.
struct LoadMeasures {
    /// Of one record's encoding.
    var recordBytes = 0
    var boards = 0
    private let began = ContinuousClock.now
    var reports = 0
    var messagesSent = 0
    var bytesSent = 0
    var messagesReceived = 0
    var bytesReceived = 0
    var refusedEnrolments = 0
    var refusedHellos = 0
    private(set) var ingests: [Double] = []

    init(recordBytes: Int = 0, boards: Int = 0) {
        self.recordBytes = recordBytes
        self.boards = boards
    }

    mutating func ingested(_ time: Duration) { ingests.append(time / .milliseconds(1)) }

    mutating func sent(_ frame: Frame) {
        messagesSent += 1
        bytesSent += frame.header.count + frame.payload.count
    }

    mutating func received(_ header: [UInt8], _ payload: [UInt8]) {
        messagesReceived += 1
        bytesReceived += header.count + payload.count
    }

    /// Begins to count anew.
    mutating func reset(boards: Int) { self = LoadMeasures(recordBytes: recordBytes, boards: boards) }

    /// Since it began to count.
    var seconds: Double { max(0.001, began.duration(to: .now) / .seconds(1)) }

    /// Milliseconds; `nil` when nothing was measured.
    func percentile(_ percent: Double) -> Double? {
        guard !ingests.isEmpty else { return nil }
        let sorted = ingests.sorted()
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * percent / 100))]
    }
}

/// What Linux tells of a process.
struct ProcessUsage {
    var cpuSeconds: Double
    var residentBytes: Int
    var at = ContinuousClock.now

    init?(of process: Int32) {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        else { return nil }
        // After the name, which may hold anything: state is field 3, user and system time are 14 and 15.
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return nil }
        cpuSeconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        let resident = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }?.split(separator: " ").dropFirst()
            .first
        residentBytes = (resident.flatMap { Int($0.filter(\.isNumber)) } ?? 0) * 1_024
    }

    /// Mean of cores in use since an earlier look.
    func cores(since earlier: ProcessUsage) -> Double {
        (cpuSeconds - earlier.cpuSeconds) / (earlier.at.duration(to: at) / .seconds(1))
    }
}
