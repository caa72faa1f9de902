import AdminAPI
import AuditLog
import Files
import FleetModel
import FleetStore
import Foundation
import Messaging
import PostgreSQLFleetStore
import PostgreSQLHarness
import Testing
import WireProtocol

@testable import Coordinator

/// Two real coordinators over one real database.
@Suite struct SharedStoreTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-shared-\(UUID())").path()

    /// Options of a coordinator over that database.
    private func shared(_ connection: String) throws -> [String] {
        let secret = folder + "/connection"
        try PrivateFile.write(Array(connection.utf8), to: secret)
        return ["--store", "postgresql", "--store-connection", secret]
    }

    /// Kill the leader: the other one takes its boards over, and nothing that was acknowledged is missing. Then the
    /// other way round, in good order.
    @Test(
        .enabled(if: PostgreSQLServer.isInstalled, "needs PostgreSQL (apt: postgresql)"), .timeLimit(.minutes(4)))
    func theOneThatStandsByTakesOver() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await PostgreSQLServer.shared.value.withDatabase { connection, _ in
            let (one, two) = (try RealPrograms(in: folder + "/one"), try RealPrograms(in: folder + "/two"))
            let shared = try shared(connection)
            var first = try one.coordinator(more: shared)
            defer { first.terminate() }
            var board = try await TalkingBoard.enrolled(by: try await one.client())
            try await board.speak(until: 40)

            let ports = try await one.boardPorts() + [0]
            try FileManager.default.createDirectory(atPath: two.state, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: one.state + "/key.json", toPath: two.state + "/key.json")
            let metrics = try LocalPort.free()
            let second = try two.coordinator(ports, more: shared + ["--metrics-port", "\(metrics)"])
            defer { second.terminate() }
            while await LocalPort.status(metrics, "/livez") != 200 { try await Task.sleep(for: .milliseconds(50)) }
            #expect(await LocalPort.status(metrics, "/readyz") == 503)
            #expect(!FileManager.default.fileExists(atPath: two.state + "/admin.json"))

            first.killed()
            try await board.speak(until: 80)
            let view: StatusView = try await two.client().get("v1/status")
            #expect(view.boardsEnrolled == 1)
            while await LocalPort.status(metrics, "/readyz") != 200 { try await Task.sleep(for: .milliseconds(50)) }

            first = try one.coordinator(ports, more: shared)
            try await Task.sleep(for: .milliseconds(500))
            #expect(first.isRunning && second.isRunning)
            second.terminate()
            try await second.ended()
            #expect(second.terminationStatus == 0)
            try await board.speak(until: 120)
            await board.transport.stop()

            let store = try await PostgreSQLFleetStore.open(try #require(PostgreSQLAddress(connection)))
            let stored = try await store.telemetry(board: board.description.id, sinceMilliseconds: 0, limit: 5_000)
            let sequences = Set(stored.map(\.record.sequence))
            #expect((1...board.acknowledged).allSatisfy { sequences.contains($0) } && sequences.count == stored.count)
            await store.close()
            for program in [one, two] {
                let log = try String(contentsOfFile: program.folder + "/shoal-coordinator.log", encoding: .utf8)
                #expect(!log.contains(connection))
            }
        }
    }

    /// A coordinator whose session with the lease is ended does not go on as if nothing had happened.
    @Test(
        .enabled(if: PostgreSQLServer.isInstalled, "needs PostgreSQL (apt: postgresql)"), .timeLimit(.minutes(2)))
    func whoLosesTheLeaseEnds() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let server = try await PostgreSQLServer.shared.value
        try await server.withDatabase { connection, name in
            let programs = try RealPrograms(in: folder)
            let process = try programs.coordinator(more: try shared(connection))
            defer { process.terminate() }
            _ = try await programs.client()
            try await server.query(
                """
                SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
                WHERE locktype = 'advisory' AND objid = 0 AND datname = '\(name)'
                """)
            while process.isRunning { try await Task.sleep(for: .milliseconds(50)) }
            #expect(process.terminationStatus == 6)
            let log = try String(contentsOfFile: folder + "/shoal-coordinator.log", encoding: .utf8)
            #expect(log.contains("Another coordinator has taken over"), "\(log)")
        }
    }

    @Test func theConnectionComesFromTheEnvironmentOrAFile() throws {
        let choice = try StoreConnection.choice(file: nil, environment: [StoreConnection.variable: "dbname=fleet"])
        guard case .postgreSQL(let address) = choice else {
            Issue.record("\(choice)")
            return
        }
        #expect(address.description == "postgresql:///fleet")
        for environment in [[:], [StoreConnection.variable: "hush"]] {
            let failure = #expect(throws: StoreConnectionFailure.self) {
                try StoreConnection.choice(file: nil, environment: environment)
            }
            #expect(failure.map { StartFailure($0).exitCode } == 2)
            #expect(failure.map { !StartFailure($0).message.contains("hush") } == true)
        }
    }

    // MARK: Backups

    /// The program itself, beside a coordinator that serves.
    @Test(.timeLimit(.minutes(2)))
    func aServingCoordinatorIsBackedUp() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let programs = try RealPrograms(in: folder)
        let process = try programs.coordinator()
        defer { process.terminate() }
        var board = try await TalkingBoard.enrolled(by: try await programs.client())
        try await board.speak(until: 20)
        let acknowledged = board.acknowledged
        let copy = folder + "/copy.sqlite"
        let backup = try programs.start("shoal-coordinator", ["backup", "--state", programs.state, copy])
        try await board.speak(until: acknowledged + 40)
        while backup.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        try #require(backup.terminationStatus == 0)
        await board.transport.stop()

        let store = try SQLiteFleetStore(path: copy)
        let count = try #require(try await store.telemetryCounts().first?.incarnations.first)
        #expect(count.highest >= acknowledged)
        #expect(try await store.audit(after: 0, sinceMilliseconds: 0, limit: 9).last?.action == "backupTaken")
        #expect(try await store.verifyAudit().fault == nil)
        try store.close()
        let client = try await programs.client()
        let view: StatusView = try await client.get("v1/status")
        #expect(view.boardsEnrolled == 1)

        let again = try programs.start("shoal-coordinator", ["backup", "--state", programs.state, copy])
        while again.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        #expect(again.terminationStatus == 6)
    }

    // MARK: One folder, one coordinator

    /// It would answer boards of a fleet that another one decides for. After that one's end, however it came, it may.
    @Test(.timeLimit(.minutes(2)))
    func aSecondCoordinatorOverOneFolderIsRefused() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let programs = try RealPrograms(in: folder)
        let first = try programs.coordinator()
        defer { first.terminate() }
        _ = try await programs.client()
        let second = try programs.coordinator()
        while second.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        #expect(second.terminationStatus == 6)
        let log = try String(contentsOfFile: folder + "/shoal-coordinator.log", encoding: .utf8)
        #expect(log.contains("is in use by another process"), "\(log)")

        kill(first.processIdentifier, SIGKILL)
        while first.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        try FileManager.default.removeItem(atPath: programs.state + "/admin.json")
        let third = try programs.coordinator()
        defer { third.terminate() }
        _ = try await programs.client()
    }
}
