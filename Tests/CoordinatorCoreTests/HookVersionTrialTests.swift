import FleetModel
import HookSharing
import Testing
import WireProtocol

@testable import CoordinatorCore

/// Four boards learn together; a version goes to one, then another, then two. Each is watched for 60 s.
@Suite struct HookVersionTrialTests {
    private static let settings: SharingFixture.Machine.Settings = {
        var settings = SharingFixture.Machine.Settings()
        (settings.enough, settings.watch) = (4, .seconds(60))
        return settings
    }()

    /// A second of a model with hooks.
    private func record(
        _ sequence: UInt64, correct: UInt32 = 45, p50: Double = 4, violations: UInt32 = 1, incarnation: UInt64 = 1,
        taken: UInt64? = nil
    ) -> TelemetryRecord {
        var record = Samples.record(sequence, incarnation: incarnation)
        record.models[0].frames = 50
        (record.models[0].labelled, record.models[0].correct) = (50, correct)
        (record.models[0].p50Milliseconds, record.models[0].p99Milliseconds) = (p50, 2 * p50)
        record.models[0].violations = violations
        record.models[0].hooks = HookTelemetry(
            state: .deciding, budget: 0.1,
            kinds: taken.map { [.init(name: "skip", taken: $0, possible: 50)] } ?? [], samples: 0, trainings: 0,
            failedTrainings: 0,
            samplingInterval: 0, reason: "", zeroShare: nil, zeros: nil)
        return record
    }

    private func hear(
        _ fleet: inout SharingFixture, _ boards: ClosedRange<Int>, seconds: Int, correct: UInt32 = 45, p50: Double = 4,
        taken: UInt64? = nil
    ) throws {
        for second in 1...seconds {
            for board in boards {
                fleet.machine.telemetryHeard(
                    [record(UInt64(second), correct: correct, p50: p50, taken: taken)],
                    from: try SharingFixture.board(board))
            }
            fleet.pass(.seconds(1))
        }
    }

    /// With a past of 30 s.
    private func fleet() throws -> SharingFixture {
        var fleet = SharingFixture(Self.settings)
        try fleet.join(1...4)
        try hear(&fleet, 1...4, seconds: 30)
        try fleet.makeVersion(1, base: 0, update: 1)
        return fleet
    }

    private func use(_ version: UInt64, _ boards: ClosedRange<Int>, _ fleet: inout SharingFixture) throws {
        for board in boards { try fleet.say(.joined(parameters: 4, gates: 1, version: version), board) }
    }

    @Test func aVersionGoesToOneThenToOthersThenToAll() throws {
        var fleet = try fleet()
        let boards = try (1...4).map(SharingFixture.board)
        #expect(fleet.announced(1, isCandidate: false) == [boards[0]])
        #expect(fleet.state?.trial?.groups.map(\.count) == [1, 1, 2] && fleet.state?.current == 1)
        // A board that comes back meanwhile is not reached yet.
        try use(0, 3...3, &fleet)
        #expect(fleet.announced(1, isCandidate: false) == [boards[0]])
        try use(1, 1...1, &fleet)
        try hear(&fleet, 1...4, seconds: 59)
        #expect(fleet.announced(1, isCandidate: false) == [boards[0]])
        try hear(&fleet, 1...4, seconds: 2)
        #expect(fleet.announced(1, isCandidate: false) == [boards[0], boards[1]])
        try use(1, 2...2, &fleet)
        try hear(&fleet, 1...4, seconds: 61)
        #expect(Set(fleet.announced(1, isCandidate: false)) == Set(boards))
        try use(1, 3...4, &fleet)
        try hear(&fleet, 1...4, seconds: 61)
        #expect(fleet.state?.trial == nil && fleet.state?.current == 1)
        #expect(fleet.events.last?.text.hasSuffix("version 1 is on all boards") == true)
    }

    @Test(arguments: [(UInt32(40), 4.0), (45, 6.0)])
    func aVersionThatDoesWorseIsTakenBack(correct: UInt32, p50: Double) throws {
        var fleet = try fleet()
        try use(1, 1...1, &fleet)
        fleet.forgetSpoken()
        try hear(&fleet, 1...1, seconds: 10, correct: correct, p50: p50)
        #expect(fleet.state?.current == 0 && fleet.state?.trial == nil)
        #expect(fleet.events.map(\.kind) == [.hookVersionTakenBack])
        #expect(fleet.announced(0, isCandidate: false) == [try SharingFixture.board(1)])
        #expect(fleet.view?.lineage.contains(1) == false)
        // The next one starts from the version before, and gets a number of its own.
        try use(0, 1...1, &fleet)
        try fleet.makeVersion(2, base: 0, update: 2)
        #expect(fleet.versions.last?.number == 2 && fleet.versions.last?.parent == 0)
    }

    /// A board that is slower for another reason than its gates keeps the version: they leave out as much as before.
    @Test(arguments: [(UInt64(20), true), (25, true), (15, false)])
    func aBusyBoardTakesNoVersionBack(taken: UInt64, isKept: Bool) throws {
        var fleet = SharingFixture(Self.settings)
        try fleet.join(1...4)
        try hear(&fleet, 1...4, seconds: 30, taken: 20)
        try fleet.makeVersion(1, base: 0, update: 1)
        try use(1, 1...1, &fleet)
        try hear(&fleet, 1...1, seconds: 10, p50: 12, taken: taken)
        #expect((fleet.state?.current == 1) == isKept)
        // What it answers is judged all the same.
        try hear(&fleet, 1...1, seconds: 10, correct: 30, p50: 12, taken: taken)
        #expect(fleet.state?.current == 0)
    }

    @Test func whileOneIsOnTrialNothingIsMergedAndAPersonCanEndIt() throws {
        var fleet = try fleet()
        for board in 1...4 { try fleet.send([1, 0, 0, 0], board, number: 2) }
        fleet.pass(.seconds(1))
        #expect(fleet.view?.candidate == nil)
        try fleet.rollBack(to: 0)
        #expect(fleet.state?.trial == nil && fleet.state?.current == 0)
    }

    @Test func withNothingToJudgeByItTakesTenTimesAsLong() throws {
        var fleet = SharingFixture(Self.settings)
        try fleet.join(1...4)
        try fleet.makeVersion(1, base: 0, update: 1)
        fleet.pass(.seconds(599))
        #expect(Set(fleet.announced(1, isCandidate: false)).count == 1)
        fleet.pass(.seconds(2))
        #expect(Set(fleet.announced(1, isCandidate: false)).count == 2)
        #expect(fleet.events.last?.text.contains("nothing to judge it by") == true)
    }

    /// Frames without labels, alike in latency: what boards held back says that the version before was better.
    @Test func aVersionThatItsUsersFindWorseIsTakenBackWithoutLabels() throws {
        var fleet = try fleet()
        let first = try SharingFixture.board(1)
        try use(1, 1...1, &fleet)
        fleet.forgetSpoken()
        try hear(&fleet, 1...1, seconds: 29)
        #expect(fleet.announced(0, isCandidate: true).isEmpty)
        try hear(&fleet, 1...1, seconds: 2)
        #expect(fleet.announced(0, isCandidate: true) == [first], "asked once")
        // What the version before is worth is there to be fetched, though it is the start.
        try fleet.say(.wanted(version: 0, part: 0), 1)
        #expect(fleet.sent.last?.order == .part(version: 0, part: 0, values: [0, 0, 0, 0]))
        // A board that was not asked has no say.
        try fleet.score(0, 2, loss: 0.1)
        fleet.pass(.seconds(1))
        #expect(fleet.state?.current == 1)
        try fleet.score(0, 1, loss: 0.1)
        fleet.pass(.seconds(1))
        #expect(fleet.state?.current == 0 && fleet.state?.trial == nil)
        #expect(fleet.events.map(\.kind) == [.hookVersionTakenBack])
        #expect(fleet.events.last?.text.contains("held back it is worse by 100.0 %") == true)
    }

    /// So that a board that always finds fault keeps away some versions and not all.
    @Test func eachVersionBeginsWithAnotherBoard() throws {
        var fleet = try fleet()
        for number in 2...6 as ClosedRange<UInt64> {
            try use(0, 1...4, &fleet)
            try fleet.rollBack(to: 0)
            try fleet.makeVersion(number, base: 0, update: number)
            let first = try SharingFixture.board(Int((number - 1) % 4) + 1)
            #expect(fleet.state?.trial?.groups.first == [first], "version \(number)")
        }
    }

    @Test func aVersionThatItsUsersFindNoWorseGoesOn() throws {
        var fleet = try fleet()
        try use(1, 1...1, &fleet)
        try hear(&fleet, 1...4, seconds: 31)
        try fleet.score(0, 1, loss: 0.25)
        try hear(&fleet, 1...4, seconds: 30)
        #expect(fleet.state?.trial?.current == 1 && fleet.state?.current == 1)
        // The next group is asked for itself.
        try use(1, 2...2, &fleet)
        try hear(&fleet, 1...4, seconds: 31)
        #expect(Set(fleet.announced(0, isCandidate: true)) == Set(try (1...2).map(SharingFixture.board)))
    }

    /// What boards had told before is known after a restart; what comes before they say that they use it is neither.
    @Test(arguments: [UInt32(45), 40]) func aPastThatIsRecalledJudgesAfterARestart(correct: UInt32) throws {
        var fleet = try fleet()
        let first = try SharingFixture.board(1)
        try use(1, 1...1, &fleet)
        fleet.restart(Self.settings)
        let trials = fleet.machine.trials
        #expect(trials.map(\.group) == [SharingFixture.group] && trials.first?.boards.count == 4)
        fleet.machine.pastRecalled((1...30).map { record($0) }, of: first, in: SharingFixture.group)
        fleet.pass(.seconds(1))
        fleet.machine.telemetryHeard([record(31, correct: 0)], from: first)
        try use(1, 1...1, &fleet)
        try use(0, 2...4, &fleet)
        try hear(&fleet, 1...1, seconds: 20, correct: correct)
        #expect(fleet.state?.current == (correct == 45 ? 1 : 0))
        try hear(&fleet, 1...1, seconds: 41, correct: correct)
        #expect(fleet.state?.trial?.current == (correct == 45 ? 1 : nil), "watched for as long as ever")
    }

    @Test func aRestartGoesOnWithTheGroupThatWasWatched() throws {
        var fleet = try fleet()
        try use(1, 1...1, &fleet)
        fleet.restart(Self.settings)
        fleet.forgetSpoken()
        try use(1, 1...1, &fleet)
        try use(0, 2...4, &fleet)
        #expect(fleet.announced(1, isCandidate: false).isEmpty)
        fleet.pass(.seconds(1))
        fleet.pass(.seconds(601))
        #expect(fleet.announced(1, isCandidate: false) == [try SharingFixture.board(2)])
    }
}
