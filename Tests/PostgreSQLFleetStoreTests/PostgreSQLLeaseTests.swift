import FleetModel
import FleetStore
import PostgreSQLHarness
import Synchronization
import Testing

@testable import PostgreSQLFleetStore

@Suite(.needsPostgreSQL, .timeLimit(.minutes(5))) struct PostgreSQLLeaseTests {
    private func with(
        _ body: (Fixture, [(lease: PostgreSQLLease, store: PostgreSQLFleetStore)]) async throws -> Void
    ) async throws {
        try await Fixture.with { fixture in
            let coordinators = [
                (lease: PostgreSQLLease(fixture.address), store: try await fixture.open()),
                (lease: PostgreSQLLease(fixture.address), store: try await fixture.open()),
            ]
            try await body(fixture, coordinators)
            for coordinator in coordinators {
                await coordinator.lease.release()
                await coordinator.store.close()
            }
        }
    }

    @Test func oneLeads() async throws {
        try await with { _, coordinators in
            let (one, two) = (coordinators[0], coordinators[1])
            #expect(try await one.lease.acquire(for: one.store))
            #expect(try await !two.lease.acquire(for: two.store))
            #expect(await one.lease.isHeld())
            #expect(await !two.lease.isHeld())
            try await one.store.saveBoard(try Fixture.board("board-1"))

            await one.lease.release()
            #expect(await !one.lease.isHeld())
            #expect(try await two.lease.acquire(for: two.store))
            try await two.store.saveBoard(try Fixture.board("board-1"))
        }
    }

    /// Whoever lost the lease without noticing can read, and change nothing any more.
    @Test func whoWasReplacedWritesNoMore() async throws {
        try await with { fixture, coordinators in
            let (one, two) = (coordinators[0], coordinators[1])
            #expect(try await one.lease.acquire(for: one.store))
            try await one.store.saveBoard(try Fixture.board("board-1"))
            let holder = "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 0)"
            #expect(try await fixture.onSessions("pg_terminate_backend", where: holder) == 1)
            while try await !two.lease.acquire(for: two.store) { try await Task.sleep(for: .milliseconds(10)) }

            let lost = FleetStoreFailure.leaseLost(path: fixture.address.description)
            await #expect(throws: lost) { try await one.store.saveBoard(try Fixture.board("board-2")) }
            await #expect(throws: lost) { try await one.store.redeemToken(hash: [1], atMilliseconds: 0) }
            await #expect(throws: lost) {
                try await one.store.removeTelemetry(
                    RetentionPage(receivedBeforeMilliseconds: 1, nowMilliseconds: 1, limit: 1))
            }
            #expect(try await one.store.boards().count == 1)
            #expect(await !one.lease.isHeld())
            try await two.store.saveBoard(try Fixture.board("board-2"))
            #expect(try await !one.lease.acquire(for: one.store))
        }
    }

    /// Who takes the lease over is nowhere until it says where; what the one before says then is refused.
    @Test func theLeaderSaysWhereItIs() async throws {
        try await with { fixture, coordinators in
            let (one, two) = (coordinators[0], coordinators[1])
            #expect(try await two.store.leader() == nil)
            #expect(try await one.lease.acquire(for: one.store))
            let first = LeaderAddresses(relay: "tcp://10.0.0.1:7702", admin: "http://10.0.0.1:7780")
            try await one.store.announce(first)
            #expect(try await two.store.leader() == first)

            await one.lease.release()
            while try await !two.lease.acquire(for: two.store) { try await Task.sleep(for: .milliseconds(10)) }
            #expect(try await one.store.leader() == nil)
            let second = LeaderAddresses(relay: nil, admin: "http://10.0.0.2:7780")
            try await two.store.announce(second)
            await #expect(throws: FleetStoreFailure.leaseLost(path: fixture.address.description)) {
                try await one.store.announce(first)
            }
            #expect(try await one.store.leader() == second)
        }
    }

    /// Taking over waits for what the one before has under way, and nothing of that is lost or comes later.
    @Test func takingOverWaitsForWhatIsUnderWay() async throws {
        try await with { fixture, coordinators in
            let (one, two) = (coordinators[0], coordinators[1])
            #expect(try await one.lease.acquire(for: one.store))
            let (begun, signal) = AsyncStream.makeStream(of: Void.self)
            let isDone = Mutex(false)
            async let slow: Void = one.store.write { transaction in
                signal.finish()
                try transaction.execute("SELECT pg_sleep(0.5)")
                try transaction.execute("CREATE TABLE under_way (value integer)")
                isDone.withLock { $0 = true }
            }
            for await _ in begun {}
            await one.lease.release()
            while try await !two.lease.acquire(for: two.store) { try await Task.sleep(for: .milliseconds(10)) }
            #expect(isDone.withLock { $0 })
            #expect(try await fixture.query("SELECT count(*) FROM under_way") == "0")
            try await slow
        }
    }
}
