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
    var unansweredHellos = 0
    /// Milliseconds from sending a record to its acknowledgement.
    private(set) var ingests: [Double] = []
    /// Milliseconds from the change of a policy to each board's report of what it means for it.
    private(set) var changes: [Double] = []
    /// When the policy was changed that boards are reporting now, and how many have.
    private(set) var changed: (at: ContinuousClock.Instant, boards: Int)?

    init(recordBytes: Int = 0, boards: Int = 0) {
        self.recordBytes = recordBytes
        self.boards = boards
    }

    mutating func policyChanged(at now: ContinuousClock.Instant) { changed = (now, 0) }

    /// A board has carried its assignment out.
    mutating func assigned(at now: ContinuousClock.Instant) {
        guard let known = changed else { return }
        changes.append(known.at.duration(to: now) / .milliseconds(1))
        changed = (known.at, known.boards + 1)
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

}

/// What Linux tells of a process.
struct ProcessUsage {
    var cpuSeconds: Double
    var residentBytes: Int
    /// The most that it ever was.
    var peakBytes: Int
    var at = ContinuousClock.now

    init?(of process: Int32) {
        guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        else { return nil }
        // After the name, which may hold anything: state is field 3, user and system time are 14 and 15.
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return nil }
        cpuSeconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        func bytes(_ name: String) -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
            return (Int(line.filter(\.isNumber)) ?? 0) * 1_024
        }
        (residentBytes, peakBytes) = (bytes("VmRSS:"), bytes("VmHWM:"))
    }

    /// Microseconds of processor since an earlier look, for each of so many.
    func microseconds(since earlier: ProcessUsage, each count: Int) -> Double {
        (cpuSeconds - earlier.cpuSeconds) * 1e6 / Double(max(1, count))
    }

    /// Mean of cores in use since an earlier look.
    func cores(since earlier: ProcessUsage) -> Double {
        (cpuSeconds - earlier.cpuSeconds) / (earlier.at.duration(to: at) / .seconds(1))
    }
}
