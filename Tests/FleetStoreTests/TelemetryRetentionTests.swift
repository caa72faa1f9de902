import FleetModel
import FleetStore
import Foundation
import GRDB
import PostgreSQLFleetStore
import PostgreSQLHarness
import Testing

/// Removal by age, over every store: what was acknowledged stays acknowledged.
@Suite struct TelemetryRetentionTests {
    private func with(
        _ maker: StoreMaker, _ limits: StoreLimits = StoreLimits(),
        _ body: (any FleetStore, BoardID) async throws -> Void
    ) async throws {
        try await maker.with(limits) { store in
            try await store.saveBoard(try Samples.board("board-1"))
            try await store.saveBoard(try Samples.board("board-2"))
            try await body(store, try Samples.id("board-1"))
        }
    }

    @discardableResult
    private func append(
        _ sequences: ClosedRange<UInt64>, dropped: UInt64 = 0, incarnation: UInt64 = 1, of board: BoardID,
        to store: any FleetStore, at received: UInt64
    ) async throws -> [UInt64] {
        let records = try sequences.map { try Samples.record($0, incarnation: incarnation, dropped: dropped) }
        return try await store.appendTelemetry([(board, records)], receivedAtMilliseconds: received).map(\.contiguous)
    }

    private func sequences(_ board: BoardID, in store: any FleetStore) async throws -> [UInt64] {
        try await store.telemetry(board: board, sinceMilliseconds: 0, limit: 1_000).map(\.record.sequence)
    }

    /// The whole pass. How many records went, and on how many pages.
    private func pass(
        before: UInt64, now: UInt64 = 1_000, limit: Int, over store: any FleetStore
    ) async throws -> (removed: Int, pages: Int) {
        var (removed, pages, after): (Int, Int, UInt64?) = (0, 0, 0)
        while let place = after {
            let done = try await store.removeTelemetry(
                RetentionPage(
                    receivedBeforeMilliseconds: before, nowMilliseconds: now, after: place, limit: limit))
            (removed, pages, after) = (removed + done.records, pages + 1, done.next)
        }
        return (removed, pages)
    }

    @Test(arguments: StoreMaker.all)
    func theOldestArrivalsGoPageByPage(maker: StoreMaker) async throws {
        try await with(maker) { store, board in
            let other = try Samples.id("board-2")
            try await append(1...3, of: board, to: store, at: 10)
            try await append(1...2, of: other, to: store, at: 10)
            try await append(4...5, of: board, to: store, at: 20)

            let first = try await store.removeTelemetry(
                RetentionPage(receivedBeforeMilliseconds: 20, nowMilliseconds: 1_000, limit: 2))
            #expect(first.records == 2 && first.next != nil)
            #expect(try await sequences(board, in: store) == [3, 4, 5])
            #expect(try await store.telemetryCounts().map(\.rows) == [3, 2])

            let (removed, pages) = try await pass(before: 20, limit: 2, over: store)
            #expect(removed == 3 && pages == 3)
            #expect(try await sequences(board, in: store) == [4, 5])
            #expect(try await store.telemetryCounts().map(\.rows) == [2, 0])
            #expect(try await pass(before: 20, limit: 2, over: store).pages == 1)
        }
    }

    /// Nothing is asked for again, nothing counts as lost, and hours are longer-lived.
    @Test(arguments: StoreMaker.all)
    func whatWasAcknowledgedStaysSo(maker: StoreMaker) async throws {
        try await with(maker) { store, board in
            #expect(try await append(1...4, of: board, to: store, at: 10) == [4])
            #expect(try await append(7...8, dropped: 2, of: board, to: store, at: 10) == [8])
            let before = try await store.telemetryCounts()
            let hours = try await store.telemetryHours(board: board, sinceMilliseconds: 0, limit: 100)
            #expect(try await pass(before: 11, limit: 4, over: store).removed == 6)

            let after = try await store.telemetryCounts()
            #expect(after.first?.rows == 0 && after.first?.incarnations == before.first?.incarnations)
            #expect(after.first?.incarnations.map(\.gaps) == [2])
            #expect(try await store.telemetryHours(board: board, sinceMilliseconds: 0, limit: 100) == hours)
            #expect(try await append(9...9, dropped: 2, of: board, to: store, at: 12) == [9])
            #expect(try await append(11...11, dropped: 3, of: board, to: store, at: 12) == [11])
        }
    }

    @Test(arguments: StoreMaker.all)
    func whatWasRemovedAndIsToldAgainChangesNothing(maker: StoreMaker) async throws {
        try await with(maker) { store, board in
            try await append(1...5, of: board, to: store, at: 10)
            try await append(6...6, of: board, to: store, at: 20)
            #expect(try await pass(before: 20, limit: 10, over: store).removed == 5)
            let counts = try await store.telemetryCounts()
            let hours = try await store.telemetryHours(board: board, sinceMilliseconds: 0, limit: 100)

            #expect(try await append(2...6, of: board, to: store, at: 30) == [6])

            #expect(try await sequences(board, in: store) == [6])
            #expect(try await store.telemetryCounts() == counts)
            #expect(try await store.telemetryHours(board: board, sinceMilliseconds: 0, limit: 100) == hours)
        }
    }

    /// The same where the limit of records removed them.
    @Test(arguments: StoreMaker.all)
    func whatWentAtTheLimitAndIsToldAgainChangesNothing(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.telemetryPerBoard = 2
        try await with(maker, limits) { store, board in
            for sequence: UInt64 in 1...5 { try await append(sequence...sequence, of: board, to: store, at: 10) }
            let counts = try await store.telemetryCounts()
            let hours = try await store.telemetryHours(board: board, sinceMilliseconds: 0, limit: 100)

            #expect(try await append(1...5, of: board, to: store, at: 30) == [5])

            #expect(try await sequences(board, in: store) == [4, 5])
            #expect(try await store.telemetryCounts() == counts)
            #expect(try await store.telemetryHours(board: board, sinceMilliseconds: 0, limit: 100) == hours)
        }
    }

    /// Its board still has it, since it was not acknowledged: removed, it would come again and be counted twice.
    @Test(arguments: StoreMaker.all)
    func aRecordAboveAGapStaysUntilTheGapIsFilled(maker: StoreMaker) async throws {
        try await with(maker) { store, board in
            try await append(1...2, of: board, to: store, at: 10)
            #expect(try await append(5...6, of: board, to: store, at: 10) == [2])
            #expect(try await pass(before: 20, limit: 2, over: store).removed == 2)
            #expect(try await sequences(board, in: store) == [5, 6])

            #expect(try await append(3...4, of: board, to: store, at: 20) == [6])
            #expect(try await store.telemetryCounts().first?.incarnations.map(\.gaps) == [0])
            #expect(try await pass(before: 20, limit: 2, over: store).removed == 2)
            #expect(try await sequences(board, in: store) == [3, 4])
            #expect(try await store.telemetryCounts().first?.rows == 2)
        }
    }

    @Test(arguments: StoreMaker.all)
    func incarnationsThatAreForgottenGoToo(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.incarnationsPerBoard = 1
        try await with(maker, limits) { store, board in
            try await append(2...3, incarnation: 1, of: board, to: store, at: 10)
            try await append(1...1, incarnation: 2, of: board, to: store, at: 20)

            #expect(try await pass(before: 20, limit: 10, over: store).removed == 2)
            #expect(try await store.telemetryCounts().map(\.rows) == [1])
        }
    }

    /// What arrived while the coordinator's clock was ahead neither goes nor hides what arrived after.
    @Test(arguments: StoreMaker.all)
    func arrivalsFromTheFutureDoNotEndAPass(maker: StoreMaker) async throws {
        try await with(maker) { store, board in
            try await append(1...3, of: board, to: store, at: 5_000)
            try await append(4...5, of: board, to: store, at: 10)
            try await append(6...9, of: board, to: store, at: 900)

            let (removed, pages) = try await pass(before: 20, now: 1_000, limit: 2, over: store)
            #expect(removed == 2)
            // The fourth has young records alone, and those after it are not looked at.
            #expect(pages == 4)
            #expect(try await sequences(board, in: store) == [1, 2, 3, 6, 7, 8, 9])
        }
    }

    // MARK: Migrations

    /// Takes a store back to before it kept hours.
    private static let undone = """
        DROP TABLE telemetryHour;
        DROP TABLE telemetryHourCount;
        ALTER TABLE telemetryProgress DROP COLUMN removed;
        """

    private func fill(_ store: any FleetStore) async throws -> [TelemetryHour] {
        let board = try Samples.board("board-1")
        try await store.saveBoard(board)
        var records = try (1...40).map { try Samples.record($0, at: $0 * 500_000) }
        for index in records.indices {
            records[index].models[0].violations = UInt32(10 * index)
            records[index].models[1].p99Milliseconds = Double(index % 7)
        }
        _ = try await store.appendTelemetry([(board.id, records)], receivedAtMilliseconds: 1)
        return try await store.telemetryHours(board: board.id, sinceMilliseconds: 0, limit: 1_000)
    }

    private func expect(_ hours: [TelemetryHour], in store: any FleetStore) async throws {
        let board = try Samples.id("board-1")
        #expect(hours.count > 10)
        #expect(try await store.telemetryHours(board: board, sinceMilliseconds: 0, limit: 1_000) == hours)
        #expect(try await append(41...41, of: board, to: store, at: 2) == [41])
        #expect(try await pass(before: 2, limit: 100, over: store).removed == 40)
        #expect(try await append(40...41, of: board, to: store, at: 3) == [41])
        #expect(try await sequences(board, in: store) == [41])
    }

    @Test func windowsOfAnOlderFileAreAddedUp() async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            let store = try SQLiteFleetStore(path: path)
            let hours = try await fill(store)
            try store.close()
            let queue = try DatabaseQueue(path: path)
            try await queue.write { database in
                try database.execute(sql: Self.undone)
                try database.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = 'telemetryHours'")
            }
            try queue.close()

            let again = try SQLiteFleetStore(path: path)
            try await expect(hours, in: again)
            try again.close()
        }
    }

    @Test(.enabled(if: PostgreSQLServer.isInstalled, "needs PostgreSQL (apt: postgresql)"))
    func windowsOfAnOlderDatabaseAreAddedUp() async throws {
        let server = try await PostgreSQLServer.shared.value
        try await server.withDatabase { text, name in
            let address = try #require(PostgreSQLAddress(text))
            let store = try await PostgreSQLFleetStore.open(address)
            let hours = try await fill(store)
            await store.close()
            try await server.query(
                Self.undone + "DROP TABLE quarantine; ALTER TABLE board DROP COLUMN drainedAtMilliseconds, "
                    + "DROP COLUMN keySinceMilliseconds, DROP COLUMN keyRotation, DROP COLUMN hasLeft; "
                    + "ALTER TABLE lease DROP COLUMN relay, DROP COLUMN admin; ALTER TABLE token DROP COLUMN labels; "
                    + "DELETE FROM shoalMigration "
                    + "WHERE name IN ('telemetryHours', 'quarantine', 'boardCare', 'leader', 'tokenLabels', 'goodbye')",
                in: name)

            let again = try await PostgreSQLFleetStore.open(address)
            try await expect(hours, in: again)
            await again.close()
        }
    }
}
