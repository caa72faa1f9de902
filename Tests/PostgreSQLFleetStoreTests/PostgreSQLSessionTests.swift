import AuditLog
import FleetModel
import FleetStore
import Foundation
import PostgreSQLHarness
import Testing

@testable import PostgreSQLFleetStore

/// Sessions that are lost, and coordinators that write at once.
@Suite(.needsPostgreSQL, .timeLimit(.minutes(5))) struct PostgreSQLSessionTests {
    @Test func killedSessionsAreReplaced() async throws {
        try await Fixture.with { fixture in
            let store = try await fixture.open()
            try await store.saveBoard(try Fixture.board("board-1"))
            for _ in 1...3 {
                #expect(try await fixture.onSessions("pg_terminate_backend") > 0)
                #expect(try await store.boards().count == 1)
                try await store.saveBoard(try Fixture.board("board-1"))
            }
            await store.close()
        }
    }

    /// Whenever a session is killed, each transaction happens once: every version and every entry of the log is there.
    @Test func killedInTheMiddleEachTransactionHappensOnce() async throws {
        try await Fixture.with { fixture in
            let store = try await fixture.open(patience: .seconds(60))
            let (writers, each) = (4, 20)
            let kills = try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<writers {
                    group.addTask {
                        for number in 0..<each {
                            _ = try await store.savePolicy(
                                Fixture.policy("p"), text: "", audit: Fixture.draft(UInt64(writer * each + number)))
                        }
                    }
                }
                let killer = Task {
                    var kills = 0
                    // On a busy machine sessions would otherwise be killed faster than they can do anything.
                    for _ in 0..<25 where !Task.isCancelled {
                        kills += try await fixture.onSessions("pg_terminate_backend")
                        try? await Task.sleep(for: .milliseconds(20))
                    }
                    return kills
                }
                defer { killer.cancel() }
                try await group.waitForAll()
                killer.cancel()
                return try await killer.value
            }

            #expect(kills > 0)
            #expect(try await store.policies().map(\.version) == [UInt64(writers * each)])
            let log = try await store.verifyAudit()
            #expect(log.fault == nil && log.entries == writers * each, "\(log)")
            let targets = try await store.audit(after: 0, sinceMilliseconds: 0, limit: 1_000).map(\.target)
            #expect(Set(targets).count == writers * each)
            await store.close()
        }
    }

    /// The session dies while its commit is under way and has not happened.
    @Test func aCommitThatWasRolledBackIsRunAgain() async throws {
        try await Fixture.with { fixture in
            let store = try await fixture.open()
            try await store.addToken(Fixture.token(1, uses: 2), atMilliseconds: 0)
            try await fixture.query(
                """
                CREATE TABLE slowly (one INTEGER);
                INSERT INTO slowly VALUES (1);
                CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF EXISTS (SELECT 1 FROM slowly) THEN PERFORM pg_sleep(600); END IF;
                    RETURN NEW;
                END $$;
                CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON token DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION slow();
                """)
            async let redeemed = store.redeemToken(hash: Fixture.token(1).hash, atMilliseconds: 1)
            let condition = "query = 'COMMIT' AND wait_event = 'PgSleep'"
            try await waitForSession(of: fixture, where: condition)
            try await fixture.query("DELETE FROM slowly")
            #expect(try await fixture.onSessions("pg_terminate_backend", where: condition) == 1)

            #expect(try await redeemed)
            #expect(try await fixture.query("SELECT remainingUses FROM token") == "1")
            await store.close()
        }
    }

    /// The session dies after its commit has happened, before that could be said: it must not be run again.
    @Test func aCommitWhoseAnswerWasLostIsNotRunAgain() async throws {
        try await Fixture.with(ownServer: true) { fixture in
            let store = try await fixture.open()
            try await store.addToken(Fixture.token(1, uses: 2), atMilliseconds: 0)
            // Commits are on the disk, and then wait for a copy elsewhere that never comes.
            try await fixture.server.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            try await fixture.server.stop("fast")
            try await fixture.server.resume()
            async let redeemed = store.redeemToken(hash: Fixture.token(1).hash, atMilliseconds: 1)
            try await waitForSession(of: fixture, where: "wait_event = 'SyncRep'")
            #expect(try await fixture.onSessions("pg_terminate_backend", where: "wait_event = 'SyncRep'") == 1)

            #expect(try await redeemed)
            #expect(try await fixture.query("SELECT remainingUses FROM token") == "1")
            await store.close()
            // Dropping the database would wait for the copy too.
            try await fixture.server.query("ALTER SYSTEM RESET synchronous_standby_names")
            try await fixture.server.stop("fast")
            try await fixture.server.resume()
        }
    }

    /// Until there is one of which the condition is true. The suite's time limit bounds the wait.
    private func waitForSession(of fixture: Fixture, where condition: String) async throws {
        while try await fixture.onSessions("abs", where: condition) == 0 {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// A server that is stopped keeps its sockets open and says nothing.
    @Test func aSessionThatDoesNotAnswerIsGivenUp() async throws {
        try await Fixture.with { fixture in
            let store = try await fixture.open(answerTime: .milliseconds(500))
            try await store.addToken(Fixture.token(1, uses: 5), atMilliseconds: 0)
            let pids = try await fixture.server.query(
                "SELECT pid FROM pg_stat_activity WHERE datname = '\(fixture.name)' AND application_name = 'shoal'"
            ).split(separator: "\n").compactMap { Int32($0) }
            #expect(!pids.isEmpty)
            for pid in pids { Foundation.kill(pid, SIGSTOP) }
            defer { for pid in pids { Foundation.kill(pid, SIGCONT) } }

            for _ in 0..<3 {
                #expect(try await store.redeemToken(hash: Fixture.token(1).hash, atMilliseconds: 1))
            }
            #expect(try await fixture.query("SELECT remainingUses FROM token") == "2")
            await store.close()
        }
    }

    // MARK: Two coordinators

    private func with(
        _ body: (Fixture, PostgreSQLFleetStore, PostgreSQLFleetStore) async throws -> Void
    ) async throws {
        try await Fixture.with { fixture in
            let (one, two) = (try await fixture.open(), try await fixture.open())
            try await body(fixture, one, two)
            await one.close()
            await two.close()
        }
    }

    @Test func theLastUseOfATokenIsRedeemedOnce() async throws {
        try await with { _, one, two in
            for round: UInt8 in 1...5 {
                let token = Fixture.token(round)
                try await one.addToken(token, atMilliseconds: 0)
                let redeemed = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<10 {
                        group.addTask {
                            try await (number.isMultiple(of: 2) ? one : two).redeemToken(
                                hash: token.hash, atMilliseconds: 1)
                        }
                    }
                    return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(redeemed == 1)
            }
        }
    }

    @Test func aKeyBelongsToOneBoardOfBoth() async throws {
        try await with { fixture, one, two in
            for round in 1...5 {
                let failures = await withTaskGroup(of: FleetStoreFailure?.self) { group in
                    for (number, store) in [one, two].enumerated() {
                        group.addTask {
                            do {
                                try await store.saveBoard(
                                    try Fixture.board("board-\(round)-\(number)", key: "key \(round)"))
                                return nil
                            } catch { return error as? FleetStoreFailure }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }.compactMap { $0 }
                }
                guard failures.count == 1, case .keyInUse = failures[0] else {
                    Issue.record("round \(round): \(failures)")
                    return
                }
            }
            let boards = try await fixture.query("SELECT count(*) FROM board")
            #expect(boards == "5")
        }
    }

    @Test func limitsHoldForBothTogether() async throws {
        var limits = StoreLimits()
        limits.policies = 3
        try await Fixture.with { [limits] fixture in
            let stores = [try await fixture.open(limits: limits), try await fixture.open(limits: limits)]
            let saved = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<10 {
                    group.addTask {
                        (try? await stores[number % 2].savePolicy(Fixture.policy("p\(number)"), text: "")) != nil
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(saved == 3)
            #expect(try await stores[0].policies().count == 3)
            for store in stores { await store.close() }
        }
    }

    @Test func aBoardThatSpeaksToBothIsAcknowledgedRightly() async throws {
        try await with { _, one, two in
            let board = try Fixture.board("board-1")
            try await one.saveBoard(board)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, store) in [one, two].enumerated() {
                    group.addTask {
                        // The second tells part of it again.
                        for start in stride(from: number == 0 ? 1 : 50, to: number == 0 ? 70 : 101, by: 10) {
                            let end = min(start + 9, 100)
                            _ = try await store.appendTelemetry(
                                [(board.id, try (start...end).map { try Fixture.record(UInt64($0)) })],
                                receivedAtMilliseconds: 1)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let durable = try await one.appendTelemetry(
                [(board.id, [try Fixture.record(1)])], receivedAtMilliseconds: 1)
            #expect(durable.map(\.contiguous) == [100])
            let count = try #require(try await two.telemetryCounts().first)
            #expect(count.rows == 100 && count.incarnations.map(\.gaps) == [0])
        }
    }

    @Test func generationsOnlyRiseForBoth() async throws {
        try await with { _, one, two in
            let board = try Fixture.board("board-1")
            try await one.saveBoard(board)
            let kept = try await withThrowingTaskGroup(of: UInt64?.self) { group in
                for generation: UInt64 in 1...10 {
                    group.addTask {
                        do {
                            try await (generation.isMultiple(of: 2) ? one : two).saveAssignment(
                                Assignment(generation: generation, models: []), for: board.id)
                            return generation
                        } catch FleetStoreFailure.staleGeneration { return nil }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }.compactMap { $0 }
            }
            #expect(kept.contains(10))
            #expect(try await two.assignments()[board.id]?.generation == 10)
        }
    }
}
