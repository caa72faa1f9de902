import FleetModel
import HookSharing
import Testing
import WireProtocol

@testable import CoordinatorCore

/// A coordinator's machine with a disk that performs its actions at once.
struct SharingFixture {
    typealias Machine = HookSharingStateMachine<ContinuousClock.Instant>
    static let model = String(repeating: "1", count: 64)
    static let hook = String(repeating: "2", count: 64)
    static let group = SharingGroup(boardClass: "test", modelSHA256: model, hookSHA256: hook)

    var machine: Machine
    var now = ContinuousClock.now
    var isDiskFull = false
    private(set) var sent: [(order: GateOrder.Content, board: BoardID)] = []
    private(set) var events: [(kind: FleetEvent.Kind, board: BoardID?, text: String)] = []
    // On disk.
    private(set) var state: SharingState?
    private(set) var versions: [HookVersion] = []
    private(set) var updates: [BoardID: GateUpdate] = [:]
    private(set) var numbers: [BoardID: UInt64] = [:]

    /// Four updates are a merge, however many boards there are, and a version goes to all of them.
    static var four: Machine.Settings {
        var settings = Machine.Settings()
        (settings.enough, settings.watch) = (4, .zero)
        return settings
    }

    init(_ settings: Machine.Settings = four) {
        machine = Machine(settings: settings, stored: [], at: .now)
    }

    static func board(_ number: Int) throws -> BoardID { try #require(BoardID("board-\(number)")) }

    mutating func say(_ content: GateReport.Content, _ board: Int, boardClass: String = "test") throws {
        let report = GateReport(modelSHA256: Self.model, hookSHA256: Self.hook, content)
        perform(
            machine.reportReceived(
                report, from: try Self.board(board), of: boardClass, at: now, milliseconds: 1_000))
    }

    mutating func join(_ boards: ClosedRange<Int>, parameters: Int = 4) throws {
        for board in boards { try say(.joined(parameters: parameters, gates: 1, version: 0), board) }
    }

    mutating func send(
        _ delta: [Float], _ board: Int, number: UInt64 = 1, base: UInt64 = 0, samples: UInt64 = 100
    ) throws {
        for part in 0..<SharingLimits.partCount(delta.count) {
            let range = SharingLimits.range(of: part, parameters: delta.count)
            try say(
                .part(
                    GateUpdatePart(
                        number: number, baseVersion: base, samples: samples, loss: 0.2, parameters: delta.count,
                        part: part, values: Array(delta[range]))), board)
        }
    }

    mutating func score(_ version: UInt64, _ board: Int, loss: Double = 0.1) throws {
        let gate = GateScore(
            samples: 60, loss: loss, constantLoss: 0.4, acceptedDamage: 0.01, acceptedPrediction: 0.02)
        try say(.scored(version: version, samples: 60, loss: loss, lossBefore: 0.2, gates: [gate]), board)
    }

    mutating func pass(_ duration: Duration) {
        now = now.advanced(by: duration)
        perform(machine.timerFired(at: now, milliseconds: 2_000))
    }

    mutating func rollBack(to version: UInt64?) throws {
        perform(try machine.rolledBack(Self.group, to: version, at: now))
    }

    mutating func restart(_ settings: Machine.Settings = four) {
        let stored = state.map {
            Machine.Stored(state: $0, versions: versions, updates: Array(updates.values), numbers: numbers)
        }
        machine = Machine(settings: settings, stored: stored.map { [$0] } ?? [], at: now)
    }

    mutating func forgetSpoken() { (sent, events) = ([], []) }

    private mutating func perform(_ actions: [Machine.Action]) {
        for action in actions {
            switch action {
            case .send(.gateOrder(let order), let board): sent.append((order.content, board))
            case .send: Issue.record("says something else")
            case .record(let kind, let board, let text): events.append((kind, board, text))
            case .saveState(let state): if !isDiskFull { self.state = state }
            case .saveUpdate(let update, let group):
                guard !isDiskFull else { continue }
                (updates[update.board], numbers[update.board]) = (update, update.number)
                perform(machine.updatePersisted(update, group, at: now, milliseconds: 1_000))
            case .saveVersion(let version, let state, let merged):
                guard !isDiskFull else { continue }
                versions.append(version)
                forget(merged, state)
                perform(machine.versionPersisted(version, state, at: now))
            case .dropUpdates(let merged, let state): if !isDiskFull { forget(merged, state) }
            }
        }
    }

    private mutating func forget(_ merged: [BoardID: UInt64], _ state: SharingState) {
        self.state = state
        for (board, number) in merged where updates[board].map({ $0.number <= number }) == true {
            updates[board] = nil
        }
    }

    var view: Machine.View? { machine.views.first }

    /// Boards that were told of a version or candidate, by version.
    func announced(_ number: UInt64, isCandidate: Bool) -> [BoardID] {
        sent.compactMap { content, board in
            guard case .announced(number, isCandidate, _, _) = content else { return nil }
            return board
        }
    }

    /// A version is made by four boards.
    mutating func makeVersion(_ number: UInt64, base: UInt64, change: Float = 1, update: UInt64) throws {
        for board in 1...4 { try send([change, 0, 0, change], board, number: update, base: base) }
        for board in 1...4 { try score(number, board) }
    }
}

extension SharingFixture.Machine.Settings {
    /// A version goes to all boards at once.
    static var unstaged: Self {
        var settings = Self()
        settings.watch = .zero
        return settings
    }
}

@Suite struct HookSharingStateMachineTests {
    @Test func enoughUpdatesAreMergedJudgedAndAnnounced() throws {
        var fleet = SharingFixture()
        try fleet.join(1...6)
        for board in 1...3 { try fleet.send([1, 2, 0, 0], board) }
        #expect(fleet.view?.candidate == nil && fleet.updates.count == 3)
        try fleet.send([1, 2, 0, 0], 4)
        #expect(fleet.announced(1, isCandidate: true).count == 6)
        #expect(fleet.versions.isEmpty)
        for board in 1...6 { try fleet.score(1, board) }
        let version = try #require(fleet.versions.first)
        #expect(version.values == [1, 2, 0, 0] && version.parent == 0)
        #expect(version.provenance.samples == 400 && version.provenance.validators.count == 6)
        #expect(version.provenance.gates == [version.provenance.gates[0]])
        #expect(fleet.announced(1, isCandidate: false).count == 6)
        #expect(fleet.updates.isEmpty && fleet.state?.current == 1)
        #expect(fleet.events.map(\.kind) == [.hookVersionMade])
        // The next one is added to it.
        fleet.forgetSpoken()
        try fleet.makeVersion(2, base: 1, update: 2)
        fleet.pass(.seconds(61))
        #expect(fleet.versions.last?.values == [2, 2, 0, 1] && fleet.versions.last?.parent == 1)
    }

    /// By default a merge waits for as many boards as there are, up to eight, but no longer than ten minutes.
    @Test(arguments: [3, 4, 5, 8, 11])
    func aMergeWaitsForAsManyAsThereAre(boards: Int) throws {
        var fleet = SharingFixture(.unstaged)
        try fleet.join(1...boards)
        let most = min(boards, 8)
        for board in 1..<most { try fleet.send([1, 2, 0, 0], board) }
        fleet.pass(.seconds(300))
        #expect(fleet.view?.candidate == nil && fleet.view?.awaited == most)
        #expect(fleet.view?.withstands == (most == 8 ? 2 : 1))
        try fleet.send([1, 2, 0, 0], most)
        #expect(fleet.view?.candidate == 1)
        // One is silent: after a while the others go on without it, if three are left.
        var late = SharingFixture(.unstaged)
        try late.join(1...boards)
        for board in 1..<most { try late.send([1, 2, 0, 0], board) }
        late.pass(.seconds(601))
        #expect(late.view?.candidate == (most > 3 ? 1 : nil))
    }

    /// After a restart boards come back one by one; the first few are not taken for all that there are.
    @Test func aRestartWaitsForBoardsToComeBack() throws {
        var fleet = SharingFixture(.unstaged)
        try fleet.join(1...4)
        for board in 1...3 { try fleet.send([1, 0, 0, 0], board) }
        fleet.restart(.unstaged)
        for board in 1...3 { try fleet.say(.joined(parameters: 4, gates: 1, version: 0), board) }
        fleet.pass(.seconds(10))
        #expect(fleet.view?.candidate == nil)
        try fleet.say(.joined(parameters: 4, gates: 1, version: 0), 4)
        fleet.pass(.seconds(60))
        #expect(fleet.view?.candidate == nil, "the fourth is waited for")
        try fleet.send([1, 0, 0, 0], 4)
        #expect(fleet.view?.candidate == 1)
    }

    /// The two that are left go on; the third is heard, and left out while it points the other way.
    @Test func ofThreeBoardsOneThatIsNamedHoldsNothingUp() throws {
        var fleet = SharingFixture(.unstaged)
        let count = 200
        func delta(_ board: Int) -> [Float] {
            (0..<count).map { (board == 1 ? -1 : 1) * (1 + 0.1 * Float(($0 * board) % 7)) }
        }
        try fleet.join(1...3, parameters: count)
        fleet.pass(.seconds(60))
        for number in 1...3 as ClosedRange<UInt64> {
            for board in 1...3 { try fleet.send(delta(board), board, number: number, base: number - 1) }
            fleet.pass(.seconds(1))
            #expect(fleet.view?.candidate == number)
            for board in 2...3 { try fleet.score(number, board) }
            #expect(fleet.versions.count == Int(number))
            let first = try SharingFixture.board(1)
            #expect(fleet.view?.state.marks.map(\.board) == [first])
            #expect(fleet.versions.last?.provenance.shares.filter { $0.exclusion != nil }.map(\.board) == [first])
        }
    }

    /// Nobody can say which two, so nothing is merged, and nobody is asked.
    @Test func twoBadBoardsOfFourCostNothing() throws {
        var fleet = SharingFixture(.unstaged)
        let count = 200
        try fleet.join(1...4, parameters: count)
        fleet.pass(.seconds(60))
        for board in 1...4 {
            let sign: Float = board <= 2 ? -1 : 1
            try fleet.send((0..<count).map { sign * (1 + 0.1 * Float(($0 * board) % 7)) }, board)
        }
        #expect(fleet.view?.candidate == nil && fleet.view?.state.marks.isEmpty == true)
        #expect(fleet.versions.isEmpty && fleet.state?.current == 0 && fleet.updates.isEmpty)
        #expect(fleet.events.map(\.kind) == [.hookVersionRejected])
        #expect(fleet.events.last?.text.contains("its boards are split") == true)
    }

    /// Four that point anywhere: a merge takes all of them, so that two that lie and one that few frames deceive do not
    /// force it through.
    @Test(arguments: [3, 4]) func aDoubtfulMergeTakesMostOfTheHonest(content: Int) throws {
        var fleet = SharingFixture(.unstaged)
        try fleet.join(1...4, parameters: 8)
        fleet.pass(.seconds(60))
        for board in 1...4 { try fleet.send((0..<8).map { $0 / 2 == board - 1 ? 1 : 0 }, board) }
        #expect(fleet.view?.candidate == 1)
        for board in 1...4 { try fleet.score(1, board, loss: board <= content ? 0.19 : 0.25) }
        #expect(fleet.versions.map(\.number) == (content == 4 ? [1] : []))
        let turnedDown = fleet.events.contains { $0.text.contains("its boards disagree, and too few of 4") }
        #expect(turnedDown == (content == 3))
    }

    @Test func aBoardThatNeverAnswersHoldsNothingUp() throws {
        var fleet = SharingFixture()
        try fleet.join(1...5)
        try fleet.makeVersion(1, base: 0, update: 1)
        #expect(fleet.versions.isEmpty)
        fleet.pass(.seconds(59))
        #expect(fleet.versions.isEmpty)
        fleet.pass(.seconds(2))
        #expect(fleet.versions.map(\.number) == [1])
    }

    @Test func fewUpdatesWaitForAWhileAndTwoForEver() throws {
        var fleet = SharingFixture()
        try fleet.join(1...5)
        for board in 1...2 { try fleet.send([1, 0, 0, 0], board) }
        fleet.pass(.seconds(3_600))
        #expect(fleet.view?.candidate == nil)
        try fleet.send([1, 0, 0, 0], 3)
        fleet.pass(.seconds(1))
        #expect(fleet.view?.candidate == 1)
    }

    @Test func updatesToldTwiceOrLateCountOnceAndAreAcknowledgedAgain() throws {
        var fleet = SharingFixture()
        try fleet.join(1...4)
        try fleet.send([1, 0, 0, 0], 1, number: 5)
        try fleet.send([9, 9, 9, 9], 1, number: 5)
        try fleet.send([9, 9, 9, 9], 1, number: 4)
        let first = try SharingFixture.board(1)
        #expect(fleet.updates[first]?.delta == [1, 0, 0, 0])
        let acknowledged = fleet.sent.map(\.order)
        #expect(acknowledged == [.acknowledged(number: 5), .acknowledged(number: 5), .acknowledged(number: 4)])
        // A newer one takes its place.
        try fleet.send([2, 0, 0, 0], 1, number: 6)
        #expect(fleet.updates[first]?.delta == [2, 0, 0, 0])
        // After the merge, the number is still known.
        for board in 2...4 { try fleet.send([2, 0, 0, 0], board) }
        for board in 1...4 { try fleet.score(1, board) }
        try fleet.send([2, 0, 0, 0], 1, number: 6)
        #expect(fleet.updates.isEmpty)
    }

    @Test func partsOutOfOrderMakeNoUpdate() throws {
        var fleet = SharingFixture()
        let count = 2 * SharingLimits.parametersPerPart + 5
        try fleet.join(1...4, parameters: count)
        func part(_ index: Int, number: UInt64 = 1) -> GateReport.Content {
            let range = SharingLimits.range(of: index, parameters: count)
            return .part(
                GateUpdatePart(
                    number: number, baseVersion: 0, samples: 9, loss: 0.1, parameters: count, part: index,
                    values: [Float](repeating: Float(index), count: range.count)))
        }
        for index in [1, 0, 2, 0, 0, 2, 1, 1] { try fleet.say(part(index), 1) }
        #expect(fleet.updates.isEmpty)
        try fleet.say(part(2, number: 2), 1)
        #expect(fleet.updates.isEmpty)
        try fleet.say(part(2), 1)
        let first = try SharingFixture.board(1)
        let update = try #require(fleet.updates[first])
        #expect(update.delta.count == count && update.delta.last == 2 && update.delta[0] == 0)
    }

    @Test func aRestartLosesNoUpdateAndNoVersion() throws {
        var fleet = SharingFixture()
        try fleet.join(1...4)
        try fleet.makeVersion(1, base: 0, update: 1)
        for board in 1...4 { try fleet.send([0, 1, 0, 0], board, number: 2, base: 1) }
        #expect(fleet.view?.candidate == 2)
        fleet.restart()
        #expect(fleet.view?.candidate == nil && fleet.view?.waiting.count == 4)
        // Boards come back, each with the version that it has.
        fleet.forgetSpoken()
        for board in 1...3 { try fleet.say(.joined(parameters: 4, gates: 1, version: 1), board) }
        try fleet.say(.joined(parameters: 4, gates: 1, version: 0), 4)
        let fourth = try SharingFixture.board(4)
        #expect(fleet.announced(1, isCandidate: false) == [fourth])
        fleet.pass(.seconds(1))
        for board in 1...4 { try fleet.score(2, board) }
        #expect(fleet.versions.map(\.number) == [1, 2] && fleet.versions[1].values == [1, 1, 0, 1])
        // What was told before the restart is known.
        try fleet.send([0, 1, 0, 0], 2, number: 2, base: 1)
        #expect(fleet.updates.isEmpty)
    }

    @Test func aFullDiskMeansNoAcknowledgementAndNoVersion() throws {
        var fleet = SharingFixture()
        try fleet.join(1...4)
        fleet.isDiskFull = true
        try fleet.send([1, 0, 0, 0], 1)
        #expect(fleet.sent.isEmpty)
        fleet.isDiskFull = false
        for board in 1...4 { try fleet.send([1, 0, 0, 0], board) }
        fleet.isDiskFull = true
        for board in 1...4 { try fleet.score(1, board) }
        #expect(fleet.versions.isEmpty && fleet.announced(1, isCandidate: false).isEmpty)
        fleet.isDiskFull = false
        fleet.pass(.seconds(61))
        #expect(fleet.versions.map(\.number) == [1])
    }

    @Test func aMergeThatIsWorseBecomesNoVersion() throws {
        var fleet = SharingFixture()
        try fleet.join(1...4)
        for board in 1...4 { try fleet.send([1, 0, 0, 0], board) }
        for board in 1...4 { try fleet.score(1, board, loss: board == 1 ? 0.01 : 0.3) }
        #expect(fleet.versions.isEmpty && fleet.updates.isEmpty && fleet.state?.current == 0)
        #expect(fleet.events.map(\.kind) == [.hookVersionRejected])
        try fleet.makeVersion(2, base: 0, update: 2)
        #expect(fleet.versions.map(\.number) == [2])
    }

    @Test func withoutAnyAnswerOthersAreAskedThenTheMergeIsGivenUp() throws {
        var settings = SharingFixture.four
        settings.asked = 2
        var fleet = SharingFixture(settings)
        try fleet.join(1...5)
        for board in 1...4 { try fleet.send([1, 0, 0, 0], board) }
        #expect(fleet.announced(1, isCandidate: true).count == 2)
        fleet.pass(.seconds(61))
        #expect(Set(fleet.announced(1, isCandidate: true)).count == 4)
        fleet.pass(.seconds(61))
        fleet.pass(.seconds(61))
        #expect(fleet.view?.candidate == nil && fleet.updates.isEmpty)
        #expect(fleet.events.map(\.kind) == [.hookVersionRejected])
    }

    @Test func scoresThatNobodyAskedForDoNotCount() throws {
        var settings = SharingFixture.four
        settings.asked = 1
        var fleet = SharingFixture(settings)
        try fleet.join(1...5)
        for board in 1...4 { try fleet.send([1, 0, 0, 0], board) }
        try fleet.score(1, 5)
        try fleet.score(7, 1)
        #expect(fleet.versions.isEmpty)
        try fleet.score(1, 1)
        #expect(fleet.versions.map(\.number) == [1])
    }

    @Test func badBoardsAreNamedAndNotAsked() throws {
        var settings = SharingFixture.Machine.Settings.unstaged
        settings.enough = 8
        var fleet = SharingFixture(settings)
        let count = 200
        try fleet.join(1...8, parameters: count)
        for board in 1...8 {
            let sign: Float = board <= 2 ? -1 : 1
            try fleet.send((0..<count).map { sign * (1 + 0.1 * Float(($0 * board) % 7)) }, board)
        }
        let (bad, good) = (try (1...2).map(SharingFixture.board), try (3...8).map(SharingFixture.board))
        #expect(fleet.announced(1, isCandidate: true) == good)
        for board in 3...8 { try fleet.score(1, board) }
        let out = fleet.versions[0].provenance.shares.filter { $0.exclusion != nil }.map(\.board)
        #expect(out == bad)
        #expect(fleet.view?.state.marks.map(\.board) == out)
        #expect(fleet.events.filter { $0.kind == .hookOutlier }.map(\.board) == out)
        // It is said once.
        for board in 1...8 {
            try fleet.send((0..<count).map { _ in board <= 2 ? -1 : 1 }, board, number: 2, base: 1)
        }
        #expect(fleet.events.count { $0.kind == .hookOutlier } == 2)
    }

    @Test func whatIsNoUpdateIsRefusedByName() throws {
        var fleet = SharingFixture()
        try fleet.join(1...4)
        try fleet.send([1, 2], 1)
        try fleet.send([1, 2, 3, 5_000], 2)
        try fleet.send([1, 2, 3, 4], 3, base: 9)
        #expect(fleet.updates.isEmpty)
        let refused = try (1...3).map(SharingFixture.board)
        #expect(fleet.events.map(\.board) == refused)
        #expect(fleet.events.allSatisfy { $0.kind == .messageRefused })
        #expect(fleet.events[0].text.hasSuffix("has 2 parameters, the gates have 4"))
        try fleet.say(.joined(parameters: 5, gates: 1, version: 0), 5)
        #expect(fleet.events.count == 4)
    }

    @Test func versionsAreTakenBack() throws {
        var fleet = SharingFixture()
        try fleet.join(1...4)
        for number in 1...3 { try fleet.makeVersion(UInt64(number), base: UInt64(number) - 1, update: UInt64(number)) }
        #expect(fleet.state?.current == 3)
        try fleet.send([1, 0, 0, 0], 1, number: 4, base: 3)
        fleet.forgetSpoken()
        try fleet.rollBack(to: 1)
        #expect(fleet.state?.current == 1 && fleet.updates.isEmpty)
        #expect(fleet.announced(1, isCandidate: false).count == 4)
        #expect(fleet.view?.lineage == [0, 1])
        // What was learned from what was taken back is not merged.
        try fleet.send([1, 0, 0, 0], 1, number: 5, base: 3)
        #expect(fleet.updates.isEmpty)
        #expect(throws: SharingFixture.Machine.RollbackRefusal.self) { try fleet.rollBack(to: 3) }
        #expect(throws: SharingFixture.Machine.RollbackRefusal.self) { try fleet.rollBack(to: 1) }
        // The next one has a number of its own, over a restart too.
        fleet.restart()
        try fleet.join(1...4)
        try fleet.makeVersion(4, base: 1, update: 6)
        #expect(fleet.versions.last?.number == 4 && fleet.versions.last?.parent == 1)
        try fleet.rollBack(to: nil)
        try fleet.rollBack(to: nil)
        #expect(fleet.state?.current == 0)
    }

    @Test func groupsUpdatesAndVersionsAreLimited() throws {
        var settings = SharingFixture.Machine.Settings.unstaged
        settings.enough = .max
        var fleet = SharingFixture(settings)
        for number in 0..<SharingLimits.groups + 3 {
            try fleet.say(.joined(parameters: 4, gates: 1, version: 0), 1, boardClass: "class-\(number)")
        }
        #expect(fleet.machine.views.count == SharingLimits.groups && fleet.events.count == 3)

        var crowd = SharingFixture(settings)
        try crowd.join(1...SharingLimits.updates + 2)
        for board in 1...SharingLimits.updates + 2 { try crowd.send([1, 1, 1, 1], board) }
        #expect(crowd.updates.count == SharingLimits.updates)

        var long = SharingFixture()
        try long.join(1...4)
        for number in 1...UInt64(SharingLimits.versions) + 5 {
            try long.makeVersion(number, base: number - 1, update: number)
        }
        let kept = long.view?.versions.map(\.number)
        #expect(kept?.count == SharingLimits.versions && kept?.last == UInt64(SharingLimits.versions) + 5)
    }

    @Test func aVersionIsAnnouncedUntilABoardUsesIt() throws {
        var fleet = SharingFixture()
        try fleet.join(1...4)
        try fleet.makeVersion(1, base: 0, update: 1)
        for board in 1...3 { try fleet.say(.joined(parameters: 4, gates: 1, version: 1), board) }
        fleet.forgetSpoken()
        fleet.pass(.seconds(31))
        let fourth = try SharingFixture.board(4)
        #expect(fleet.announced(1, isCandidate: false) == [fourth])
        try fleet.say(.wanted(version: 1, part: 0), 4)
        guard case .part(1, 0, [1, 0, 0, 1])? = fleet.sent.last?.order else {
            Issue.record("\(fleet.sent)")
            return
        }
        try fleet.say(.wanted(version: 9, part: 0), 4)
        try fleet.say(.wanted(version: 1, part: 1), 4)
        #expect(fleet.sent.count == 2)
    }
}
