import AdminAPI
import FleetModel
import Testing

@Suite struct AttainmentWindowTests {
    private static func window(
        _ models: [ModelTelemetry], pointAccuracies: [String: Double]? = nil
    ) -> TelemetryWindowView {
        .init(
            board: "b", receivedAtMilliseconds: 9,
            record: TelemetryRecord(
                incarnation: 1, sequence: 1, startMilliseconds: 5, durationMilliseconds: 500, generation: 1,
                models: models,
                board: BoardTelemetry(
                    memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil,
                    droppedRecords: 0)), pointAccuracies: pointAccuracies)
    }

    private static func model(_ name: String, frames: UInt32, dropped: UInt32, labelled: UInt32) throws
        -> ModelTelemetry
    {
        ModelTelemetry(
            model: try #require(ModelName(name)), frames: frames, dropped: dropped, violations: frames / 10,
            labelled: labelled, correct: labelled / 2, switches: frames / 40, activePoint: 3, p50Milliseconds: 1,
            p90Milliseconds: 2, p99Milliseconds: 3, constraintMilliseconds: 20)
    }

    @Test func framesThatNeverRanAreMisses() throws {
        let series = AttainmentWindow.series([
            Self.window([
                try Self.model("eye", frames: 80, dropped: 20, labelled: 40),
                try Self.model("ear", frames: 10, dropped: 0, labelled: 0),
            ]), Self.window([try Self.model("eye", frames: 0, dropped: 0, labelled: 0)]),
        ])
        #expect(series.map(\.model) == ["eye", "ear", "eye"])
        #expect(series[0].arrived == 100 && series[0].sloAttainment == 0.72 && series[0].accuracy == 0.5)
        #expect(series[0].attainedAccuracy == 0.36 && series[0].activePoint == 3)
        #expect(series.map(\.dropped) == [20, 0, 0] && series.map(\.switches) == [2, 0, 0])
        #expect(series[1].sloAttainment == 0.9 && series[1].accuracy == nil && series[1].attainedAccuracy == nil)
        #expect(series[2].sloAttainment == nil && series[2].attainedAccuracy == nil)
    }

    /// Without labels the table of points tells, and what it was told by is said.
    @Test func whatIsNotLabelledIsExpected() throws {
        let series = AttainmentWindow.series([
            Self.window(
                [
                    try Self.model("eye", frames: 80, dropped: 20, labelled: 40),
                    try Self.model("ear", frames: 10, dropped: 0, labelled: 0),
                    try Self.model("nose", frames: 10, dropped: 0, labelled: 0),
                ], pointAccuracies: ["eye": 0.75, "ear": 0.8])
        ])
        #expect(series[0].accuracy == 0.5 && series[0].expectedAccuracy == 0.75)
        #expect(series[0].accuracySource == .labels && series[0].attainedAccuracy == 0.36)
        #expect(series[1].accuracy == nil && series[1].expectedAccuracy == 0.8)
        #expect(series[1].accuracySource == .points && series[1].attainedAccuracy == 0.9 * 0.8)
        #expect(series[2].accuracySource == nil && series[2].attainedAccuracy == nil)
    }

    @Test func oneModelCanBePicked() throws {
        let window = Self.window([
            try Self.model("eye", frames: 1, dropped: 0, labelled: 0),
            try Self.model("ear", frames: 1, dropped: 0, labelled: 0),
        ])
        #expect(AttainmentWindow.series([window], model: "ear").map(\.model) == ["ear"])
        #expect(AttainmentWindow.series([window], model: "nose").isEmpty)
    }

    /// A model that the board has may have measured nothing yet; one that nobody knows is an error of who asks.
    @Test func aModelThatIsAskedForByNameExists() async throws {
        let window = Self.window([try Self.model("eye", frames: 1, dropped: 0, labelled: 0)])
        let board = BoardView(
            name: "b", boardClass: "c", status: "connected", labels: [:], cores: 1, memoryBytes: 1, engineVersion: "1",
            lastSeenMilliseconds: 1, incarnation: 1, desiredGeneration: 1, reportedGeneration: 1, telemetryRecords: 1,
            telemetryGaps: 0, infeasible: [], refusedRecords: 0,
            models: [.init(name: "ear", framesPerSecond: 1, points: [])])
        #expect(try await AttainmentWindow.series([window], named: "eye", on: { nil }).map(\.model) == ["eye"])
        #expect(try await AttainmentWindow.series([window], named: "ear", on: { board }).isEmpty)
        let failure = await #expect(throws: AdminFailure.self) {
            try await AttainmentWindow.series([window], named: "nix", on: { board })
        }
        #expect(failure?.kind == .notFound && failure?.message == "board b has no model named nix")
    }
}
