import AuditLog
import FleetModel
import FleetStore
import PostgreSQLHarness
import Testing

@testable import PostgreSQLFleetStore

/// Where there is no PostgreSQL these tests are skipped by name.
extension Trait where Self == ConditionTrait {
    static var needsPostgreSQL: Self {
        .enabled(if: PostgreSQLServer.isInstalled, "needs PostgreSQL (apt: postgresql)")
    }
}

/// A database of its own, on a server.
struct Fixture: Sendable {
    let server: PostgreSQLServer
    let name: String
    let address: PostgreSQLAddress

    /// On the server that all suites share, or one that the test may do anything to.
    static func with(
        ownServer: Bool = false, _ body: (Fixture) async throws -> Void
    ) async throws {
        let server = ownServer ? try await PostgreSQLServer.start() : try await PostgreSQLServer.shared.value
        do {
            try await server.withDatabase { address, name in
                try await body(Fixture(server: server, name: name, address: try #require(PostgreSQLAddress(address))))
            }
        } catch {
            if ownServer { await server.end() }
            throw error
        }
        if ownServer { await server.end() }
    }

    func open(
        patience: Duration = .seconds(20), answerTime: Duration = .seconds(30), limits: StoreLimits = StoreLimits()
    ) async throws -> PostgreSQLFleetStore {
        var settings = PostgreSQLSettings()
        settings.sessions = 3
        settings.patience = patience
        settings.answerTime = answerTime
        return try await PostgreSQLFleetStore.open(address, settings: settings, limits: limits)
    }

    /// Runs a statement in the database.
    @discardableResult
    func query(_ sql: String) async throws -> String { try await server.query(sql, in: name) }

    /// Runs a function on every session of the database but the one that asks; how many there were.
    @discardableResult
    func onSessions(_ function: String, where condition: String = "true") async throws -> Int {
        let count = try await server.query(
            """
            SELECT count(\(function)(pid)) FROM pg_stat_activity
            WHERE datname = '\(name)' AND application_name = 'shoal' AND \(condition)
            """)
        // Before it, psql repeats the server's warnings of sessions that ended meanwhile.
        return try #require(Int(count.split(separator: "\n").last ?? ""))
    }

    static func board(_ name: String, key: String? = nil) throws -> BoardRecord {
        BoardRecord(
            description: BoardDescription(
                id: try #require(BoardID(name)), boardClass: "x86", labels: ["site": "küche"], cores: 0.5,
                memoryBytes: 1 << 30, engineVersion: "1", models: []),
            publicKey: key ?? "key of \(name)", enrolledAtMilliseconds: 1, lastSeenMilliseconds: 2)
    }

    static func record(_ sequence: UInt64) throws -> TelemetryRecord {
        TelemetryRecord(
            incarnation: 1, sequence: sequence, startMilliseconds: sequence * 1_000, durationMilliseconds: 1_000,
            generation: 1, models: [],
            board: BoardTelemetry(
                memoryBytes: 1, cpuLoad: 0.1 + 0.2, cpuFrequencyMegahertz: nil, temperatureCelsius: nil,
                droppedRecords: 0))
    }

    static func token(_ byte: UInt8, uses: UInt32 = 1) -> EnrolmentToken {
        EnrolmentToken(
            hash: [UInt8](repeating: byte, count: 32), expiresAtMilliseconds: 5_000, remainingUses: uses)
    }

    static func policy(_ name: String) -> Policy { Policy(name: name, selector: [:], models: []) }

    static func draft(_ number: UInt64) -> AuditDraft {
        AuditDraft(actor: "ann", action: .policyApplied, target: "target \(number)", atMilliseconds: number)
    }
}

/// `true` when the failure is of the environment and tells of this.
func isUnavailable(_ failure: FleetStoreFailure?, _ word: String) -> Bool {
    guard case .unavailable(_, let detail) = failure else { return false }
    return detail.contains(word)
}
