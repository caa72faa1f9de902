import FleetModel
import Foundation
import GRDB
import Testing

@testable import FleetStore

@Suite struct SQLiteFleetStoreTests {
    private func fill(_ store: SQLiteFleetStore) async throws {
        let board = try Samples.board("board-1")
        try await store.addToken(Samples.token(1), atMilliseconds: 0)
        try await store.saveBoard(board)
        _ = try await store.appendTelemetry(
            [(board.id, try (1...50).map { try Samples.record($0) })], receivedAtMilliseconds: 1)
        _ = try await store.savePolicy(Samples.policy("policy"), text: "text")
        try await store.saveAssignment(Samples.assignment(3), for: board.id)
        try await store.appendEvent(try Samples.event(1))
    }

    private func expectAll(in store: SQLiteFleetStore) async throws {
        let board = try Samples.board("board-1")
        #expect(try await store.boards() == [board])
        #expect(
            try await store.telemetry(board: board.id, sinceMilliseconds: 0, limit: 100).map(\.record)
                == (1...50).map { try Samples.record($0) })
        #expect(try await store.policies().map(\.policy) == [Samples.policy("policy")])
        #expect(try await store.assignments() == [board.id: Samples.assignment(3)])
        #expect(try await store.events(limit: 10) == [try Samples.event(1)])
        #expect(
            try await store.appendTelemetry([(board.id, [try Samples.record(51)])], receivedAtMilliseconds: 1)
                .map(\.contiguous) == [51])
        #expect(try await store.redeemToken(hash: Samples.token(1).hash, atMilliseconds: 1))
    }

    @Test func reopeningKeepsEverything() async throws {
        try await withFolder { folder in
            let store = try SQLiteFleetStore(path: folder + "/fleet.sqlite")
            try await fill(store)
            try store.close()

            try await expectAll(in: try SQLiteFleetStore(path: folder + "/fleet.sqlite"))
        }
    }

    /// What a killed process leaves behind: the file and its log as they stand, nothing closed.
    @Test func aCopyTakenWhileOpenHasEveryCommit() async throws {
        try await withFolder { folder in
            let store = try SQLiteFleetStore(path: folder + "/fleet.sqlite")
            try await fill(store)
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(
                    atPath: folder + "/fleet.sqlite" + suffix, toPath: folder + "/copy.sqlite" + suffix)
            }

            try await expectAll(in: try SQLiteFleetStore(path: folder + "/copy.sqlite"))
            try store.close()
        }
    }

    /// A log cut anywhere is a commit cut short; the commits before it are whole.
    @Test func aTornLogLosesOnlyItsLastCommits() async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            let store = try SQLiteFleetStore(path: path)
            let board = try Samples.board("board-1")
            try await store.saveBoard(board)
            let committed = try Data(contentsOf: URL(filePath: path + "-wal")).count
            _ = try await store.appendTelemetry(
                [(board.id, try (1...50).map { try Samples.record($0) })], receivedAtMilliseconds: 1)
            let whole = try Data(contentsOf: URL(filePath: path + "-wal"))

            for (number, size) in stride(from: committed, to: whole.count, by: 1_111).enumerated() {
                let copy = folder + "/copy-\(number).sqlite"
                try FileManager.default.copyItem(atPath: path, toPath: copy)
                try whole.prefix(size).write(to: URL(filePath: copy + "-wal"))
                let reopened = try SQLiteFleetStore(path: copy)
                #expect(try await reopened.boards() == [board], "log cut to \(size) bytes")
                #expect(try await reopened.telemetryCounts().isEmpty, "log cut to \(size) bytes")
                try reopened.close()
            }
            try store.close()
        }
    }

    @Test func filesThatAreNoDatabaseOrDamagedAreRefusedAndLeftAlone() async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            let store = try SQLiteFleetStore(path: path)
            try await fill(store)
            try store.close()
            let whole = try Data(contentsOf: URL(filePath: path))
            var scribbled = whole
            for page in stride(from: 4_096, to: whole.count - 4_096, by: 8_192) {
                scribbled.replaceSubrange(page..<page + 64, with: [UInt8](repeating: 0xA5, count: 64))
            }
            let broken = [
                "garbage": Data(repeating: 0x5A, count: 10_000), "torn": whole.prefix(whole.count / 2),
                "scribbled": scribbled,
            ]

            for (name, content) in broken {
                let file = folder + "/\(name).sqlite"
                try content.write(to: URL(filePath: file))
                let failure = #expect(throws: FleetStoreFailure.self, "opened \(name)") {
                    _ = try SQLiteFleetStore(path: file)
                }
                guard case .corrupt(file, _) = failure else {
                    Issue.record("\(name): \(String(describing: failure))")
                    continue
                }
                #expect(try Data(contentsOf: URL(filePath: file)) == content, "\(name) was changed")
            }
        }
    }

    @Test func theFileAndItsLogAreTheOwnersAlone() async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            let store = try SQLiteFleetStore(path: path)
            try await fill(store)

            for file in [path, path + "-wal", path + "-shm"] {
                let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
                #expect(mode == 0o600, "\(file)")
            }
            try store.close()
        }
    }

    @Test func aFileOfALaterVersionIsRefused() async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            try SQLiteFleetStore(path: path).close()
            let queue = try DatabaseQueue(path: path)
            try await queue.write {
                try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('1000')")
            }
            try queue.close()

            #expect(throws: FleetStoreFailure.newerSchema(path: path)) { try SQLiteFleetStore(path: path) }
        }
    }

    @Test func anEmptyDatabaseIsKnownFromOneWithoutBoards() async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            #expect(SQLiteFleetStore.isEmpty(path))
            try Data().write(to: URL(filePath: path))
            #expect(SQLiteFleetStore.isEmpty(path))
            let store = try SQLiteFleetStore(path: path)
            #expect(!SQLiteFleetStore.isEmpty(path))
            // The file without its log, in which everything still is.
            try FileManager.default.copyItem(atPath: path, toPath: folder + "/copy.sqlite")
            #expect(SQLiteFleetStore.isEmpty(folder + "/copy.sqlite"))
            try store.close()
            #expect(!SQLiteFleetStore.isEmpty(path))
            try Data("no database".utf8).write(to: URL(filePath: path))
            #expect(!SQLiteFleetStore.isEmpty(path))
        }
    }

    /// A database of before goes on, and its tokens are for any board.
    @Test func tokensOfBeforeWantNoLabels() async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            let queue = try DatabaseQueue(path: path)
            try Schema.migrator.migrate(queue, upTo: "boardCare")
            let hash = Samples.token(1).hash
            try await queue.write {
                try $0.execute(sql: "INSERT INTO token VALUES (?, 5000, 1)", arguments: [Data(hash)])
            }
            try queue.close()

            let store = try SQLiteFleetStore(path: path)
            #expect(try await store.enrol(try Samples.board("a"), tokenHash: hash, atMilliseconds: 1))
            try store.close()
        }
    }

    @Test func boardsOfBeforeHaveNotLeft() async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            let board = try Samples.board("a")
            let queue = try DatabaseQueue(path: path)
            try Schema.migrator.migrate(queue, upTo: "tokenLabels")
            let description = String(decoding: try JSONEncoder().encode(board.description), as: UTF8.self)
            try await queue.write {
                try $0.execute(
                    sql: """
                        INSERT INTO board (id, publicKey, description, enrolledAtMilliseconds, lastSeenMilliseconds,
                            reportedGeneration, incarnation) VALUES (?, 'k', ?, 1, 2, 3, 4)
                        """, arguments: [board.id.rawValue, description])
            }
            try queue.close()

            let store = try SQLiteFleetStore(path: path)
            #expect(try await store.boards().map(\.hasLeft) == [false])
            try store.close()
        }
    }

    @Test func aFolderThatIsMissingIsAnErrorInOneSentence() {
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID())/fleet.sqlite").path()
        #expect(throws: FleetStoreFailure.unavailable(path: path, detail: "No such file or directory")) {
            try SQLiteFleetStore(path: path)
        }
    }

    @Test func everyCommitIsFlushed() async throws {
        try await withFolder { folder in
            let store = try SQLiteFleetStore(path: folder + "/fleet.sqlite")

            let synchronous = try await store.write { try Int.fetchOne($0, sql: "PRAGMA synchronous") }

            #expect(synchronous == 2, "FULL")
            try store.close()
        }
    }

    @Test func theLogIsWriteAheadAndNumbersLieInColumns() async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            let store = try SQLiteFleetStore(path: path)
            try await fill(store)
            try store.close()

            let queue = try DatabaseQueue(path: path)
            let frames = try await queue.read {
                try Int.fetchOne(
                    $0,
                    sql: """
                        SELECT sum(frames) FROM modelTelemetry JOIN telemetry ON telemetry.id = modelTelemetry.telemetry
                        WHERE board = 'board-1' AND model = 'fashion'
                        """)
            }
            let journal = try await queue.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") }
            #expect(frames == 5_000)
            #expect(journal == "wal")
        }
    }
}
