import CoordinatorCore
import FleetModel
import SearchSpace
import Testing

@Suite struct SearchQueueTests {
    private func job(_ name: String, seed: UInt64 = 1) -> SearchJob {
        SearchJob(
            name: name, model: "classifier", boardClass: "class", processor: "cpu", space: "ofa-mbv3",
            accuracyPredictor: "/a", latencyTable: "/t", constraints: [.init(latencyMilliseconds: 5), .init(flops: 6)],
            seed: seed)
    }

    private func point(_ constraint: Int) -> SearchPoint {
        SearchPoint(
            constraint: constraint, configuration: SearchSpace.ofaMobileNetV3.smallest, predictedAccuracy: 0.7,
            predictedLatencyMilliseconds: 4, flops: 5, memoryBytes: 6, relaxedTo: nil, generations: 7, evaluated: 8,
            candidates: [])
    }

    private var outcome: SearchOutcome {
        SearchOutcome(
            softwareVersion: "1", seed: 1, inputs: [], engineVersion: nil, predictor: "p", predictorSpearman: nil,
            points: [point(0), point(1)], evaluated: 9, accuracyEvaluations: 8,
            verification: SearchVerification(against: "boards", refusal: "none has it"))
    }

    private func states(_ queue: SearchQueue) -> [String] { queue.records.map { "\($0.name) \($0.state)" } }

    private func runs(_ actions: [SearchQueue.Action]) -> [String] {
        actions.compactMap { if case .run(let record) = $0 { record.name } else { nil } }
    }

    @Test func oneRunsAtATimeInTheOrderOfApplication() throws {
        var queue = SearchQueue(records: [])
        var actions = try queue.submitted(job("b"), text: "text", atMilliseconds: 1)
        #expect(runs(actions) == ["b"])
        #expect(runs(try queue.submitted(job("a"), text: "", atMilliseconds: 2)).isEmpty)
        #expect(runs(try queue.submitted(job("c"), text: "", atMilliseconds: 3)).isEmpty)
        #expect(states(queue) == ["b running", "a queued", "c queued"])

        actions = queue.reported(.found(point(1)), of: 1, atMilliseconds: 4)
        #expect(queue.records[0].points.map(\.constraint) == [1])
        actions = queue.reported(.finished(outcome), of: 1, atMilliseconds: 5)
        #expect(runs(actions) == ["a"])
        #expect(queue.records[0].outcome == outcome && queue.records[0].finishedAtMilliseconds == 5)
        actions = queue.reported(.failed("why"), of: 2, atMilliseconds: 6)
        #expect(runs(actions) == ["c"])
        #expect(queue.records[1].failure == "why")
        #expect(states(queue) == ["b done", "a failed", "c running"])
    }

    /// A record is durable in the state in which its search runs before it runs.
    @Test func recordsAreSavedBeforeTheyRun() throws {
        var queue = SearchQueue(records: [])
        let actions = try queue.submitted(job("a"), text: "text", atMilliseconds: 1)
        let run = try #require(actions.firstIndex { if case .run = $0 { true } else { false } })
        #expect(actions[..<run].contains(.save(queue.records[0])))
        #expect(queue.records[0].state == .running && queue.records[0].text == "text")
    }

    @Test func repeatedAndLateReportsChangeNothing() throws {
        var queue = SearchQueue(records: [])
        _ = try queue.submitted(job("a"), text: "", atMilliseconds: 1)
        _ = queue.reported(.found(point(0)), of: 1, atMilliseconds: 2)
        #expect(queue.reported(.found(point(0)), of: 1, atMilliseconds: 3).isEmpty)
        _ = try queue.cancelled("a", atMilliseconds: 4)
        let cancelled = queue.records
        #expect(queue.reported(.finished(outcome), of: 1, atMilliseconds: 5).isEmpty)
        #expect(queue.reported(.found(point(1)), of: 1, atMilliseconds: 5).isEmpty)
        #expect(queue.reported(.failed(""), of: 99, atMilliseconds: 5).isEmpty)
        #expect(queue.records == cancelled)

        // The name again: what the first run still says is not the second's.
        _ = try queue.submitted(job("a", seed: 2), text: "", atMilliseconds: 6)
        #expect(queue.records.map(\.number) == [2])
        #expect(queue.reported(.finished(outcome), of: 1, atMilliseconds: 7).isEmpty)
        #expect(states(queue) == ["a running"])
    }

    @Test func cancellingStopsWhatRunsAndLetsTheNextRun() throws {
        var queue = SearchQueue(records: [])
        for name in ["a", "b", "c"] { _ = try queue.submitted(job(name), text: "", atMilliseconds: 1) }
        #expect(!(try queue.cancelled("b", atMilliseconds: 2)).contains { if case .stop = $0 { true } else { false } })
        let actions = try queue.cancelled("a", atMilliseconds: 3)
        #expect(actions.contains(.stop(1)))
        #expect(runs(actions) == ["c"])
        #expect(states(queue) == ["a cancelled", "b cancelled", "c running"])
        #expect(throws: SearchQueue.Refusal.self) { try queue.cancelled("a", atMilliseconds: 4) }
        #expect(throws: SearchQueue.Refusal.self) { try queue.cancelled("absent", atMilliseconds: 4) }
    }

    @Test func aNameIsFreeOnceItsSearchIsOver() throws {
        var queue = SearchQueue(records: [])
        _ = try queue.submitted(job("a"), text: "", atMilliseconds: 1)
        let refusal = #expect(throws: SearchQueue.Refusal.self) {
            try queue.submitted(job("a"), text: "", atMilliseconds: 2)
        }
        #expect(refusal?.description == "search a is running; cancel it first")
        _ = queue.reported(.finished(outcome), of: 1, atMilliseconds: 3)
        _ = try queue.submitted(job("a"), text: "", atMilliseconds: 4)
        #expect(queue.records.count == 1 && queue.records[0].outcome == nil)
    }

    @Test func aRestartBeginsAnewWithWhatRan() throws {
        var queue = SearchQueue(records: [])
        for name in ["a", "b"] { _ = try queue.submitted(job(name), text: "", atMilliseconds: 1) }
        _ = queue.reported(.found(point(0)), of: 1, atMilliseconds: 2)
        var again = SearchQueue(records: queue.records)
        let actions = again.started(atMilliseconds: 9)
        #expect(runs(actions) == ["a"])
        #expect(states(again) == ["a running", "b queued"])
        #expect(again.records[0].points.isEmpty && again.records[0].startedAtMilliseconds == 9)
        #expect(again.records[0].job == job("a"))
    }

    @Test func beyondTheLimitTheOldestThatIsOverGoes() throws {
        var queue = SearchQueue(records: [], limit: 2)
        for name in ["a", "b"] { _ = try queue.submitted(job(name), text: "", atMilliseconds: 1) }
        #expect(throws: SearchQueue.Refusal.self) { try queue.submitted(job("c"), text: "", atMilliseconds: 2) }
        _ = queue.reported(.finished(outcome), of: 1, atMilliseconds: 3)
        let actions = try queue.submitted(job("c"), text: "", atMilliseconds: 4)
        #expect(actions.first == .forget("a"))
        #expect(states(queue) == ["b running", "c queued"])
    }

    @Test func aDriftThatBreaksAPointSearchesAgainWithACorrectedTable() throws {
        var queue = SearchQueue(records: [])
        _ = try queue.submitted(job("a"), text: "text", atMilliseconds: 1)
        #expect(queue.drifted("a", by: 2, atMilliseconds: 2).isEmpty, "it has no points yet")
        _ = queue.reported(.finished(outcome), of: 1, atMilliseconds: 3)

        // 4 ms of 5 still hold.
        let actions = queue.drifted("a", by: 1.2, atMilliseconds: 4)
        #expect(runs(actions).isEmpty && actions.first == .save(queue.records[0]))
        #expect(queue.records[0].state == .done && queue.records[0].job.latencyScale == 1.2)
        #expect(abs(queue.records[0].points[0].predictedLatencyMilliseconds - 4.8) < 1e-12)

        #expect(runs(queue.drifted("a", by: 1.2, atMilliseconds: 5)) == ["a"])
        #expect(queue.records[0].job.latencyScale.map { abs($0 - 1.44) < 1e-12 } == true)
        #expect(queue.records[0].text == "text" && queue.records[0].state == .running)
        #expect(queue.drifted("absent", by: 2, atMilliseconds: 6).isEmpty)
    }

    @Test func aCorrectionOfOperatorsIsKeptWithTheJob() throws {
        var queue = SearchQueue(records: [])
        _ = try queue.submitted(job("a"), text: "", atMilliseconds: 1)
        _ = queue.reported(.finished(outcome), of: 1, atMilliseconds: 3)
        let before = queue.records
        for scale in [0, Double.nan, 1e4] {
            let none = SearchQueue.Correction(scale: 1, groups: ["kernel 3": scale], latencies: [:])
            #expect(queue.corrected("a", by: none, atMilliseconds: 4).isEmpty)
        }
        #expect(queue.records == before)

        let correction = SearchQueue.Correction(
            scale: 1.1, groups: ["kernel 3": 1, "kernel 7": 1.5], latencies: [0: 4.5, 1: 6])
        let actions = queue.corrected("a", by: correction, atMilliseconds: 4)
        #expect(runs(actions).isEmpty && queue.records[0].state == .done)
        #expect(queue.records[0].job.operatorScales == ["kernel 3": 1, "kernel 7": 1.5])
        #expect(queue.records[0].points.map(\.predictedLatencyMilliseconds) == [4.5, 6])
        // A later common factor is on top.
        _ = queue.drifted("a", by: 2, atMilliseconds: 5)
        #expect(queue.records[0].job.operatorScales == ["kernel 3": 2, "kernel 7": 3])
        #expect(queue.records[0].state == .running)
    }

    /// Found points are verified beside the next search, and a restart goes on with it.
    @Test func aFoundSearchIsVerifiedWhileTheNextRuns() throws {
        var queue = SearchQueue(records: [])
        for name in ["a", "b"] { _ = try queue.submitted(job(name), text: "", atMilliseconds: 1) }
        var found = outcome
        found.verification = nil
        let actions = queue.reported(.finished(found), of: 1, atMilliseconds: 2)
        #expect(actions.contains(.verify(queue.records[0])) && runs(actions) == ["b"])
        #expect(states(queue) == ["a verifying", "b running"])
        #expect(throws: SearchQueue.Refusal.self) { try queue.submitted(job("a"), text: "", atMilliseconds: 3) }

        var verification = SearchVerification(against: SearchVerification.boards)
        verification.leftOut = [.init(constraint: 0, reason: "slow")]
        #expect(queue.reported(.measured(verification), of: 1, atMilliseconds: 3) == [.save(queue.records[0])])
        var again = SearchQueue(records: queue.records)
        #expect(again.started(atMilliseconds: 4).contains(.verify(queue.records[0])))
        #expect(again.records[0].verification == verification)

        verification.verified = true
        _ = again.reported(.measured(verification), of: 1, atMilliseconds: 5)
        #expect(again.records[0].state == .verified && again.records[0].finishedAtMilliseconds == 5)
        let late = again.records
        #expect(again.reported(.measured(verification), of: 1, atMilliseconds: 6).isEmpty)
        #expect(again.records == late)
    }

    /// What was relaxed keeps what it was relaxed to, and not what was asked.
    @Test func relaxedPointsAreToldFromThoseThatKeepWhatWasAsked() throws {
        var queue = SearchQueue(records: [])
        _ = try queue.submitted(job("a"), text: "", atMilliseconds: 1)
        var found = outcome
        found.verification = nil
        found.points[1].relaxedTo = 9
        _ = queue.reported(.finished(found), of: 1, atMilliseconds: 2)
        var verification = SearchVerification(against: SearchVerification.boards)
        verification.verified = true
        verification.points = found.points.map {
            .init(
                constraint: $0.constraint, configuration: $0.configuration, predictedAccuracy: 0.7,
                predictedLatencyMilliseconds: 4, measuredLatencyMilliseconds: 4, flops: 5, measurements: 1)
        }
        let actions = queue.reported(.measured(verification), of: 1, atMilliseconds: 3)
        #expect(
            actions.last
                == .record(
                    "search a is verified: 2 points keep their constraints where measured, 1 of them a relaxed one"))
    }

    @Test func constraintsWithoutASubnetAreToldWithTheResult() throws {
        var queue = SearchQueue(records: [])
        _ = try queue.submitted(job("a"), text: "", atMilliseconds: 1)
        var found = outcome
        found.unmet = [.init(constraint: 1, reason: "none is so small")]
        let actions = queue.reported(.finished(found), of: 1, atMilliseconds: 2)
        let told = actions.compactMap { if case .record(let sentence) = $0 { sentence } else { nil } }
        #expect(told.contains { $0.contains("1 constraint that no subnet keeps") }, "\(told)")
        #expect(queue.records[0].outcome?.unmet == found.unmet)
    }

    @Test func whatCannotBeVerifiedIsDoneAndSaysSo() throws {
        var queue = SearchQueue(records: [])
        _ = try queue.submitted(job("a"), text: "", atMilliseconds: 1)
        var found = outcome
        found.verification = nil
        _ = queue.reported(.finished(found), of: 1, atMilliseconds: 2)
        let actions = queue.reported(
            .measured(SearchVerification(against: "boards", refusal: "no board")), of: 1, atMilliseconds: 3)
        #expect(actions.last == .record("search a is done: 2 points, not verified: no board"))
        #expect(queue.records[0].state == .done)

        _ = try queue.submitted(job("b"), text: "", atMilliseconds: 4)
        _ = queue.reported(.finished(found), of: 2, atMilliseconds: 5)
        #expect(try queue.cancelled("b", atMilliseconds: 6).contains(.stopVerifying(2)))
    }

    @Test func aDriftBeyondBeliefChangesNothing() throws {
        var queue = SearchQueue(records: [])
        _ = try queue.submitted(job("a"), text: "", atMilliseconds: 1)
        _ = queue.reported(.finished(outcome), of: 1, atMilliseconds: 3)
        let before = queue.records
        for ratio in [1e3, 1e-3, .nan, .infinity, 0, -1] {
            #expect(queue.drifted("a", by: ratio, atMilliseconds: 4).isEmpty)
        }
        #expect(queue.records == before)
    }

    /// Any order of wishes and reports leaves at most one running, none lost, and numbers distinct.
    @Test(arguments: [UInt64(11), 12, 13, 14])
    func randomEventsKeepTheQueueSound(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var queue = SearchQueue(records: [], limit: 5)
        for step in 0..<2_000 {
            let name = "s\(UInt64.random(in: 0..<7, using: &generator))"
            let number = UInt64.random(in: 0...(queue.records.map(\.number).max() ?? 0), using: &generator)
            let now = UInt64(step)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0, 1: _ = try? queue.submitted(job(name), text: "", atMilliseconds: now)
            case 2: _ = try? queue.cancelled(name, atMilliseconds: now)
            case 3: _ = queue.reported(.finished(outcome), of: number, atMilliseconds: now)
            case 4: _ = queue.reported(.found(point(Int(number % 2))), of: number, atMilliseconds: now)
            default:
                queue = SearchQueue(records: queue.records, limit: 5)
                _ = queue.started(atMilliseconds: now)
            }
            let records = queue.records
            let running = records.filter { $0.state == .running }
            #expect(running.count <= 1)
            #expect(running.count == 1 || !records.contains { $0.state == .queued }, "seed \(seed), step \(step)")
            #expect(Set(records.map(\.number)).count == records.count)
            #expect(records.count <= 5)
            #expect(records.allSatisfy { $0.state != .done || $0.outcome != nil })
        }
    }
}
