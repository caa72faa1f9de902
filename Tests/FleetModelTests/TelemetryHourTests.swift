import FleetModel
import Testing

@Suite struct TelemetryHourTests {
    private func model(_ name: String) throws -> ModelName { try #require(ModelName(name)) }

    private func window(
        _ name: String, frames: UInt32, dropped: UInt32 = 0, violations: UInt32 = 0, labelled: UInt32 = 0,
        correct: UInt32 = 0, p99: Double = 1
    ) throws -> ModelTelemetry {
        ModelTelemetry(
            model: try model(name), frames: frames, dropped: dropped, violations: violations, labelled: labelled,
            correct: correct, switches: 1, activePoint: 0, p50Milliseconds: 0, p90Milliseconds: 0,
            p99Milliseconds: p99, constraintMilliseconds: 5)
    }

    private func record(at start: UInt64, _ models: [ModelTelemetry]) -> TelemetryRecord {
        TelemetryRecord(
            incarnation: 1, sequence: 1, startMilliseconds: start, durationMilliseconds: 2_000, generation: 1,
            models: models,
            board: .init(
                memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0))
    }

    @Test(arguments: [(0, 0), (3_599_999, 0), (3_600_000, 3_600_000), (7_300_000, 7_200_000)] as [(UInt64, UInt64)])
    func anHourStartsWithTheHour(time: UInt64, start: UInt64) {
        #expect(TelemetryHour.start(of: time) == start)
    }

    @Test func windowsAddUp() throws {
        let windows = [
            try window("m", frames: 10, dropped: 2, violations: 3, labelled: 4, correct: 3, p99: 7),
            try window("m", frames: 20, violations: 25, labelled: 2, p99: 3),
        ]

        var hour = TelemetryHour(windows[0], of: record(at: 3_600_001, windows))
        hour.add(TelemetryHour(windows[1], of: record(at: 7_199_999, windows)))

        #expect(
            hour
                == TelemetryHour(
                    model: try model("m"), startMilliseconds: 3_600_000, windows: 2, frames: 30, dropped: 2,
                    violations: 23, labelled: 6, correct: 3, switches: 2, p99Milliseconds: 7,
                    coveredMilliseconds: 4_000))
        #expect(hour.sloAttainment == 7.0 / 32 && hour.accuracy == 0.5)
        // The same as of the windows themselves.
        #expect(hour.sloAttainment == windows.sloAttainment && hour.accuracy == windows.accuracy)
    }

    @Test func whereNothingCameThereIsNoShare() throws {
        let hour = TelemetryHour(model: try model("m"), startMilliseconds: 0)
        #expect(hour.sloAttainment == nil && hour.accuracy == nil)
    }

    @Test func hoursOfOneModelAreOneValue() throws {
        let (a, b) = (try model("a"), try model("b"))
        let sums = [
            TelemetryHour(model: b, startMilliseconds: 7_200_000, windows: 1, frames: 5),
            TelemetryHour(model: a, startMilliseconds: 7_200_000, windows: 1, frames: 2),
            TelemetryHour(model: b, startMilliseconds: 3_600_000, windows: 2, frames: 6),
        ].byModel()

        #expect(
            sums == [
                TelemetryHour(model: a, startMilliseconds: 7_200_000, windows: 1, frames: 2),
                TelemetryHour(model: b, startMilliseconds: 3_600_000, windows: 3, frames: 11),
            ])
    }
}
