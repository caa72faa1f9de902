import AgentCore
import FleetModel
import Foundation
import Logging
import SpoolStore
import Testing

@testable import Agent

@Suite struct SpoolDeskTests {
    private let folder: String
    private var path: String { folder + "/spool.sqlite" }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "desk-\(UUID())").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private func desk(incarnation: UInt64, bytes: Int = 1 << 20) -> SpoolDesk {
        SpoolDesk(
            SpoolDesk.Opened(path: path), at: path, settings: .init(byteLimit: bytes), incarnation: incarnation,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private var measured: TelemetryRecord {
        TelemetryRecord(
            incarnation: 0, sequence: 0, startMilliseconds: 1, durationMilliseconds: 1_000, generation: 0, models: [],
            board: .init(
                memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0))
    }

    private func names(_ batches: [[TelemetryRecord]]) -> [[String]] { batches.map { $0.map(\.position.description) } }

    @Test func recordsOutliveAStartAndLeaveInOrder() {
        defer { remove() }
        var first = desk(incarnation: 3)
        for _ in 0..<3 { first.recorded(measured) }
        // No farewell: as after kill -9.
        var second = desk(incarnation: 4)
        second.recorded(measured)
        second.connectionReset()

        #expect(names(second.batchesDue()) == [["3/1", "3/2", "3/3", "4/1"]])
        second.acknowledged(incarnation: 3, sequence: 3)
        // What is acknowledged goes with the next record.
        second.recorded(measured)
        #expect(SpoolDesk.Opened(path: path).content.records.map(\.position.description) == ["4/1", "4/2"])
    }

    @Test func whatIsDroppedIsCountedByReasonAndToldOfItsIncarnation() throws {
        defer { remove() }
        var first = desk(incarnation: 3, bytes: 1 << 16)
        for _ in 0..<10 { first.recorded(measured) }
        let opened = SpoolDesk.Opened(path: path)
        let size = try #require(opened.content.records.last?.bytes)
        // Room for about four of those.
        var second = desk(incarnation: 4, bytes: size * 4 + size / 2)
        second.connectionReset()

        let batch = try #require(second.batchesDue().first)
        #expect(batch.map(\.sequence) == [7, 8, 9, 10])
        #expect(batch.allSatisfy { $0.board.droppedRecords == 6 })
        second.recorded(measured)
        second.connectionReset()
        let last = try #require(second.batchesDue().first?.last)
        #expect(last.position.description == "4/1" && last.board.droppedRecords == 0)
        #expect(last.board.spool?.lost == [.full: 6])
    }

    @Test func aFileThatIsTornWhileItIsInUseIsReplaced() throws {
        defer { remove() }
        var desk = desk(incarnation: 1)
        for _ in 0..<3 { desk.recorded(measured) }
        desk.connectionReset()
        for suffix in ["", "-wal"] {
            let file = try FileHandle(forWritingTo: URL(filePath: path + suffix))
            try file.write(contentsOf: Data(repeating: 0xa5, count: 1 << 16))
            try file.close()
        }
        // Twice, so that whatever the file says first, the next record finds its place.
        for _ in 0..<3 { desk.recorded(measured) }
        desk.connectionReset()

        let sent = desk.batchesDue().flatMap { $0 }
        #expect(sent.map(\.sequence).suffix(3) == [4, 5, 6])
        // What cannot be read any more is counted, one by one.
        #expect(sent.last.map { Int($0.board.droppedRecords) } == 6 - sent.count)
        // Nor does what follows pass in silence, should the disk have given back something else once more.
        let opened = SpoolDesk.Opened(path: path)
        let kept = opened.content.records.map(\.position.sequence)
        #expect(!opened.content.trouble.isEmpty || kept.suffix(3) == [4, 5, 6])
    }

    /// The newest records wait in memory, are sent, and are written once the disk takes them again.
    @Test func withoutADiskTheNewestStayInMemory() throws {
        defer { remove() }
        try FileManager.default.removeItem(atPath: folder)
        var desk = desk(incarnation: 1)
        for _ in 0..<FleetLimits.unsavedRecords + 5 { desk.recorded(measured) }
        desk.connectionReset()

        let batch = try #require(desk.batchesDue().first)
        #expect(batch.first?.sequence == 6 && batch.first?.board.droppedRecords == 5)
        #expect(batch.last?.board.spool?.trouble.contains("No such file or directory") == true)

        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        desk.recorded(measured)
        let content = SpoolDesk.Opened(path: path).content
        #expect(content.records.count == FleetLimits.unsavedRecords + 1)
        #expect(content.losses.total == [.unwritable: 5])
    }

    @Test func aFullDiskIsOutlived() throws {
        defer { remove() }
        let small = folder + "/small"
        try FileManager.default.createDirectory(atPath: small, withIntermediateDirectories: true)
        guard mount("tmpfs", small, "tmpfs", 0, "size=192k") == 0 else {
            print("skipped: a small file system cannot be mounted here")
            return
        }
        // 2: at once, whoever still has files open there.
        defer { umount2(small, 2) }
        let path = small + "/spool.sqlite"
        var desk = SpoolDesk(
            SpoolDesk.Opened(path: path), at: path, settings: .init(), incarnation: 1,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        for _ in 0..<10 { desk.recorded(measured) }
        // The others' data: everything that is free.
        try #require(FileManager.default.createFile(atPath: small + "/other", contents: nil))
        let other = try FileHandle(forWritingTo: URL(filePath: small + "/other"))
        while (try? other.write(contentsOf: Data(repeating: 1, count: 512))) != nil {}
        for _ in 0..<400 { desk.recorded(measured) }
        desk.connectionReset()
        let full = try #require(desk.batchesDue().first?.first)
        #expect(full.sequence == 1)
        try FileManager.default.removeItem(atPath: small + "/other")
        try other.close()
        for _ in 0..<3 { desk.recorded(measured) }

        let content = SpoolDesk.Opened(path: path).content
        #expect(content.trouble.isEmpty && content.losses.isEmpty)
        #expect(content.records.map(\.position.sequence) == Array(1...413))
    }
}
