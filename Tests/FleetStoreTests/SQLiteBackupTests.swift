import AuditLog
import FleetModel
import Foundation
import GRDB
import Synchronization
import Testing

@testable import FleetStore

/// Tells a task to end after what it is at; cancelling it would cancel that too.
private final class Flag: Sendable {
    let isRaised = Atomic(false)
}

/// Copies of a database that is in use.
@Suite struct SQLiteBackupTests {
    private let draft = AuditDraft(actor: "local", action: .backupTaken, target: "database", atMilliseconds: 7)

    /// One connection goes on writing while another copies, again and again: each copy is one state of the fleet, not
    /// older than what was acknowledged when it began, and nothing is missing in the end.
    @Test func aCopyTakenWhileItIsWrittenIsOneState() async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            let store = try SQLiteFleetStore(path: path)
            let board = try Samples.board("board-1")
            try await store.saveBoard(board)
            let end = Flag()
            let writer = Task {
                var sequence: UInt64 = 0
                while !end.isRaised.load(ordering: .relaxed) {
                    let records = try (1...20).map { try Samples.record(sequence + UInt64($0)) }
                    _ = try await store.appendTelemetry([(board.id, records)], receivedAtMilliseconds: 1)
                    sequence += 20
                    // A coordinator gathers for a while too; without a pause SQLite lets nobody else write.
                    try await Task.sleep(for: .milliseconds(20))
                }
                return sequence
            }
            defer { end.isRaised.store(true, ordering: .relaxed) }

            var before: [UInt64] = []
            for number in 0..<5 {
                try await Task.sleep(for: .milliseconds(80))
                before.append(try await store.telemetryCounts().first?.incarnations.first?.highest ?? 0)
                let joined = try SQLiteFleetStore(existing: path)
                let bytes = try await joined.backUp(to: folder + "/copy-\(number)", audit: draft)
                let size =
                    try FileManager.default.attributesOfItem(atPath: folder + "/copy-\(number)")[.size] as? UInt64
                #expect(bytes > 0 && size == bytes)
            }
            end.isRaised.store(true, ordering: .relaxed)
            let written = try await writer.value

            for (number, before) in before.enumerated() {
                let copy = try SQLiteFleetStore(path: folder + "/copy-\(number)")
                let count = try #require(try await copy.telemetryCounts().first)
                let incarnation = try #require(count.incarnations.first)
                #expect(incarnation.highest >= before && incarnation.highest.isMultiple(of: 20))
                #expect(count.rows == Int(incarnation.highest) && incarnation.gaps == 0)
                let log = try await copy.verifyAudit()
                #expect(log.fault == nil && log.entries == number + 1)
                try copy.close()
            }
            #expect(before.last ?? 0 > before.first ?? 0, "it was written meanwhile")
            #expect(try await store.telemetryCounts().first?.rows == Int(written))
            #expect(try await store.audit(after: 0, sinceMilliseconds: 0, limit: 9).count == 5)
            try store.close()
        }
    }

    @Test func theCopyIsOneFileOfItsOwnerAlone() async throws {
        try await withFolder { folder in
            let store = try SQLiteFleetStore(path: folder + "/fleet.sqlite")
            try await store.saveBoard(try Samples.board("board-1"))
            _ = try await store.backUp(to: folder + "/copy", audit: draft)

            let copies = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("copy") }
            #expect(copies == ["copy"])
            let mode = try FileManager.default.attributesOfItem(atPath: folder + "/copy")[.posixPermissions] as? Int
            #expect(mode == 0o600)
            try store.close()
        }
    }

    @Test func noFileIsReplacedAndNothingIsLeftBehind() async throws {
        try await withFolder { folder in
            let store = try SQLiteFleetStore(path: folder + "/fleet.sqlite")
            let taken = folder + "/taken"
            try Data("mine".utf8).write(to: URL(filePath: taken))
            await #expect(throws: FleetStoreFailure.unavailable(path: taken, detail: "there is such a file already")) {
                try await store.backUp(to: taken, audit: draft)
            }
            #expect(try Data(contentsOf: URL(filePath: taken)) == Data("mine".utf8))
            await #expect(throws: FleetStoreFailure.self) {
                try await store.backUp(to: folder + "/absent/copy", audit: draft)
            }
            let files = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(!files.contains { $0.contains("part") }, "\(files)")
            #expect(try await store.verifyAudit().entries == 0)
            try store.close()
        }
    }

    /// A program of another version neither changes the tables under a running coordinator nor copies what it may not
    /// know.
    @Test(arguments: [
        "DELETE FROM grdb_migrations WHERE identifier = 'rollouts'",
        "INSERT INTO grdb_migrations (identifier) VALUES ('1000')",
    ])
    func tablesOfAnotherVersionAreLeftAlone(sql: String) async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            try SQLiteFleetStore(path: path).close()
            let queue = try DatabaseQueue(path: path)
            try await queue.write { try $0.execute(sql: sql) }
            try queue.close()
            #expect(throws: FleetStoreFailure.self) { try SQLiteFleetStore(existing: path) }
        }
    }

    @Test func withoutADatabaseNoneIsMade() async throws {
        try await withFolder { folder in
            #expect(throws: FleetStoreFailure.self) { try SQLiteFleetStore(existing: folder + "/fleet.sqlite") }
            let files = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(files.isEmpty)
        }
    }
}
