import FleetModel
import Foundation
import Testing

/// Windows of 1 s with 100 frames each; a run of 20 s with a load from second 5 to second 12.
@Suite struct FleetReportTests {
    private static let a = Samples.board("a")
    private static let model = Samples.model("classifier")
    private static let load = FleetReport.LoadInterval(startMilliseconds: 5_000, endMilliseconds: 12_000)
    private static let strict = FleetReport.Requirements(
        boards: 1, sloAttainment: 0.95, accuracy: 0.85, recoveryMilliseconds: 1_000, settledWindows: 3, relapses: 0,
        adapts: true)

    struct Second: Sendable {
        var violations: UInt32 = 0
        var dropped: UInt32 = 0
        var point: UInt32 = 4
        var frames: UInt32 = 100
        var correct: UInt32 = 9
    }

    /// A run that passes: one bad window at the load's start, lower points under load, back two windows later.
    private static var good: [Second] {
        (0..<20).map { second in
            Second(violations: second == 5 ? 20 : 0, point: (5...13).contains(second) ? 1 : 4)
        }
    }

    private static func records(_ seconds: [Second], incarnation: UInt64 = 1) -> [TelemetryRecord] {
        seconds.enumerated().map { index, second in
            TelemetryRecord(
                incarnation: incarnation, sequence: UInt64(index + 1), startMilliseconds: UInt64(index) * 1_000,
                durationMilliseconds: 1_000, generation: 1,
                models: [
                    ModelTelemetry(
                        model: model, frames: second.frames, dropped: second.dropped, violations: second.violations,
                        labelled: second.frames / 10, correct: min(second.correct, second.frames / 10), switches: 1,
                        activePoint: second.point, p50Milliseconds: 5, p90Milliseconds: 8, p99Milliseconds: 10,
                        constraintMilliseconds: 25)
                ],
                board: BoardTelemetry(
                    memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil,
                    droppedRecords: 0))
        }
    }

    private static func report(
        _ seconds: [Second], _ requirements: FleetReport.Requirements = strict,
        loads: [BoardID: FleetReport.LoadInterval] = [a: load]
    ) -> FleetReport {
        FleetReport(
            enrolled: [a], telemetry: [a: records(seconds)], percentiles: [a: [model: 99]], loads: loads,
            requirements: requirements)
    }

    private static func change(_ edit: (inout [Second]) -> Void) -> [Second] {
        var seconds = good
        edit(&seconds)
        return seconds
    }

    @Test func goodRunPassesWithItsFigures() throws {
        let report = Self.report(Self.good)

        #expect(report.passed)
        #expect(report.reasons.isEmpty)
        let verdict = try #require(report.boards.first?.models.first)
        #expect(verdict.frames == 2_000 && verdict.windows == 20 && verdict.switches == 20)
        #expect(verdict.sloAttainment == 0.99)
        #expect(verdict.accuracy == 0.9)
        let load = try #require(verdict.load)
        #expect(load.windows == 7 && load.heldWindows == 6)
        #expect(load.recoveryMilliseconds == 1_000)
        #expect(load.relapses == 0)
        #expect(load.pointBefore == 4 && load.lowestPoint == 1 && load.pointAfter == 4)
        #expect(load.steppedDown && load.climbedBack)
        #expect(load.climbMilliseconds == 3_000)
        #expect(try JSONDecoder().decode(FleetReport.self, from: JSONEncoder().encode(report)) == report)
    }

    @Test func runWithoutLoadIsJudgedByAttainmentAlone() {
        let report = Self.report(Self.good, loads: [:])
        #expect(report.passed)
        #expect(report.boards.first?.models.first?.load == nil)
    }

    @Test func droppedFramesCountAsMissed() {
        let report = Self.report(Self.change { for index in 13..<20 { $0[index].dropped = 25 } })
        #expect(report.reasons.contains { $0.contains("SLO attainment is") })
        #expect(report.boards[0].models[0].sloAttainment == 1_980.0 / 2_175)
    }

    @Test func lowAccuracyFails() {
        let report = Self.report(Self.change { for index in 0..<20 { $0[index].correct = 8 } })
        #expect(report.reasons == ["board a, model classifier: accuracy is 80 %, required is 85 %"])
    }

    @Test func lateRecoveryFailsWithTheTime() {
        let report = Self.report(Self.change { $0[6].violations = 2 })
        #expect(report.boards[0].models[0].load?.recoveryMilliseconds == 2_000)
        #expect(report.reasons.contains { $0.contains("2000 ms after the load began, allowed are 1000 ms") })
    }

    @Test func shortRespiteIsNotARecovery() {
        let report = Self.report(Self.change { $0[8].violations = 2 })
        #expect(report.boards[0].models[0].load?.recoveryMilliseconds == 4_000)
    }

    @Test func neverRecoveringFails() {
        let report = Self.report(Self.change { for index in 5..<12 { $0[index].violations = 2 } })
        #expect(report.boards[0].models[0].load?.recoveryMilliseconds == nil)
        #expect(report.reasons.contains { $0.contains("did not obey its constraint again") })
    }

    @Test func relapseFails() {
        let report = Self.report(Self.change { $0[10].violations = 50 })
        #expect(report.boards[0].models[0].load?.relapses == 1.0 / 6)
        #expect(report.reasons.contains { $0.contains("16.67 % of the windows after it had recovered") })
    }

    @Test func unbrokenLoadRecoversAtOnce() {
        let report = Self.report(Self.change { $0[5].violations = 1 })
        #expect(report.boards[0].models[0].load?.recoveryMilliseconds == 0)
    }

    @Test func silentWindowDoesNotHold() {
        let report = Self.report(Self.change { $0[6].frames = 0 })
        #expect(report.boards[0].models[0].load?.recoveryMilliseconds == 2_000)
    }

    @Test func stayingUpUnderLoadFails() {
        let report = Self.report(Self.change { for index in 0..<20 { $0[index].point = 4 } })
        #expect(
            report.reasons == [
                "no model stepped down: the load asked nothing of the fleet",
                "board a, model classifier: stayed on point 4 or above under load, though it broke its constraint in "
                    + "1 of 7 windows",
            ])
    }

    @Test func modelThatKeepsItsConstraintNeedNotStepDownButAnotherMust() {
        let kept = Self.change { for index in 0..<20 { $0[index] = Second() } }
        #expect(Self.report(kept).reasons == ["no model stepped down: the load asked nothing of the fleet"])

        let b = Samples.board("b")
        let report = FleetReport(
            enrolled: [Self.a, b], telemetry: [Self.a: Self.records(kept), b: Self.records(Self.good)],
            percentiles: [Self.a: [Self.model: 99], b: [Self.model: 99]], loads: [Self.a: Self.load, b: Self.load],
            requirements: FleetReport.Requirements(
                boards: 2, sloAttainment: 0.95, accuracy: 0.85, recoveryMilliseconds: 1_000, relapses: 0,
                adapts: true))
        #expect(report.reasons.isEmpty)
    }

    @Test func usualPointBeforeTheLoadIsWhatCounts() {
        let report = Self.report(Self.change { $0[4].point = 1 })
        #expect(report.passed)
        #expect(report.boards[0].models[0].load?.pointBefore == 4)
        // Back to the point of a passing disturbance is not back.
        let low = Self.report(Self.change { for index in 4..<20 { $0[index].point = 1 } })
        #expect(low.reasons == ["board a, model classifier: did not climb back to point 4 after the load ended"])
    }

    @Test func stayingDownAfterTheLoadFails() {
        let report = Self.report(Self.change { for index in 5..<20 { $0[index].point = 1 } })
        #expect(report.reasons == ["board a, model classifier: did not climb back to point 4 after the load ended"])
    }

    @Test func lowestPointBeforeTheLoadProvesNothing() {
        let report = Self.report(Self.change { for index in 0..<20 { $0[index].point = 0 } })
        #expect(report.reasons.contains { $0.contains("could not step down") })
    }

    @Test func runThatEndsWithTheLoadCannotShowTheClimb() {
        let report = Self.report(Array(Self.good.prefix(12)))
        #expect(report.reasons == ["board a, model classifier: no window starts after the load ended"])
    }

    @Test func runThatStartsWithTheLoadHasNothingToCompareWith() {
        let load = FleetReport.LoadInterval(startMilliseconds: 0, endMilliseconds: 12_000)
        let report = Self.report(Self.good, loads: [Self.a: load])
        #expect(report.reasons.contains { $0.contains("no window ended before the load began") })
    }

    @Test func telemetryThatMissesTheLoadFails() {
        let report = Self.report(Array(Self.good.prefix(4)))
        #expect(report.reasons == ["board a, model classifier: no telemetry window touches the load"])
    }

    @Test func missingBoardFails() {
        var requirements = Self.strict
        requirements.boards = 2
        #expect(Self.report(Self.good, requirements).reasons == ["expected 2 boards, 1 are enrolled"])
    }

    @Test func boardWithoutTelemetryFails() {
        let report = FleetReport(
            enrolled: [Self.a, Samples.board("b")], telemetry: [Self.a: Self.records(Self.good)],
            percentiles: [Self.a: [Self.model: 99]], loads: [Samples.board("z"): Self.load],
            requirements: FleetReport.Requirements(boards: 2))
        #expect(
            report.reasons == [
                "board b: no telemetry arrived", "board z: it had a load but is not in the fleet",
            ])
    }

    @Test func modelWithoutConstraintFails() {
        let report = FleetReport(
            enrolled: [Self.a], telemetry: [Self.a: Self.records(Self.good)], percentiles: [:], loads: [:],
            requirements: FleetReport.Requirements(boards: 1))
        #expect(report.reasons == ["board a, model classifier: it ran without a constraint"])
    }

    @Test func gapsAreCountedPerIncarnationAndFail() {
        var records = Self.records(Self.good) + Self.records(Array(Self.good.prefix(3)), incarnation: 2)
        records.remove(at: 21)
        records.remove(at: 4)
        records.remove(at: 0)
        func report(allowed: UInt64) -> FleetReport {
            FleetReport(
                enrolled: [Self.a], telemetry: [Self.a: records.shuffled()], percentiles: [Self.a: [Self.model: 99]],
                loads: [:],
                requirements: FleetReport.Requirements(boards: 1, gaps: allowed))
        }
        #expect(report(allowed: 2).reasons == ["3 telemetry records are missing, allowed are 2"])
        #expect(report(allowed: 3).passed)
        #expect(report(allowed: 3).boards[0].incarnations == 2)
    }

    @Test func repeatedRecordsCountOnce() {
        let records = Self.records(Self.good)
        let report = FleetReport(
            enrolled: [Self.a], telemetry: [Self.a: (records + records).shuffled()],
            percentiles: [Self.a: [Self.model: 99]],
            loads: [Self.a: Self.load], requirements: Self.strict)
        #expect(report == Self.report(Self.good))
    }
}
