import Foundation

/// What a run measured, for programs; `sentences` are for people. What was not measured is missing.
struct LoadResult: Encodable {
    struct Times: Encodable, Equatable {
        var count: Int
        var p50Milliseconds: Double
        var p99Milliseconds: Double
        var maxMilliseconds: Double

        /// `nil` without values.
        init?(milliseconds: [Double]) {
            guard let longest = milliseconds.max() else { return nil }
            let sorted = milliseconds.sorted()
            func percentile(_ percent: Int) -> Double { sorted[min(sorted.count - 1, sorted.count * percent / 100)] }
            count = sorted.count
            (p50Milliseconds, p99Milliseconds, maxMilliseconds) = (percentile(50), percentile(99), longest)
        }

        var text: String {
            "p50 \(LoadResult.text(p50Milliseconds)) ms, p99 \(LoadResult.text(p99Milliseconds)) ms, "
                + "longest \(LoadResult.text(maxMilliseconds)) ms of \(count)"
        }
    }

    struct Enrolment: Encodable {
        var boards: Int
        var seconds: Double
        var refused: Int
        var coordinatorMicrosecondsPerBoard: Double
    }

    struct Connection: Encodable {
        var greeted: Int
        var boards: Int
        var seconds: Double
        var coordinatorMicrosecondsPerBoard: Double
    }

    struct Steady: Encodable {
        var seconds: Double
        var coordinatorCores: Double
        var coordinatorResidentBytes: Int
        var coordinatorResidentBytesBefore: Int
        var coordinatorBytesPerBoard: Int
        var coordinatorMicrosecondsPerReport: Double
        var loadCores: Double
        var reports: Int
        var reportsPerSecond: Double
        var recordBytes: Int
        var messagesUp: Int
        var messagesDown: Int
        var bytesUpPerBoardSecond: Double
        var bytesDownPerBoardSecond: Double
        /// From sending a record to the acknowledgement of what is on the disk.
        var ingest: Times?
    }

    struct Change: Encodable {
        var changes: Int
        /// Boards that reported no new assignment in time, over all changes.
        var missing: Int
        /// From asking for the change to each board's report.
        var reported: Times?
        /// To the coordinator's word that it has all reports, of each change.
        var converged: Times?
    }

    struct Restart: Encodable {
        var back: Int
        var boards: Int
        var seconds: Double
        var halfSeconds: Double?
        /// As the coordinator sees it afterwards.
        var connected: Int
        var refused: Int
        var unansweredHellos: Int
        var coordinatorCores: Double
        var coordinatorPeakBytes: Int
    }

    struct Records: Encodable {
        var acknowledged: UInt64
        var lost: UInt64
        var stored: Int
        var databaseBytes: Int
    }

    var boards: Int
    var periodSeconds: Int
    var heartbeatMilliseconds: Int
    var enrolment: Enrolment?
    var connection: Connection?
    var steady: Steady?
    var change: Change?
    var restart: Restart?
    var records: Records?
    /// What a coordinator is to reach and did not; empty when it reached all that was measured.
    var notReached: [String] = []

    init(boards: Int, periodSeconds: Int, heartbeatMilliseconds: Int) {
        (self.boards, self.periodSeconds, self.heartbeatMilliseconds) = (boards, periodSeconds, heartbeatMilliseconds)
    }

    // MARK: What is to be reached

    private static let cores = 1.0
    private static let residentBytes = 1 << 30
    private static let ingestMilliseconds = 100.0
    /// Of fleets up to so many boards; a larger one's time is told and not judged.
    private static let changeMilliseconds = 1_000.0
    private static let changeBoards = 1_000
    private static let restartSeconds = 60.0

    /// Compares what was measured with what is to be reached.
    mutating func judge() {
        var misses: [String] = []
        func expect(_ isReached: Bool, _ miss: @autoclosure () -> String) { if !isReached { misses.append(miss()) } }
        if let enrolment { expect(enrolment.refused == 0, "\(enrolment.refused) enrolments were refused") }
        if let connection {
            expect(connection.greeted == boards, "\(connection.greeted) of \(boards) boards were greeted")
        }
        if let steady {
            expect(steady.coordinatorCores <= Self.cores, "the coordinator takes more than one core")
            let limit = Self.ingestMilliseconds
            expect(
                steady.ingest.map { $0.p99Milliseconds <= limit } ?? false,
                "p99 of ingest is above \(Self.text(limit)) ms")
        }
        let most = max(steady?.coordinatorResidentBytes ?? 0, restart?.coordinatorPeakBytes ?? 0)
        expect(most <= Self.residentBytes, "the coordinator takes more than 1 GiB")
        if let change {
            expect(change.missing == 0, "\(change.missing) boards did not report a change")
            let limit = Self.changeMilliseconds
            expect(
                change.reported.map { $0.p99Milliseconds <= limit || boards > Self.changeBoards } ?? false,
                "p99 of a change is above \(Self.text(limit)) ms")
        }
        if let restart {
            expect(restart.back == boards, "\(restart.back) of \(boards) boards came back")
            expect(
                restart.seconds <= Self.restartSeconds, "it took more than \(Int(Self.restartSeconds)) s to come back")
            expect(restart.refused == 0, "\(restart.refused) hellos were refused")
        }
        if let records { expect(records.lost == 0, "\(records.lost) acknowledged records are not in the database") }
        notReached = misses
    }

    var json: Data {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return try encoder.encode(self)
        }
    }

    static func text(_ value: Double, _ digits: Int = 1) -> String { String(format: "%.\(digits)f", value) }
}

/// One line of a part, for people.
extension LoadResult.Enrolment {
    var sentence: String {
        "\(boards) boards in \(LoadResult.text(seconds)) s, refused: \(refused); "
            + "\(LoadResult.text(coordinatorMicrosecondsPerBoard, 0)) µs of the coordinator's processor each"
    }
}

extension LoadResult.Connection {
    var sentence: String {
        "\(greeted) of \(boards) boards greeted in \(LoadResult.text(seconds)) s; "
            + "\(LoadResult.text(coordinatorMicrosecondsPerBoard, 0)) µs of the coordinator's processor each"
    }
}

extension LoadResult.Steady {
    var sentences: [(what: String, text: String)] {
        [
            (
                "coordinator",
                "\(LoadResult.text(coordinatorCores, 3)) cores, \(coordinatorResidentBytes >> 20) MiB resident "
                    + "(\(coordinatorResidentBytesBefore >> 20) MiB before the boards)"
            ),
            (
                "per board",
                "\(coordinatorBytesPerBoard) bytes resident; "
                    + "\(LoadResult.text(coordinatorMicrosecondsPerReport, 0)) µs of processor for a report and all "
                    + "that comes with it"
            ),
            (
                "reports",
                "\(reports) of \(recordBytes) bytes in \(LoadResult.text(seconds)) s, "
                    + "\(LoadResult.text(reportsPerSecond)) a second"
            ),
            (
                "traffic",
                "\(LoadResult.text(bytesUpPerBoardSecond)) bytes a board and second to the coordinator in "
                    + "\(messagesUp) messages, \(LoadResult.text(bytesDownPerBoardSecond)) back in \(messagesDown)"
            ),
            ("ingest", (ingest?.text ?? "none") + ", from sending to durable acknowledgement"),
            ("load", "\(LoadResult.text(loadCores, 3)) cores for the simulated boards themselves"),
        ]
    }
}

extension LoadResult.Change {
    var sentences: [(what: String, text: String)] {
        [
            (
                "change",
                "\(reported?.text ?? "none"), from asking to a board's report, over \(changes) changes; "
                    + "missing: \(missing)"
            ),
            ("converged", "\(converged?.text ?? "none"), until the coordinator says it has all reports"),
        ]
    }
}

extension LoadResult.Restart {
    var sentences: [(what: String, text: String)] {
        [
            (
                "restart",
                "\(back) of \(boards) boards back \(LoadResult.text(seconds)) s after kill -9 (half after "
                    + "\(halfSeconds.map { LoadResult.text($0) } ?? "-") s), connected: \(connected), "
                    + "refused: \(refused), hellos without an answer: \(unansweredHellos)"
            ),
            (
                "after it",
                "\(LoadResult.text(coordinatorCores, 3)) cores on average, \(coordinatorPeakBytes >> 20) MiB at most"
            ),
        ]
    }
}

extension LoadResult.Records {
    var sentences: [(what: String, text: String)] {
        [
            (
                "database",
                "\(stored) records, \(databaseBytes >> 20) MiB, "
                    + "\(stored > 0 ? databaseBytes / stored : 0) bytes a record"
            ),
            ("records", "\(acknowledged) acknowledged in this run, \(lost) of them lost"),
        ]
    }
}
