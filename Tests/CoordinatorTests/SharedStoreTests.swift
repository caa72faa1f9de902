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

    /// A board as a coordinator sees it: says who it is each tenth of a second, and sends what is not acknowledged.
    private struct Board {
        let transport: ZeroMQAgentTransport
        let description: BoardDescription
        var acknowledged: UInt64 = 0

        static func enrolled(by client: AdminClient) async throws -> Board {
            let token: TokenView = try await client.post("v1/tokens", TokenRequest(uses: 1, validSeconds: 60))
            let board = BoardDescription(
                id: try #require(BoardID("edge-1")), boardClass: "test", labels: [:], cores: 1, memoryBytes: 1,
                engineVersion: "1", models: [])
            let keys = try CurveKeyPair.generate()
            let serverKey = try #require(PublicKey(z85: token.serverPublicKey))
            _ = try await Enrolment.enrol(
                at: token.enrolmentEndpoint, serverKey: serverKey, keys: keys, token: token.token, board: board,
                timeout: .seconds(20))
            return Board(
                transport: try ZeroMQAgentTransport(
                    connectingTo: token.fleetEndpoint, serverKey: serverKey, keys: keys), description: board)
        }

        private func record(_ sequence: UInt64) -> TelemetryRecord {
            TelemetryRecord(
                incarnation: 1, sequence: sequence, startMilliseconds: 1_000 * sequence, durationMilliseconds: 1_000,
                generation: 0, models: [],
                board: .init(
                    memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil,
                    droppedRecords: 0))
        }

        /// Until so many records are acknowledged. A test's time limit bounds the wait.
        mutating func speak(until count: UInt64) async throws {
            let (transport, description) = (transport, description)
            let ticker = Task {
                while !Task.isCancelled {
                    try transport.send(.hello(description, incarnation: 1, reportedGeneration: 0))
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            defer { ticker.cancel() }
            var incoming = transport.incoming.makeAsyncIterator()
            while acknowledged < count, let message = await incoming.next() {
                if case .telemetryAcknowledged(incarnation: 1, let sequence) = message {
                    acknowledged = max(acknowledged, sequence)
                }
                try transport.send(.telemetry((1...4).map { record(acknowledged + $0) }))
            }
        }
    }

    /// What a port answers without a token: the status alone.
    private func status(_ port: Int, _ path: String) async -> Int? {
        await withCheckedContinuation { continuation in
            Thread {
                let process = Process()
                let output = Pipe()
                process.executableURL = URL(filePath: "/usr/bin/env")
                process.arguments = [
                    "bash", "-c",
                    "exec 3<>/dev/tcp/127.0.0.1/\(port) && printf 'GET \(path) HTTP/1.1\\r\\nHost: h\\r\\n"
                        + "Connection: close\\r\\n\\r\\n' >&3 && head -n 1 <&3",
                ]
                (process.standardOutput, process.standardError) = (output, FileHandle.nullDevice)
                guard (try? process.run()) != nil else { return continuation.resume(returning: nil) }
                let line = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                let words = line.split(separator: " ")
                continuation.resume(returning: words.count > 1 ? Int(words[1]) : nil)
            }.start()
        }
    }

    /// A port that was free a moment ago.
    private func freePort() throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                try #require(bind(socket, address, length) == 0 && getsockname(socket, address, &length) == 0)
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
    }

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
            var board = try await Board.enrolled(by: try await one.client())
            try await board.speak(until: 40)

            let ports = try await one.boardPorts() + [0]
            try FileManager.default.createDirectory(atPath: two.state, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: one.state + "/key.json", toPath: two.state + "/key.json")
            let metrics = try freePort()
            let second = try two.coordinator(ports, more: shared + ["--metrics-port", "\(metrics)"])
            defer { second.terminate() }
            while await status(metrics, "/livez") != 200 { try await Task.sleep(for: .milliseconds(50)) }
            #expect(await status(metrics, "/readyz") == 503)
            #expect(!FileManager.default.fileExists(atPath: two.state + "/admin.json"))

            first.killed()
            try await board.speak(until: 80)
            let view: StatusView = try await two.client().get("v1/status")
            #expect(view.boardsEnrolled == 1)
            while await status(metrics, "/readyz") != 200 { try await Task.sleep(for: .milliseconds(50)) }

            first = try one.coordinator(ports, more: shared)
            try await Task.sleep(for: .milliseconds(500))
            #expect(first.isRunning && second.isRunning)
            second.terminate()
            second.waitUntilExit()
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
        var board = try await Board.enrolled(by: try await programs.client())
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
