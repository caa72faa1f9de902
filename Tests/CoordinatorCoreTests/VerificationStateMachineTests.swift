import CoordinatorCore
import FleetModel
import SearchSpace
import Testing
import WireProtocol

@Suite struct VerificationStateMachineTests {
    private typealias Machine = VerificationStateMachine<ContinuousClock.Instant>
    private static let sha256 = String(repeating: "ab", count: 32)
    private let start = ContinuousClock.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .milliseconds(Int(seconds * 1_000)) }

    private func board(_ name: String, of boardClass: String = "class", sha256: String? = sha256) throws
        -> BoardDescription
    {
        BoardDescription(
            id: try #require(BoardID(name)), boardClass: boardClass, labels: [:], cores: 1, memoryBytes: 1,
            engineVersion: "e",
            models: [
                DeployedModel(
                    name: try #require(ModelName("classifier")), framesPerSecond: 1, points: [],
                    supernetSHA256: sha256)
            ])
    }

    /// Two constraints of 10 and 20 ms; the candidates of each take 0.99, 0.9, 0.8 … of it.
    private func record(
        _ number: UInt64 = 1, of boardClass: String = "class", processor: String = "cpu"
    ) -> SearchRecord {
        let limits = [10.0, 20]
        var record = SearchRecord(
            job: SearchJob(
                name: "s\(number)", model: "classifier", boardClass: boardClass, processor: processor, space: "/s",
                accuracyPredictor: "/a", latencyTable: "/t",
                constraints: limits.map { .init(latencyMilliseconds: $0) }),
            text: "", number: number, submittedAtMilliseconds: 1)
        let points = limits.enumerated().map { constraint, limit in
            let alternatives = (0..<8).map { place in
                var subnet = SearchSpace.ofaMobileNetV3.smallest
                subnet.resolution = 100 + place
                subnet.depths[0] = 2 + constraint
                return SearchPoint.Alternative(
                    PredictedSubnet(
                        configuration: subnet, accuracy: 0.8 - 0.01 * Double(place),
                        latencyMilliseconds: limit * (0.98 - 0.08 * Double(place))), flops: 1e6)
            }
            return SearchPoint(
                constraint: constraint, configuration: alternatives[0].configuration, predictedAccuracy: 0.8,
                predictedLatencyMilliseconds: 0.98 * limit, flops: 1e6, memoryBytes: 1, relaxedTo: nil,
                generations: 1, evaluated: 1, candidates: [], alternatives: alternatives)
        }
        record.state = .verifying
        record.points = points
        record.outcome = SearchOutcome(
            softwareVersion: "1", seed: 1, inputs: [], engineVersion: nil, predictor: "p", predictorSpearman: nil,
            points: points, evaluated: 1, accuracyEvaluations: 1, supernetSHA256: Self.sha256)
        return record
    }

    private func orders(_ actions: [Machine.Action]) -> [(order: MeasureOrder, board: String)] {
        actions.compactMap { if case .send(let order, let board) = $0 { (order, board.rawValue) } else { nil } }
    }

    private func last(_ actions: [Machine.Action]) -> SearchVerification? {
        actions.compactMap { if case .report(let verification, _) = $0 { verification } else { nil } }.last
    }

    /// Answers every order at once with `factor` of what was predicted, until nothing is asked any more.
    private func answerAll(
        _ machine: inout Machine, _ record: SearchRecord, by board: BoardDescription, factor: Double,
        _ begun: [Machine.Action]
    ) throws -> [Machine.Action] {
        var all = begun
        var open = orders(begun)
        while let (order, _) = open.first {
            let predicted = record.points.flatMap { $0.alternatives ?? [] }
                .first { $0.configuration == order.subnet }?.predictedLatencyMilliseconds
            let answer = MeasureReport(number: order.number, .measured([factor * (try #require(predicted))]))
            let actions = machine.reportReceived(answer, from: board, [board], at: at(1), milliseconds: 9)
            all += actions
            open = orders(actions)
        }
        return all
    }

    @Test func aTableThatHoldsIsPublishedAfterOneMeasurementOfEachPoint() throws {
        var machine = Machine()
        let (record, edge) = (record(), try board("edge"))
        machine.begun(record)
        let all = try answerAll(
            &machine, record, by: edge, factor: 0.9,
            machine.timerFired([edge], at: at(0), milliseconds: 5))
        #expect(orders(all).count == 2 && machine.isIdle)
        let verification = try #require(last(all))
        #expect(verification.verified && verification.leftOut.isEmpty && verification.refusal == nil)
        #expect(verification.points.map(\.constraint) == [0, 1])
        #expect(verification.points.map(\.measurements) == [1, 1])
        #expect(zip(verification.points, [10, 20]).allSatisfy { $0.measuredLatencyMilliseconds < Double($1) })
        var kept = 0
        for case .keep(let measured) in all {
            kept += 1
            #expect(measured.boardClass == "class" && measured.supernetSHA256 == Self.sha256)
        }
        #expect(kept == 2)
    }

    /// The second point profits from what the first has shown: it is not measured in vain.
    @Test func slowerBoardsGetSmallerSubnets() throws {
        var machine = Machine()
        let (record, edge) = (record(), try board("edge"))
        machine.begun(record)
        let all = try answerAll(
            &machine, record, by: edge, factor: 1.3, machine.timerFired([edge], at: at(0), milliseconds: 5))
        let verification = try #require(last(all))
        #expect(verification.points.map(\.measurements) == [2, 1])
        #expect(zip(verification.points, [10, 20]).allSatisfy { $0.measuredLatencyMilliseconds < Double($1) })
    }

    @Test func whereNothingKeepsItsConstraintNothingIsPublished() throws {
        var machine = Machine()
        let (record, edge) = (record(), try board("edge"))
        machine.begun(record)
        let all = try answerAll(
            &machine, record, by: edge, factor: 50, machine.timerFired([edge], at: at(0), milliseconds: 5))
        let verification = try #require(last(all))
        #expect(!verification.verified)
        #expect(verification.refusal == "no point keeps its constraint where it was measured")
        #expect(verification.leftOut.map(\.constraint) == [0, 1])
        #expect(verification.leftOut.allSatisfy { $0.reason.hasPrefix("the fastest of 6 measured subnets takes") })
        #expect(orders(all).count == 12)
    }

    @Test func onlyBoardsOfTheClassWithTheSupernetAreAsked() throws {
        var machine = Machine()
        machine.begun(record())
        let others = [try board("a", of: "other"), try board("b", sha256: nil), try board("c", sha256: Self.sha256)]
        #expect(orders(machine.timerFired(others, at: at(0), milliseconds: 5)).map(\.board) == ["c"])
        var gpu = Machine()
        gpu.begun(record(processor: "gpu"))
        #expect(gpu.timerFired(others, at: at(0), milliseconds: 5).isEmpty)
    }

    @Test func anOrderIsSaidAgainUntilItIsAnswered() throws {
        var machine = Machine()
        let edge = try board("edge")
        machine.begun(record())
        let (order, _) = try #require(orders(machine.timerFired([edge], at: at(0), milliseconds: 5)).first)
        #expect(machine.timerFired([edge], at: at(1), milliseconds: 6).isEmpty)
        #expect(orders(machine.timerFired([edge], at: at(2), milliseconds: 7)).map(\.order) == [order])
        let working = MeasureReport(number: order.number, .working)
        #expect(machine.reportReceived(working, from: edge, [edge], at: at(11), milliseconds: 8).isEmpty)
        #expect(orders(machine.timerFired([edge], at: at(14), milliseconds: 9)).map(\.order) == [order])
    }

    @Test func aBoardThatFallsSilentOrGoesIsReplaced() throws {
        var machine = Machine()
        let (a, b) = (try board("a"), try board("b"))
        machine.begun(record())
        let first = try #require(orders(machine.timerFired([a, b], at: at(0), milliseconds: 5)).first)
        #expect(first.board == "a")
        let second = try #require(orders(machine.timerFired([a, b], at: at(12), milliseconds: 6)).first)
        #expect(second.board == "b" && second.order.subnet == first.order.subnet)
        #expect(second.order.number > first.order.number)
        // What the first says now is too late.
        let late = MeasureReport(number: first.order.number, .measured([1]))
        #expect(machine.reportReceived(late, from: a, [a, b], at: at(13), milliseconds: 7).isEmpty)
        // Nobody else is left, and after a while it is given up.
        #expect(machine.timerFired([a], at: at(13), milliseconds: 8).isEmpty)
        let over = try #require(last(machine.timerFired([], at: at(74), milliseconds: 9)))
        #expect(!over.verified && machine.isIdle)
        #expect(
            over.refusal == "no board of class class that is connected can measure classifier; b is not connected any "
                + "more")
        #expect(over.failures.map(\.reason) == ["did not answer", "is not connected any more"])
    }

    /// A board that was killed and is back goes on with the subnet that it was asked for.
    @Test func theOnlyBoardIsAskedAgainWhenItIsBack() throws {
        var machine = Machine()
        let edge = try board("edge")
        machine.begun(record())
        let first = try #require(orders(machine.timerFired([edge], at: at(0), milliseconds: 5)).first).order
        #expect(machine.timerFired([], at: at(1), milliseconds: 6).isEmpty)
        #expect(machine.timerFired([edge], at: at(3), milliseconds: 7).isEmpty, "not at once")
        let again = try #require(orders(machine.timerFired([edge], at: at(7), milliseconds: 8)).first).order
        #expect(again.subnet == first.subnet && again.number != first.number)
    }

    /// Three boards that cannot measure a subnet are enough: the next one's turn.
    @Test func aSubnetThatNoBoardCanMeasureIsPassedOver() throws {
        var machine = Machine()
        let boards = try ["a", "b", "c", "d"].map { try board($0) }
        machine.begun(record())
        var actions = machine.timerFired(boards, at: at(0), milliseconds: 5)
        let subnet = try #require(orders(actions).first).order.subnet
        for name in ["a", "b", "c"] {
            let (order, asked) = try #require(orders(actions).last)
            #expect(asked == name && order.subnet == subnet)
            let report = MeasureReport(number: order.number, .refused(reason: "too busy"))
            actions = machine.reportReceived(
                report, from: try board(name), boards, at: at(1), milliseconds: 6)
        }
        let next = try #require(orders(actions).last)
        #expect(next.board == "a" && next.order.subnet != subnet)
        #expect(last(actions)?.measurements.map(\.refusal) == ["too busy"])
    }

    @Test func reportsOfOtherBoardsOldNumbersAndDuplicatesChangeNothing() throws {
        var machine = Machine()
        let (a, b) = (try board("a"), try board("b"))
        machine.begun(record())
        let (order, _) = try #require(orders(machine.timerFired([a, b], at: at(0), milliseconds: 5)).first)
        let answer = MeasureReport(number: order.number, .measured([1]))
        #expect(machine.reportReceived(answer, from: b, [a, b], at: at(1), milliseconds: 6).isEmpty)
        let other = MeasureReport(number: order.number + 1, .measured([1]))
        #expect(machine.reportReceived(other, from: a, [a, b], at: at(1), milliseconds: 6).isEmpty)
        #expect(!machine.reportReceived(answer, from: a, [a, b], at: at(1), milliseconds: 6).isEmpty)
        #expect(machine.reportReceived(answer, from: a, [a, b], at: at(1), milliseconds: 6).isEmpty)
    }

    /// After a restart what was measured stands, and numbers are new ones.
    @Test func aRestartGoesOnWithWhatWasMeasured() throws {
        var first = Machine()
        let edge = try board("edge")
        var record = record()
        first.begun(record)
        let (order, _) = try #require(orders(first.timerFired([edge], at: at(0), milliseconds: 5)).first)
        let answer = MeasureReport(number: order.number, .measured([9]))
        let actions = first.reportReceived(answer, from: edge, [edge], at: at(1), milliseconds: 6)
        record.verification = try #require(last(actions))
        let open = try #require(orders(actions).first).order

        var second = Machine()
        second.begun(record)
        let again = try #require(orders(second.timerFired([edge], at: at(2), milliseconds: 1_000)).first).order
        #expect(again.subnet == open.subnet && again.number != open.number)
        let late = MeasureReport(number: open.number, .measured([1]))
        #expect(second.reportReceived(late, from: edge, [edge], at: at(3), milliseconds: 1_001).isEmpty)
        let answers = second.reportReceived(
            MeasureReport(number: again.number, .measured([15])), from: edge, [edge], at: at(3), milliseconds: 1_001)
        #expect(last(answers)?.verified == true)
        #expect(last(answers)?.measurements.count == 2)
    }

    @Test func aSearchWhoseBoardsAreAwayLetsOthersGoFirst() throws {
        var machine = Machine()
        let (near, edge) = (record(2), try board("edge"))
        machine.begun(record(1, of: "away"))
        machine.begun(near)
        let begun = machine.timerFired([edge], at: at(0), milliseconds: 5)
        #expect(orders(begun).map(\.board) == ["edge"])
        let all = try answerAll(&machine, near, by: edge, factor: 0.9, begun)
        #expect(last(all)?.verified == true && !machine.isIdle)
        // Its turn comes with its board.
        let late = try board("late", of: "away")
        #expect(orders(machine.timerFired([edge, late], at: at(30), milliseconds: 30)).map(\.board) == ["late"])
    }

    @Test func searchesWithoutBoardsWaitAllAtOnce() throws {
        var machine = Machine()
        for number in 1...4 as ClosedRange<UInt64> { machine.begun(record(number, of: "away")) }
        let edge = try board("edge")
        #expect(machine.timerFired([edge], at: at(0), milliseconds: 5).isEmpty)
        #expect(machine.timerFired([edge], at: at(59), milliseconds: 59).isEmpty)
        let over = machine.timerFired([edge], at: at(60), milliseconds: 60)
        #expect(over.count == 4 && machine.isIdle)
        #expect(last(over)?.refusal?.contains("no board of class away") == true)
    }

    /// A board that comes in time ends the wait: the next one is a whole one again.
    @Test func aWaitThatEndedIsForgotten() throws {
        var machine = Machine()
        let (edge, late) = (try board("edge"), try board("late", of: "away"))
        machine.begun(record(1))
        machine.begun(record(2, of: "away"))
        #expect(orders(machine.timerFired([edge], at: at(0), milliseconds: 1)).count == 1)
        _ = machine.timerFired([edge, late], at: at(1), milliseconds: 2)
        _ = machine.timerFired([edge], at: at(2), milliseconds: 3)
        machine.cancelled(1)
        #expect(machine.timerFired([edge], at: at(61), milliseconds: 61).isEmpty)
        #expect(last(machine.timerFired([edge], at: at(62), milliseconds: 62))?.refusal != nil)
    }

    @Test func cancellingForgetsTheOrderAndTheNextSearchGoesOn() throws {
        var machine = Machine()
        let edge = try board("edge")
        for number in [UInt64(1), 2] { machine.begun(record(number)) }
        let (order, _) = try #require(orders(machine.timerFired([edge], at: at(0), milliseconds: 5)).first)
        machine.cancelled(1)
        let answer = MeasureReport(number: order.number, .measured([1]))
        #expect(machine.reportReceived(answer, from: edge, [edge], at: at(1), milliseconds: 6).isEmpty)
        let next = machine.timerFired([edge], at: at(1), milliseconds: 7)
        #expect(orders(next).count == 1)
        machine.cancelled(2)
        #expect(machine.isIdle)
    }

    /// Messages are lost, doubled and late, boards come and go, the coordinator restarts: every search ends, and what
    /// is published was measured below its constraint, with six measurements of a point at most.
    @Test(arguments: [UInt64(21), 22, 23, 24, 25, 26])
    func everySearchEndsWhateverIsLost(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let boards = try ["a", "b", "c"].map { try board($0) }
        let factor = Double.random(in: 0.7...1.6, using: &generator)
        var machine = Machine()
        var record = record()
        machine.begun(record)
        var late: [(BoardDescription, MeasureReport)] = []
        var now = 0.0
        while record.verification?.isOver != true {
            now += 1
            #expect(now < 50_000, "seed \(seed): it does not end")
            if now > 49_999 { return }
            let here = boards.filter { _ in Double.random(in: 0...1, using: &generator) < 0.97 }
            var actions = machine.timerFired(here, at: at(now), milliseconds: UInt64(now * 1_000))
            late.shuffle(using: &generator)
            for (board, report) in late.prefix(2) {
                actions += machine.reportReceived(
                    report, from: board, here, at: at(now), milliseconds: UInt64(now * 1_000))
            }
            late.removeFirst(min(late.count, Bool.random(using: &generator) ? 2 : 1))
            for case .report(let verification, _) in actions { record.verification = verification }
            for (order, name) in orders(actions) where Double.random(in: 0...1, using: &generator) < 0.7 {
                guard let board = boards.first(where: { $0.id.rawValue == name }),
                    let subnet = record.points.flatMap({ $0.alternatives ?? [] })
                        .first(where: { $0.configuration == order.subnet })
                else { continue }
                let milliseconds = factor * subnet.predictedLatencyMilliseconds
                let content: MeasureReport.Content =
                    Double.random(in: 0...1, using: &generator) < 0.1
                    ? .refused(reason: "busy") : .measured([milliseconds])
                late += [(board, MeasureReport(number: order.number, content))]
                if Bool.random(using: &generator) { late.append((board, MeasureReport(number: order.number, content))) }
            }
            if Double.random(in: 0...1, using: &generator) < 0.02, record.verification?.isOver != true {
                machine = Machine()
                machine.begun(record)
            }
        }
        let verification = try #require(record.verification)
        for point in verification.points {
            let limit = try #require(record.job.constraints[point.constraint].latencyMilliseconds)
            #expect(point.measuredLatencyMilliseconds < limit, "seed \(seed)")
        }
        for constraint in 0..<2 {
            #expect(verification.measurements.count { $0.constraint == constraint } <= 6, "seed \(seed)")
        }
    }
}
