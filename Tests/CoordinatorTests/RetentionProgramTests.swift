import AdminAPI
import FleetListings
import FleetModel
import FleetStore
import Foundation
import Messaging
import Testing

/// A real coordinator over a database with telemetry of long ago.
@Suite struct RetentionProgramTests {
    private let programs: RealPrograms
    private let board: BoardDescription
    private let model: ModelName

    init() throws {
        model = try #require(ModelName("m"))
        board = BoardDescription(
            id: try #require(BoardID("edge-1")), boardClass: "test", labels: [:], cores: 1, memoryBytes: 1,
            engineVersion: "1", models: [DeployedModel(name: model, framesPerSecond: 1, points: [])])
        programs = try RealPrograms()
    }

    private func records(_ sequences: ClosedRange<UInt64>, at start: UInt64) -> [TelemetryRecord] {
        sequences.map { sequence in
            TelemetryRecord(
                incarnation: 1, sequence: sequence, startMilliseconds: start, durationMilliseconds: 1_000,
                generation: 0,
                models: [
                    ModelTelemetry(
                        model: model, frames: 8, dropped: 2, violations: 3, labelled: 4, correct: 3,
                        switches: 1, activePoint: 0, p50Milliseconds: 1, p90Milliseconds: 2, p99Milliseconds: 3,
                        constraintMilliseconds: 2.5)
                ],
                board: .init(
                    memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil,
                    droppedRecords: 0))
        }
    }

    /// 1,200 records of 31 days ago, three pages of a pass, and 50 of now.
    private func fill(now: UInt64) async throws {
        let keys = try CurveKeyPair.generate()
        let store = try SQLiteFleetStore(path: programs.state + "/fleet.sqlite")
        try await store.saveBoard(
            BoardRecord(
                description: board, publicKey: keys.publicKey.z85, enrolledAtMilliseconds: now,
                lastSeenMilliseconds: now))
        let past = now - 31 * 86_400_000
        _ = try await store.appendTelemetry(
            [(board.id, records(1...1_200, at: past))], receivedAtMilliseconds: past)
        _ = try await store.appendTelemetry([(board.id, records(1_201...1_250, at: now))], receivedAtMilliseconds: now)
        try store.close()
    }

    @Test(.timeLimit(.minutes(2)))
    func whatIsTooOldGoesAndItsHoursStay() async throws {
        defer { programs.remove() }
        // Makes the folder and the key that a fleet with boards needs.
        let first = try programs.coordinator()
        _ = try await programs.client()
        first.killed()
        let now = UInt64(Date().timeIntervalSince1970 * 1_000)
        try await fill(now: now)

        let process = try programs.coordinator(more: ["--telemetry-days", "30"])
        defer { process.killed() }
        let client = try await programs.client()
        var view: BoardView?
        // The time limit bounds the wait.
        repeat {
            try await Task.sleep(for: .milliseconds(20))
            let views: [BoardView] = try await client.get("v1/boards")
            view = views.first
        } while view?.telemetryRecords != 50
        #expect(view?.telemetryGaps == 0)

        let all: [BoardHourView] = try await client.get("v1/boards/edge-1/hours", query: ["since": "0"])
        #expect(all.map(\.windows) == [1_200, 50] && all.map(\.frames) == [9_600, 400])
        #expect(all.first?.startMilliseconds == TelemetryHour.start(of: now - 31 * 86_400_000))
        #expect(try await (client.get("v1/boards/edge-1/hours", query: ["limit": "1"]) as [BoardHourView]) == [all[1]])
        await #expect(throws: AdminFailure(.notFound, "no board is named absent")) {
            let _: [BoardHourView] = try await client.get("v1/boards/absent/hours")
        }

        let details = try await BoardDetails.of(try #require(view), client)
        #expect(details.lastDay == [all[1]])
        #expect(details.lastDay?.first?.sloAttainment == 0.5 && details.lastDay?.first?.accuracy == 0.75)
        #expect(
            FleetListing<[BoardHourView]>.lastDay.rows(details.lastDay ?? [])
                == [["m", "50", "0.01", "400", "100", "50.00", "75.00", "50", "3.00"]])
        try await programs.run(["describe", "board", "edge-1"])
        #expect(try await programs.status(["get", "boards"]) == 0)
    }

    @Test func daysOutOfRangeAreRefused() throws {
        defer { programs.remove() }
        for days in ["-1", "401", "x"] {
            let process = try programs.coordinator(more: ["--telemetry-days", days])
            process.waitUntilExit()
            #expect(process.terminationStatus == 64, "\(days)")
        }
    }
}
