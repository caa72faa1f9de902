import AdminAPI
import FleetModel
import FleetStore
import Foundation
import Messaging
import Testing
import WireProtocol

/// A real coordinator process, killed with SIGKILL again and again while a board sends telemetry: nothing that it
/// acknowledged may be missing from its database.
@Suite struct CoordinatorKillTests {
    private let programs: RealPrograms

    init() throws { programs = try RealPrograms() }

    private func record(_ sequence: UInt64) -> TelemetryRecord {
        TelemetryRecord(
            incarnation: 1, sequence: sequence, startMilliseconds: 1_000 * sequence, durationMilliseconds: 1_000,
            generation: 0, models: [],
            board: .init(
                memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0))
    }

    @Test(.timeLimit(.minutes(2)))
    func nothingAcknowledgedIsLostWhenItIsKilled() async throws {
        defer { programs.remove() }
        var process = try programs.coordinator()
        defer { process.terminate() }
        let client = try await programs.client()
        let ports = try await programs.boardPorts() + [0]
        let token: TokenView = try await client.post("v1/tokens", TokenRequest(uses: 1, validSeconds: 60))
        let board = BoardDescription(
            id: try #require(BoardID("edge-1")), boardClass: "test", labels: [:], cores: 1, memoryBytes: 1,
            engineVersion: "1", models: [])
        let keys = try CurveKeyPair.generate()
        let serverKey = try #require(PublicKey(z85: token.serverPublicKey))
        _ = try await Enrolment.enrol(
            at: token.enrolmentEndpoint, serverKey: serverKey, keys: keys, token: token.token, board: board,
            timeout: .seconds(10))
        let transport = try ZeroMQAgentTransport(
            connectingTo: token.fleetEndpoint, serverKey: serverKey, keys: keys)

        var acknowledged: UInt64 = 0
        var kills = 0
        var incoming = transport.incoming.makeAsyncIterator()
        let ticker = Task {
            // Keeps the loop below moving while nobody answers.
            while !Task.isCancelled {
                try transport.send(.hello(board, incarnation: 1, reportedGeneration: 0))
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        while acknowledged < 300, let message = await incoming.next() {
            if case .telemetryAcknowledged(incarnation: 1, let sequence) = message {
                acknowledged = max(acknowledged, sequence)
            }
            try transport.send(.telemetry((1...4).map { record(acknowledged + $0) }))
            guard acknowledged >= UInt64(60 * (kills + 1)), kills < 3 else { continue }
            kills += 1
            process.killed()
            process = try programs.coordinator(ports)
        }
        ticker.cancel()
        process.killed()
        await transport.stop()

        #expect(kills == 3 && acknowledged >= 300)
        let store = try SQLiteFleetStore(path: programs.state + "/fleet.sqlite")
        let stored = try await store.telemetry(board: board.id, sinceMilliseconds: 0, limit: 5_000)
        let sequences = Set(stored.map(\.record.sequence))
        #expect((1...acknowledged).allSatisfy { sequences.contains($0) })
        #expect(sequences.count == stored.count)
    }
}
