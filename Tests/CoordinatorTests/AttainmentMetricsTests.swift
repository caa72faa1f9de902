import CoordinatorCore
import FleetMetrics
import FleetModel
import Testing

@testable import Coordinator

@Suite struct AttainmentMetricsTests {
    private static func board(_ name: String, _ boardClass: String, _ status: BoardStatus) throws -> BoardState {
        let board = BoardDescription(
            id: try #require(BoardID(name)), boardClass: boardClass, labels: [:], cores: 1, memoryBytes: 1,
            engineVersion: "1", models: [])
        return BoardState(
            board: board, status: status, incarnation: 1, desired: Assignment(generation: 0, models: []),
            reportedGeneration: 0, infeasible: [], refusedRecords: 0)
    }

    private static func windows(
        _ model: ModelName, frames: UInt32, violations: UInt32 = 0, labelled: UInt32 = 0, correct: UInt32 = 0,
        at accuracy: Double?
    ) -> RecentWindows {
        RecentWindows(
            ModelTelemetry(
                model: model, frames: frames, dropped: 0, violations: violations, labelled: labelled, correct: correct,
                switches: 0, activePoint: 0, p50Milliseconds: 1, p90Milliseconds: 2, p99Milliseconds: 3,
                constraintMilliseconds: 4),
            at: TelemetryPosition(incarnation: 1, sequence: 1), pointAccuracy: accuracy)
    }

    /// A class of three boards, one lost, of which one has labels and one a better point.
    static func fleet() throws -> CoordinatorActor.Watched {
        let states = [
            try board("a", "c", .connected), try board("b", "c", .connected), try board("d", "c", .lost),
            try board("e", "other class", .connected),
        ]
        let eye = try #require(ModelName("eye"))
        let recents = [
            states[0].board.id: [eye: windows(eye, frames: 300, violations: 60, labelled: 40, correct: 30, at: 0.6)],
            states[1].board.id: [eye: windows(eye, frames: 100, violations: 20, at: 1)],
            states[2].board.id: [eye: windows(eye, frames: 900, violations: 900, at: 0.1)],
            states[3].board.id: [eye: windows(eye, frames: 10, at: nil)],
        ]
        return CoordinatorActor.Watched(
            states: states, heardMilliseconds: [:], newest: [:], quarantined: [:], recents: recents, keyAges: [:],
            keyChanges: [:])
    }

    private static func value(_ families: [MetricFamily], _ name: String, _ labels: [String: String]) -> Double? {
        families.first { $0.name == "shoal_model_" + name }?.samples.first { $0.labels == labels }?.value
    }

    @Test func boardsOfAClassAreAddedUpByFrames() throws {
        let families = MetricFamily.attainment(of: try Self.fleet())
        let labels = ["board_class": "c", "model": "eye"]
        func of(_ source: String) -> [String: String] { labels.merging(["source": source]) { first, _ in first } }
        #expect(Self.value(families, "slo_attainment_ratio", labels) == 0.8)
        #expect(Self.value(families, "accuracy_ratio", of("labels")) == 0.75)
        #expect(Self.value(families, "accuracy_ratio", of("points")) == 0.7)
        #expect(Self.value(families, "attained_accuracy_ratio", of("labels")) == 0.8 * 0.75)
        #expect(Self.value(families, "attained_accuracy_ratio", of("points")) == 0.8 * 0.7)
    }

    /// Without labels and without a table there is an attainment, and no accuracy.
    @Test func whatIsNotKnownIsNotTold() throws {
        let families = MetricFamily.attainment(of: try Self.fleet())
        let labels = ["board_class": "other class", "model": "eye"]
        #expect(Self.value(families, "slo_attainment_ratio", labels) == 1)
        #expect(families.dropFirst().allSatisfy { $0.samples.allSatisfy { $0.labels["board_class"] == "c" } })
    }

    @Test func seriesAreBounded() throws {
        let families = MetricFamily.attainment(of: try Self.fleet(), limit: 1)
        let boards = families[0].samples.map { $0.labels["board_class"] }
        #expect(boards == ["c", "other"] && families[0].samples[1].value == 1)
    }
}
