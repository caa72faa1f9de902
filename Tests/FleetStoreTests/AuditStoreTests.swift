import AuditLog
import FleetModel
import FleetStore
import Foundation
import GRDB
import HookSharing
import Testing

/// The log of changes in both stores, and what tampering with the database leaves.
@Suite struct AuditStoreTests {
    private static func draft(_ number: UInt64, _ action: AuditAction = .policyApplied) -> AuditDraft {
        AuditDraft(
            actor: "ann", action: action, target: "target \(number)", before: "before", after: nil,
            atMilliseconds: number)
    }

    private func token(_ name: String, hash: UInt8 = 1) throws -> AccessToken {
        AccessToken(
            name: try #require(AccessName(rawValue: name)), role: .operator, hash: [UInt8](repeating: hash, count: 32),
            createdAtMilliseconds: 5, createdBy: "local", expiresAtMilliseconds: hash == 2 ? 9 : nil)
    }

    @Test(arguments: StoreMaker.all)
    func everyChangeHasItsEntry(maker: StoreMaker) async throws {
        try await maker.with { store in
            try await store.saveBoard(try Samples.board("board-1"))
            try await store.saveBoard(try Samples.board("board-1"), audit: Self.draft(1, .boardRevoked))
            try await store.addToken(Samples.token(1), atMilliseconds: 0, audit: Self.draft(2, .enrolmentTokenCreated))
            _ = try await store.savePolicy(Samples.policy("p"), text: "", audit: Self.draft(3))
            let job = SearchJob(
                name: "s", model: "m", boardClass: "c", processor: "cpu", space: "ofa-mbv3", accuracyPredictor: "/a",
                latencyTable: "/t", constraints: [.init(flops: 1)])
            try await store.saveSearch(
                SearchRecord(job: job, text: "", number: 1, submittedAtMilliseconds: 1),
                audit: Self.draft(4, .searchSubmitted))
            try await store.addAccessToken(try token("t"), audit: Self.draft(5, .accessTokenCreated))
            #expect(
                try await store.removeAccessToken(try token("t").name, audit: Self.draft(6, .accessTokenRevoked)))

            let entries = try await store.audit(after: nil, sinceMilliseconds: 0, limit: 10)
            #expect(entries.map(\.number) == Array(1...6))
            #expect(
                entries.map(\.action) == [
                    "boardRevoked", "enrolmentTokenCreated", "policyApplied", "searchSubmitted", "accessTokenCreated",
                    "accessTokenRevoked",
                ])
            #expect(entries[2].actor == "ann" && entries[2].before == "before" && entries[2].after == nil)
            #expect(
                try await store.verifyAudit()
                    == AuditVerification(
                        entries: 6, base: .origin, newest: AuditMark(number: 6, hash: entries[5].hash), fault: nil))
            #expect(try await store.audit(after: 2, sinceMilliseconds: 0, limit: 2).map(\.number) == [3, 4])
            #expect(try await store.audit(after: nil, sinceMilliseconds: 0, limit: 2).map(\.number) == [5, 6])
            #expect(try await store.audit(after: 0, sinceMilliseconds: 5, limit: 9).map(\.number) == [5, 6])
        }
    }

    /// A refused change leaves no entry, and an entry that cannot be kept no change.
    @Test(arguments: StoreMaker.all)
    func changeAndEntryAreOneTransaction(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.policies = 1
        try await maker.with(limits) { store in
            _ = try await store.savePolicy(Samples.policy("a"), text: "", audit: Self.draft(1))
            await #expect(throws: FleetStoreFailure.limitReached(what: "policies", limit: 1)) {
                try await store.savePolicy(Samples.policy("b"), text: "", audit: Self.draft(2))
            }
            await #expect(throws: FleetStoreFailure.outOfRange(field: "atMilliseconds")) {
                try await store.savePolicy(Samples.policy("a"), text: "new", audit: Self.draft(.max))
            }

            #expect(try await store.policies().map(\.text) == [""])
            #expect(try await store.verifyAudit().newest.number == 1)
        }
    }

    @Test(arguments: StoreMaker.all)
    func beyondTheLimitTheOldestGoAndTheRestIsWhole(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.auditEntries = 3
        try await maker.with(limits) { store in
            for number: UInt64 in 1...7 {
                _ = try await store.savePolicy(Samples.policy("a"), text: "", audit: Self.draft(number))
            }

            #expect(try await store.audit(after: 0, sinceMilliseconds: 0, limit: 9).map(\.number) == [5, 6, 7])
            let verification = try await store.verifyAudit()
            #expect(verification.fault == nil && verification.entries == 3 && verification.base.number == 4)
        }
    }

    @Test(arguments: SharingStoreTests.Maker.all)
    func aRollbackHasItsEntry(maker: SharingStoreTests.Maker) async throws {
        let group = SharingGroup(
            boardClass: "c", modelSHA256: String(repeating: "1", count: 64),
            hookSHA256: String(repeating: "2", count: 64))
        try await maker.with { store in
            let state = SharingState(group: group, parameterCount: 3, gateCount: 1, current: 0, highest: 0, marks: [])
            try await store.saveSharing(state)
            try await store.dropUpdates([:], state, audit: Self.draft(1, .hooksRolledBack))
            #expect(try await store.verifyAudit().newest.number == 1)
        }
    }

    // MARK: Tampering

    /// Triggers out of the way, as somebody with the file would do it.
    static let tampering: [(String, UInt64)] = [
        ("UPDATE audit SET actor = 'bob' WHERE number = 3", 3),
        ("UPDATE audit SET \"after\" = '' WHERE number = 1", 1),
        ("UPDATE audit SET action = 'nonsense' WHERE number = 5", 5),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("DELETE FROM audit WHERE number >= 5", 5),
        ("DELETE FROM audit", 1),
        (
            "UPDATE audit SET number = 99 WHERE number = 2; UPDATE audit SET number = 2 WHERE number = 4; "
                + "UPDATE audit SET number = 4 WHERE number = 99", 2
        ),
        (
            "INSERT INTO audit SELECT 7, atMilliseconds, actor, action, target, \"before\", \"after\", hash "
                + "FROM audit WHERE number = 6", 7
        ),
    ]

    @Test(arguments: 0..<tampering.count)
    func theFirstEntryThatWasTamperedWithIsNamed(index: Int) async throws {
        let (sql, number) = Self.tampering[index]
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            let store = try SQLiteFleetStore(path: path)
            for number: UInt64 in 1...6 {
                _ = try await store.savePolicy(Samples.policy("a"), text: "", audit: Self.draft(number))
            }
            try store.close()
            let queue = try DatabaseQueue(path: path)
            try await queue.write {
                try $0.execute(sql: "DROP TRIGGER auditIsNotChanged; DROP TRIGGER auditIsNotCut")
                try $0.execute(sql: sql)
            }
            try queue.close()

            let reopened = try SQLiteFleetStore(path: path)
            let fault = try #require(try await reopened.verifyAudit().fault, "\(sql)")
            #expect(fault.number == number, "\(sql): \(fault)")
            try reopened.close()
        }
    }

    @Test(arguments: ["UPDATE audit SET actor = 'bob'", "DELETE FROM audit"])
    func theDatabaseItselfRefusesToChangeEntries(sql: String) async throws {
        try await withFolder { folder in
            let path = folder + "/fleet.sqlite"
            let store = try SQLiteFleetStore(path: path)
            _ = try await store.savePolicy(Samples.policy("a"), text: "", audit: Self.draft(1))
            try store.close()
            let queue = try DatabaseQueue(path: path)
            await #expect(throws: DatabaseError.self) { try await queue.write { try $0.execute(sql: sql) } }
            try queue.close()
        }
    }

    // MARK: Access tokens

    @Test(arguments: StoreMaker.all)
    func accessTokensAreKeptByHash(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.accessTokens = 2
        try await maker.with(limits) { store in
            try await store.addAccessToken(try token("b"), audit: Self.draft(1))
            await #expect(throws: FleetStoreFailure.nameInUse(try token("b").name)) {
                try await store.addAccessToken(try token("b", hash: 9), audit: Self.draft(2))
            }
            try await store.addAccessToken(try token("a", hash: 2), audit: Self.draft(3))
            await #expect(throws: FleetStoreFailure.limitReached(what: "access tokens", limit: 2)) {
                try await store.addAccessToken(try token("c", hash: 3), audit: Self.draft(4))
            }
            #expect(try await store.accessTokens() == [try token("a", hash: 2), try token("b")])
            #expect(try await store.accessToken(hash: try token("b").hash) == token("b"))
            #expect(try await !store.removeAccessToken(try token("c").name, audit: Self.draft(5)))
            #expect(try await store.removeAccessToken(try token("b").name, audit: Self.draft(6)))
            #expect(try await store.accessToken(hash: try token("b").hash) == nil)
            #expect(try await store.audit(after: 0, sinceMilliseconds: 0, limit: 9).map(\.atMilliseconds) == [1, 3, 6])
        }
    }
}
