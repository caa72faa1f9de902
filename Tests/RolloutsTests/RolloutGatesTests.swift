import FleetModel
import Foundation
import Rollouts
import Testing

@Suite struct RolloutGatesTests {
    private func measures(_ records: [TelemetryRecord]) -> RolloutMeasures {
        RolloutMeasures(records, of: Samples.description("a"))
    }

    /// Name, gates, windows before and after, and whether that is a violation.
    static let cases: [(String, RolloutGates, TelemetryRecord, TelemetryRecord, Bool)] = [
        ("accuracy falls", .init(accuracyDrop: 0.05), Samples.record(1), Samples.record(2, point: 0), true),
        ("accuracy may fall so far", .init(accuracyDrop: 0.1), Samples.record(1), Samples.record(2, point: 0), false),
        ("accuracy rises", .init(accuracyDrop: 0), Samples.record(1, point: 0), Samples.record(2), false),
        ("attainment falls", .init(attainmentDrop: 0.05), Samples.record(1), Samples.record(2, violations: 6), true),
        ("attainment stays", .init(attainmentDrop: 0.05), Samples.record(1), Samples.record(2, violations: 5), false),
        ("median rises", .init(p50Ratio: 1.2), Samples.record(1, p50: 4), Samples.record(2, p50: 4.9), true),
        ("median stays", .init(p50Ratio: 1.2), Samples.record(1, p50: 4), Samples.record(2, p50: 4.7), false),
        ("tail rises", .init(p99Ratio: 1.5), Samples.record(1, p99: 8), Samples.record(2, p99: 12.1), true),
        ("tail falls", .init(p99Ratio: 1), Samples.record(1, p99: 8), Samples.record(2, p99: 3), false),
    ]

    @Test(arguments: cases.indices)
    func eachGateComparesTheGroupWithItsPast(index: Int) {
        var (name, gates, before, after, isViolated) = Self.cases[index]
        gates.leastFrames = 100
        let verdict = gates.verdict(of: [(measures([before]), measures([after]))])
        #expect(verdict.missing.isEmpty, "\(name)")
        #expect(verdict.violations.isEmpty == !isViolated, "\(name): \(verdict)")
    }

    /// Right answers of 400 labelled frames before and after, and whether a fall of more than 0.02 is seen in them.
    @Test(arguments: [
        (360, 300, true), (360, 345, false), (360, 360, false), (300, 380, false), (400, 391, false), (400, 380, true),
    ])
    func answersCountWhereTheyCanBeToldRightOrWrong(before: UInt32, after: UInt32, isViolated: Bool) throws {
        let gates = RolloutGates(leastFrames: 400, accuracyDrop: 0.02)
        let past = measures([Samples.record(1, frames: 400, labelled: 400, correct: before)])
        let present = measures([Samples.record(2, frames: 400, labelled: 400, correct: after)])
        let verdict = gates.verdict(of: [(past, present)])
        let finding = try #require(verdict.findings.first { $0.gate == .labelledAccuracyDrop })
        #expect(finding.isViolated == isViolated, "\(finding)")
        #expect(abs(finding.past - Double(before) / 400) < 1e-12)
        #expect(verdict.violations.count == (isViolated ? 1 : 0))

        // Of too few nothing is said, and of none neither.
        for few in [0, 399] as [UInt32] {
            let little = measures([Samples.record(2, frames: 400, labelled: few, correct: 0)])
            let verdict = gates.verdict(of: [(past, little)])
            #expect(verdict.findings.map(\.gate) == [.accuracyDrop] && verdict.missing.isEmpty)
        }
    }

    @Test func measuresOfBeforeLabelsWereKeptAreRead() throws {
        let kept = measures([Samples.record(1, labelled: 10, correct: 9)])
        let data = try JSONEncoder().encode(kept)
        #expect(try JSONDecoder().decode(RolloutMeasures.self, from: data) == kept)
        var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        var models = try #require(object["models"] as? [String: [String: Any]])
        for name in models.keys {
            models[name]?["labelled"] = nil
            models[name]?["correct"] = nil
        }
        object["models"] = models
        let old = try JSONDecoder().decode(
            RolloutMeasures.self, from: JSONSerialization.data(withJSONObject: object))
        #expect(old.models["m"]?.labelled == 0 && old.models["m"]?.frames == 100)
    }

    @Test func fewFramesOnEitherSideAreNoVerdict() {
        let gates = RolloutGates(leastFrames: 100, p99Ratio: 1)
        let many = measures([Samples.record(1)])
        let few = measures([Samples.record(1, frames: 99, p99: 1_000)])
        for pair in [(many, few), (few, many), (RolloutMeasures(), many), (many, RolloutMeasures())] {
            let verdict = gates.verdict(of: [pair])
            #expect(verdict.findings.isEmpty && !verdict.missing.isEmpty)
        }
        #expect(!gates.verdict(of: []).missing.isEmpty)
    }

    /// A slow board that was hardly there before must not make the group look slow now.
    @Test func boardsWeighTheSameOnBothSides() throws {
        let gates = RolloutGates(leastFrames: 100, p99Ratio: 1.01)
        let fast = (measures([Samples.record(1, p99: 2)]), measures([Samples.record(2, p99: 2)]))
        let slow = (
            measures([Samples.record(1, frames: 10, p99: 200)]), measures([Samples.record(2, frames: 1_000, p99: 200)])
        )
        let verdict = gates.verdict(of: [fast, slow])
        #expect(verdict.violations.isEmpty, "\(verdict)")
        let finding = try #require(verdict.findings.first)
        #expect(abs(finding.past - finding.present) < 1e-9)
    }

    @Test func restartsAreThoseBeyondTheBoardsHabit() {
        let gates = RolloutGates(restartsPerBoard: 0.5)
        var present = measures([Samples.record(9)])
        present.restarts = 1
        let quiet = measures([Samples.record(1), Samples.record(2)])
        #expect(!gates.verdict(of: [(quiet, present)]).violations.isEmpty)
        // One restart in two seconds before lets half of one expect in the one second since.
        let restless = measures([Samples.record(1), Samples.record(1, incarnation: 2)])
        #expect(restless.restarts == 1)
        #expect(gates.verdict(of: [(restless, present)]).violations.isEmpty)
    }

    @Test func aViolationReturnsTheGroupAndRecordsOfBeforeDoNotCount() {
        let plan = RolloutPlan(
            name: "r", soakSeconds: 60, waitSeconds: 10, gates: RolloutGates(leastFrames: 100, p99Ratio: 1.5))
        var rollout = Samples.rollout(plan, groups: [["a"], ["b"]])
        let board = Samples.description("a")
        rollout.boardSeen(board.id, isConnected: true, incarnation: 1)
        #expect(rollout.clockRead(milliseconds: 1_000) == [.readPast([board.id])])
        rollout.pastRead(measures([Samples.record(1)]), of: board.id)
        _ = rollout.clockRead(milliseconds: 2_000)
        rollout.boardAcknowledged(board.id, order: 1, generation: 5)
        // Of the assignment before, and one told twice: neither is a verdict.
        rollout.telemetryReceived(Samples.record(2, generation: 4, frames: 1_000, p99: 1_000), from: board)
        rollout.telemetryReceived(Samples.record(3, generation: 5, frames: 60, p99: 1_000), from: board)
        rollout.telemetryReceived(Samples.record(3, generation: 5, frames: 60, p99: 1_000), from: board)
        _ = rollout.clockRead(milliseconds: 3_000)
        #expect(rollout.status == .running)
        rollout.telemetryReceived(Samples.record(4, generation: 5, frames: 60, p99: 1_000), from: board)
        let effects = rollout.clockRead(milliseconds: 4_000)
        #expect(effects.contains(.takeBack(board.id, order: 2)))
        #expect(rollout.status == .returning && rollout.reason.contains("p99Ratio of m: 1000 after 8"))
    }

    @Test func whatCannotBeJudgedIsAPersonsDecision() throws {
        let plan = RolloutPlan(
            name: "r", soakSeconds: 2, waitSeconds: 3, gates: RolloutGates(leastFrames: 100, p99Ratio: 1.5))
        var rollout = Samples.rollout(plan, groups: [["a"]])
        let id = Samples.id("a")
        _ = rollout.clockRead(milliseconds: 1_000)
        rollout.pastRead(RolloutMeasures(), of: id)
        rollout.boardSeen(id, isConnected: true, incarnation: 1)
        _ = rollout.clockRead(milliseconds: 2_000)
        rollout.boardAcknowledged(id, order: 1, generation: 1)
        for second in 3...7 { _ = rollout.clockRead(milliseconds: UInt64(second) * 1_000) }
        #expect(rollout.status == .paused && rollout.reason.contains("cannot be judged"))
        _ = try rollout.resumed()
        for second in 8...10 { _ = rollout.clockRead(milliseconds: UInt64(second) * 1_000) }
        #expect(rollout.status == .adopting)
    }
}
