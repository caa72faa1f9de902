import AdminAPI
import AuditLog
import FleetModel
import FleetStore
import Foundation
import Testing

@testable import Coordinator

@Suite struct AccessDeskTests {
    private let store = FailingStore()
    private var desk: AccessDesk { AccessDesk(store: store, localToken: "from the file") }

    @Test func theFilesTokenIsAnAdministrators() async throws {
        #expect(try await desk.caller(ofToken: "from the file") == Caller(name: "local", role: .admin))
        #expect(try await desk.caller(ofToken: "from the fil") == nil)
        #expect(try await desk.caller(ofToken: "") == nil)
    }

    @Test(arguments: AccessRole.allCases)
    func aTokenWorksUntilItIsRevoked(role: AccessRole) async throws {
        let created = try await desk.createAccessToken(
            AccessTokenRequest(name: "ann", role: role.rawValue), by: "local")
        #expect(try await desk.caller(ofToken: created.token) == Caller(name: "ann", role: role))
        await #expect(throws: AdminFailure.self) {
            _ = try await desk.createAccessToken(AccessTokenRequest(name: "ann", role: "viewer"), by: "local")
        }
        #expect(try await desk.revokeAccessToken("ann", dryRun: true, by: "bob").dryRun == true)
        await #expect(throws: AdminFailure(.notFound, "no token is named bob")) {
            _ = try await desk.revokeAccessToken("bob", dryRun: true, by: "bob")
        }
        #expect(try await desk.caller(ofToken: created.token)?.name == "ann")
        #expect(try await desk.revokeAccessToken("ann", dryRun: false, by: "bob").dryRun == nil)
        #expect(try await desk.caller(ofToken: created.token) == nil)
        await #expect(throws: AdminFailure(.notFound, "no token is named ann")) {
            _ = try await desk.revokeAccessToken("ann", dryRun: false, by: "bob")
        }

        let entries = try await desk.audit(after: nil, sinceMilliseconds: 0, limit: 9)
        #expect(entries.map(\.action) == ["accessTokenCreated", "accessTokenRevoked"])
        #expect(entries.map(\.actor) == ["local", "bob"])
        let text = try String(decoding: JSONEncoder().encode(entries), as: UTF8.self)
        #expect(!text.contains(created.token))
    }

    @Test func anExpiredTokenIsNobodys() async throws {
        let name = try #require(AccessName(rawValue: "old"))
        try await store.addAccessToken(
            AccessToken(
                name: name, role: .admin, hash: AccessDesk.hash("secret"), createdAtMilliseconds: 1, createdBy: "ann",
                expiresAtMilliseconds: 2),
            audit: AuditDraft(actor: "ann", action: .accessTokenCreated, target: "", atMilliseconds: 1))
        #expect(try await desk.caller(ofToken: "secret") == nil)
        #expect(try await desk.accessTokens().map(\.isExpired) == [true])
    }

    @Test(arguments: [
        ("", "viewer", nil), ("local", "viewer", nil), ("a b", "viewer", nil), ("-a", "viewer", nil),
        ("a/b", "viewer", nil), (String(repeating: "a", count: 65), "viewer", nil), ("a", "root", nil),
        ("a", "Viewer", nil), ("a", "viewer", 59), ("a", "viewer", 86_400 * 366 + 1),
    ])
    func whatIsNoTokenIsRefused(name: String, role: String, seconds: Int?) async throws {
        await #expect(throws: AdminFailure.self) {
            _ = try await desk.createAccessToken(
                AccessTokenRequest(name: name, role: role, validSeconds: seconds), by: "local")
        }
        #expect(try await desk.accessTokens().isEmpty)
    }

    @Test func aTokenThatCannotBeStoredIsNotGivenOut() async throws {
        await store.set(isFull: true)
        await #expect(throws: AdminFailure.self) {
            _ = try await desk.createAccessToken(AccessTokenRequest(name: "ann", role: "admin"), by: "local")
        }
    }
}

/// A real coordinator process: what it acknowledged is in its log, also when it is killed right after.
@Suite struct AuditKillTests {
    private let programs: RealPrograms

    init() throws { programs = try RealPrograms() }

    private func policy(_ milliseconds: Int) -> ApplyRequest {
        ApplyRequest(
            file: "p.yaml",
            text: """
                apiVersion: shoal/v1
                kind: Policy
                metadata: { name: p }
                spec:
                  models:
                    - { model: eye, latency: { milliseconds: \(milliseconds), percentile: 95 }, accuracyFloor: 0.5, \
                priority: 10 }
                """, dryRun: false)
    }

    @Test(.timeLimit(.minutes(3)))
    func everyAcknowledgedChangeHasItsEntryWhenItIsKilled() async throws {
        defer { programs.remove() }
        var process = try programs.coordinator()
        defer { process.terminate() }
        var acknowledged: [String] = []
        var secrets: [String] = []
        for round in 0..<4 {
            let client = try await programs.client()
            for number in 0..<5 {
                let name = "t\(round)-\(number)"
                let created: CreatedAccessToken = try await client.post(
                    "v1/access-tokens", AccessTokenRequest(name: name, role: "viewer"))
                acknowledged.append("token \(name)")
                secrets.append(created.token)
            }
            // One more is under way when the process dies: it may be in the log or not, but then the token is as well.
            async let last: CreatedAccessToken = client.post(
                "v1/access-tokens", AccessTokenRequest(name: "last-\(round)", role: "viewer"))
            try await Task.sleep(for: .milliseconds(round))
            process.killed()
            if let created = try? await last {
                acknowledged.append("token \(created.name)")
                secrets.append(created.token)
            }
            process = try programs.coordinator()
        }
        let client = try await programs.client()
        let token: TokenView = try await client.post("v1/tokens", TokenRequest(uses: 1, validSeconds: 60))
        secrets.append(token.token)
        let entries: [AuditEntry] = try await client.get("v1/audit", query: ["after": "0", "limit": "5000"])
        let verification: AuditVerification = try await client.get("v1/audit/verification")
        let kept: [AccessTokenView] = try await client.get("v1/access-tokens")
        process.killed()

        #expect(verification.fault == nil && verification.entries == entries.count)
        let targets = Set(entries.map(\.target))
        #expect(acknowledged.allSatisfy { targets.contains($0) })
        #expect(Set(kept.map { "token \($0.name)" }).union(["enrolment token"]) == targets)
        #expect(entries.allSatisfy { $0.actor == "local" })
        // No secret is in the log, in an answer or, in a form that could be used, in the database.
        var texts = [try JSONEncoder().encode(entries), try JSONEncoder().encode(kept)]
        for file in ["/shoal-coordinator.log", "/state/fleet.sqlite", "/state/fleet.sqlite-wal"] {
            if let data = FileManager.default.contents(atPath: programs.folder + file) { texts.append(data) }
        }
        #expect(texts.count >= 4)
        for secret in secrets { #expect(texts.allSatisfy { $0.range(of: Data(secret.utf8)) == nil }) }
    }

    @Test(.timeLimit(.minutes(2)))
    func theCommandLineMakesTokensAndVerifiesTheLog() async throws {
        defer { programs.remove() }
        let process = try programs.coordinator()
        defer { process.terminate() }
        _ = try await programs.client()
        let file = programs.folder + "/vera.json"
        try await programs.run(["token", "create", "vera", "--role", "viewer", "--output", file])
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let viewer = try programs.client(of: file)
        let status: StatusView = try await viewer.get("v1/status")
        #expect(status.boardsEnrolled == 0)
        await #expect(
            throws: AdminFailure(.forbidden, "this needs the role operator, and vera has the role viewer")
        ) { let _: ApplyResult = try await viewer.post("v1/policies", policy(10)) }
        for arguments in [["token", "list"], ["get", "audit"], ["audit", "verify"], ["token", "revoke", "vera"]] {
            try await programs.run(arguments)
        }
        await #expect(throws: AdminFailure(.unauthorized, "the token is missing or wrong")) {
            let _: StatusView = try await viewer.get("v1/status")
        }
        #expect(
            try await programs.status(["audit", "verify", "--noted", "1:" + String(repeating: "0", count: 64)]) == 1)
        #expect(try await programs.status(["get", "boards", "--state", file]) == 5)
    }
}
