import AuditLog
import FleetModel
import FleetStore
import PostgreSQLHarness
import Testing

@testable import PostgreSQLFleetStore

/// What only this store has to do; that it keeps the rules of every store is tested by the suites of `FleetStoreTests`.
@Suite(.needsPostgreSQL) struct PostgreSQLFleetStoreTests {
    private func fill(_ store: PostgreSQLFleetStore) async throws {
        let board = try Fixture.board("board-1")
        try await store.addToken(Fixture.token(1), atMilliseconds: 0)
        try await store.saveBoard(board)
        _ = try await store.appendTelemetry(
            [(board.id, try (1...50).map { try Fixture.record($0) })], receivedAtMilliseconds: 1)
        _ = try await store.savePolicy(Fixture.policy("policy"), text: "text", audit: Fixture.draft(1))
        try await store.appendEvent(FleetEvent(kind: .boardLost, board: nil, message: "event", atMilliseconds: 1))
    }

    private func expectAll(in store: PostgreSQLFleetStore) async throws {
        let board = try Fixture.board("board-1")
        #expect(try await store.boards() == [board])
        #expect(
            try await store.telemetry(board: board.id, sinceMilliseconds: 0, limit: 100).map(\.record)
                == (1...50).map { try Fixture.record($0) })
        #expect(try await store.policies().map(\.text) == ["text"])
        #expect(try await store.events(limit: 10).map(\.message) == ["event"])
        #expect(try await store.verifyAudit().newest.number == 1)
        #expect(
            try await store.appendTelemetry([(board.id, [try Fixture.record(51)])], receivedAtMilliseconds: 1)
                .map(\.contiguous) == [51])
        #expect(try await store.redeemToken(hash: Fixture.token(1).hash, atMilliseconds: 1))
    }

    @Test func reopeningKeepsEverything() async throws {
        try await Fixture.with { fixture in
            let store = try await fixture.open()
            try await fill(store)
            await store.close()

            let again = try await fixture.open()
            try await expectAll(in: again)
            await again.close()
        }
    }

    /// The server is killed as by a power failure; the same store goes on with it afterwards.
    @Test func whatWasAcknowledgedOutlivesACrashOfTheServer() async throws {
        try await Fixture.with(ownServer: true) { fixture in
            let store = try await fixture.open()
            try await fill(store)
            try await fixture.server.stop("immediate")
            try await fixture.server.resume()

            try await expectAll(in: store)
            await store.close()
        }
    }

    @Test func whileTheServerIsAwayMethodsFailAndThenWork() async throws {
        try await Fixture.with(ownServer: true) { fixture in
            let store = try await fixture.open(patience: .milliseconds(200))
            try await fill(store)
            try await fixture.server.stop("fast")
            let failure = await #expect(throws: FleetStoreFailure.self) {
                try await store.saveBoard(try Fixture.board("board-2"))
            }
            guard case .unavailable(let path, let detail) = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(path == fixture.address.description && !detail.isEmpty)
            await #expect(throws: FleetStoreFailure.self) { try await store.boards() }
            try await fixture.server.resume()

            try await expectAll(in: store)
            await store.close()
        }
    }

    // MARK: Schema

    @Test func severalMayStartOnAnEmptyDatabase() async throws {
        try await Fixture.with { fixture in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...4 {
                    group.addTask {
                        let store = try await fixture.open()
                        try await store.saveBoard(try Fixture.board("board-\(number)"))
                        await store.close()
                    }
                }
                try await group.waitForAll()
            }

            #expect(try await fixture.query("SELECT count(*) FROM board") == "4")
            let applied = try await fixture.query("SELECT string_agg(name, ' ' ORDER BY number) FROM shoalMigration")
            #expect(applied == PostgreSQLSchema.migrations.map(\.name).joined(separator: " "))
        }
    }

    @Test func aDatabaseOfALaterVersionIsRefused() async throws {
        try await Fixture.with { fixture in
            try await fixture.open().close()
            try await fixture.query("INSERT INTO shoalMigration (number, name) VALUES (1000, 'later')")

            await #expect(throws: FleetStoreFailure.newerSchema(path: fixture.address.description)) {
                try await fixture.open()
            }
        }
    }

    @Test func aServerThatWouldLoseCommitsIsRefused() async throws {
        try await Fixture.with(ownServer: true) { fixture in
            try await fixture.server.query("ALTER SYSTEM SET fsync = off")
            try await fixture.server.stop("fast")
            try await fixture.server.resume()

            let failure = await #expect(throws: FleetStoreFailure.self) { try await fixture.open() }
            #expect(isUnavailable(failure, "fsync = off"), "\(String(describing: failure))")
        }
    }

    @Test func aSessionThatWouldNotWaitForTheDiskIsMadeTo() async throws {
        try await Fixture.with { fixture in
            try await fixture.server.query("ALTER DATABASE \(fixture.name) SET synchronous_commit = off")
            let store = try await fixture.open()
            let mode = try await store.read {
                try $0.first("SELECT current_setting('synchronous_commit') AS mode")?.text("mode")
            }
            #expect(mode == "on")
            await store.close()
        }
    }

    @Test func aDatabaseOfAnotherEncodingIsRefused() async throws {
        try await Fixture.with { fixture in
            let name = fixture.name + "ascii"
            try await fixture.server.query("CREATE DATABASE \(name) ENCODING 'SQL_ASCII' TEMPLATE template0")
            let address = try #require(PostgreSQLAddress(fixture.server.address(of: name)))
            let failure = await #expect(throws: FleetStoreFailure.self) {
                try await PostgreSQLFleetStore.open(address)
            }
            #expect(isUnavailable(failure, "SQL_ASCII"), "\(String(describing: failure))")
            try await fixture.server.query("DROP DATABASE \(name) WITH (FORCE)")
        }
    }

    // MARK: The environment's failures

    /// As a full disk answers: the server's own state for it, from within the statement.
    @Test func aFullDiskIsTheEnvironmentsAndLeavesNothingBehind() async throws {
        try await Fixture.with { fixture in
            let store = try await fixture.open()
            let board = try Fixture.board("board-1")
            try await store.saveBoard(board)
            try await fixture.query(
                """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    RAISE EXCEPTION 'could not extend file: no space left on device' USING ERRCODE = 'disk_full';
                END $$;
                CREATE TRIGGER refuse AFTER INSERT ON telemetryProgress EXECUTE FUNCTION refuse();
                """)

            let failure = await #expect(throws: FleetStoreFailure.self) {
                try await store.appendTelemetry([(board.id, [try Fixture.record(1)])], receivedAtMilliseconds: 1)
            }
            #expect(isUnavailable(failure, "53100"), "\(String(describing: failure))")
            #expect(try await store.telemetry(board: board.id, sinceMilliseconds: 0, limit: 1).isEmpty)
            try await fixture.query("DROP TRIGGER refuse ON telemetryProgress")
            #expect(
                try await store.appendTelemetry([(board.id, [try Fixture.record(1)])], receivedAtMilliseconds: 1)
                    .map(\.contiguous) == [1])
            await store.close()
        }
    }

    /// C ends a text at a zero; here it may neither end nor vanish.
    @Test func aTextThatTheServerCannotKeepIsRefusedAsAWhole() async throws {
        try await Fixture.with { fixture in
            let store = try await fixture.open()
            await #expect(throws: FleetStoreFailure.self) {
                try await store.savePolicy(Fixture.policy("p"), text: "before\0after")
            }
            #expect(try await store.policies().isEmpty)
            await store.close()
        }
    }

    @Test func aClosedStoreSaysSo() async throws {
        try await Fixture.with { fixture in
            let store = try await fixture.open()
            await store.close()
            let failure = await #expect(throws: FleetStoreFailure.self) { try await store.boards() }
            #expect(isUnavailable(failure, "closed"))
        }
    }

    // MARK: The log

    @Test(arguments: ["UPDATE audit SET actor = 'bob'", "DELETE FROM audit", "TRUNCATE audit"])
    func theDatabaseItselfRefusesToChangeEntries(sql: String) async throws {
        try await Fixture.with { fixture in
            let store = try await fixture.open()
            _ = try await store.savePolicy(Fixture.policy("p"), text: "", audit: Fixture.draft(1))
            await #expect(throws: PostgreSQLServer.Failure.self) { try await fixture.query(sql) }
            #expect(try await store.verifyAudit().fault == nil)
            await store.close()
        }
    }

    @Test(arguments: [
        ("UPDATE audit SET actor = 'bob' WHERE number = 3", UInt64(3)), ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number >= 5", 5),
    ])
    func theFirstEntryThatWasTamperedWithIsNamed(sql: String, number: UInt64) async throws {
        try await Fixture.with { fixture in
            let store = try await fixture.open()
            for number: UInt64 in 1...6 {
                _ = try await store.savePolicy(Fixture.policy("p"), text: "", audit: Fixture.draft(number))
            }
            try await fixture.query("ALTER TABLE audit DISABLE TRIGGER ALL; \(sql)")
            #expect(try await store.verifyAudit().fault?.number == number)
            await store.close()
        }
    }
}
