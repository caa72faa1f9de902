import FleetModel
import SearchSpace
import Testing
import WireProtocol

@testable import CoordinatorCore

/// Settles 30 s, pauses 2 s, resends after 2 s, gives up after 12 s of silence.
@Suite struct TransferStateMachineTests {
    private typealias Machine = TransferStateMachine<ContinuousClock.Instant>

    /// A coordinator's machine with a disk, beside boards that measure at once when they are told to.
    private struct Fleet {
        let simulated = SimulatedClass(name: "new", speed: 2)
        var machine = Machine()
        let start = ContinuousClock.now
        var seconds = 0.0
        var boards: [BoardDescription]
        var stored: [MeasuredSubnet] = []
        var quarantined: Set<BoardID> = []
        var owned: Set<ClassMeasurements.Key> = []
        var isDiskFull = false
        var sent: [(order: MeasureOrder, board: BoardID)] = []
        var events: [String] = []

        init(_ boards: [BoardDescription]) { self.boards = boards }

        private var now: ContinuousClock.Instant { start + .milliseconds(Int(seconds * 1_000)) }

        mutating func tick(_ pass: Double = 1) {
            seconds += pass
            let fleet = Machine.Fleet(boards: boards, measured: stored, quarantined: quarantined, owned: owned)
            perform(machine.timerFired(fleet, at: now, milliseconds: UInt64(seconds * 1_000)))
        }

        mutating func pass(_ total: Int) { for _ in 0..<total { tick() } }

        mutating func answer(_ content: MeasureReport.Content, to order: MeasureOrder, from board: BoardDescription) {
            perform(
                machine.reportReceived(
                    MeasureReport(number: order.number, content), from: board, at: now,
                    milliseconds: UInt64(seconds * 1_000)))
        }

        /// The board that was asked last measures.
        mutating func measure() throws {
            let (order, id) = try #require(sent.last)
            let board = try #require(boards.first { $0.id == id })
            answer(.measured([simulated.measured(order.subnet, by: id.rawValue)]), to: order, from: board)
        }

        /// Measures until nothing more is asked for.
        mutating func measureAll() throws {
            while true {
                sent = []
                pass(5)
                guard !sent.isEmpty else { return }
                try measure()
            }
        }

        mutating func restart() { machine = Machine() }
        mutating func interrupt() { machine.interrupted(at: now) }

        private mutating func perform(_ actions: [Machine.Action]) {
            for action in actions {
                switch action {
                case .send(let order, let board): sent.append((order, board))
                case .keep(let measurement): if !isDiskFull { stored.append(measurement) }
                case .record(let text, _): events.append(text)
                }
            }
        }
    }

    private func fleet(_ boards: Int = 2) throws -> Fleet {
        let simulated = SimulatedClass(name: "new", speed: 2)
        return Fleet(try (1...boards).map { try simulated.board($0) })
    }

    @Test func aClassThatSettledMeasuresTenAndIsLeftAlone() throws {
        var fleet = try fleet()
        fleet.pass(29)
        #expect(fleet.sent.isEmpty)
        try fleet.measureAll()
        fleet.pass(10)
        try fleet.measureAll()
        fleet.pass(3_600)
        #expect((10...20).contains(fleet.stored.count))
        #expect(Set(fleet.stored.map { "\($0.configuration)" }).count == fleet.stored.count)
        #expect(fleet.stored.prefix(10).allSatisfy { $0.expected == nil })
        #expect(fleet.stored.dropFirst(10).allSatisfy { $0.expected != nil })
        #expect(fleet.stored.allSatisfy { $0.board == fleet.boards[0].id && $0.boardClass == "new" })
        #expect(fleet.sent.isEmpty)
        let text = try #require(fleet.events.last)
        #expect(fleet.events.count == 1 && text.contains("\(fleet.stored.count) subnets measured"), "\(fleet.events)")
    }

    @Test func aRestartGoesOnWithWhatIsStoredAndAsksForTheSameAgain() throws {
        var whole = try fleet()
        whole.pass(31)
        try whole.measureAll()
        var killed = try fleet()
        killed.pass(31)
        for _ in 0..<4 {
            killed.sent = []
            killed.pass(5)
            try killed.measure()
        }
        killed.sent = []
        killed.pass(5)
        let asked = try #require(killed.sent.first)
        killed.restart()
        killed.sent = []
        killed.pass(40)
        let again = try #require(killed.sent.first)
        #expect(again.order.subnet == asked.order.subnet && again.order.number > asked.order.number)
        // The answer to the order before the restart comes late.
        killed.answer(.measured([1e9]), to: asked.order, from: killed.boards[0])
        #expect(killed.stored.count == 4)
        try killed.measure()
        try killed.measureAll()
        #expect(killed.stored.map(\.configuration) == whole.stored.map(\.configuration))
        #expect(killed.stored.map(\.medianMilliseconds) == whole.stored.map(\.medianMilliseconds))
    }

    @Test func aBoardThatGoesSilentOrAwayIsFollowedByAnother() throws {
        var fleet = try fleet(3)
        fleet.pass(32)
        let first = try #require(fleet.sent.last)
        #expect(first.board == fleet.boards[0].id)
        fleet.pass(13)
        #expect(fleet.sent.count > 3, "it is said again")
        #expect(fleet.sent.allSatisfy { $0.order.subnet == first.order.subnet })
        fleet.pass(4)
        #expect(fleet.sent.last?.board == fleet.boards[1].id)
        fleet.boards.remove(at: 1)
        fleet.pass(4)
        #expect(fleet.sent.last?.board == fleet.boards[1].id && fleet.boards[1].id.rawValue == "new-3")
        try fleet.measure()
        #expect(fleet.stored.count == 1)
    }

    @Test func refusalsAreRetriedWithGrowingPausesThenPassedOver() throws {
        var fleet = try fleet(1)
        fleet.pass(32)
        var refused: [(at: Double, subnet: SubnetConfiguration)] = []
        while refused.count < 7, fleet.seconds < 20_000 {
            let count = fleet.sent.count
            fleet.tick()
            guard fleet.sent.count > count || refused.isEmpty, let (order, _) = fleet.sent.last else { continue }
            fleet.answer(.refused(reason: "too busy"), to: order, from: fleet.boards[0])
            refused.append((fleet.seconds, order.subnet))
        }
        #expect(refused.count == 7 && fleet.stored.isEmpty)
        let pauses = zip(refused.dropFirst(), refused).map { $0.at - $1.at }
        #expect(zip(pauses.dropFirst(), pauses).allSatisfy { $0 > $1 }, "\(pauses)")
        #expect(Set(refused.prefix(3).map(\.subnet)).count == 1 && refused[3].subnet != refused[0].subnet)
        #expect(fleet.events.allSatisfy { $0.contains("too busy") } && fleet.events.count == 7)
    }

    @Test func quarantinedBoardsAreNotAskedAndWhatTheyMeasuredDoesNotCount() throws {
        var fleet = try fleet(2)
        fleet.pass(31)
        try fleet.measureAll()
        #expect(fleet.stored.count >= 10)
        fleet.quarantined = [fleet.boards[0].id]
        fleet.sent = []
        fleet.pass(40)
        #expect(fleet.sent.last?.board == fleet.boards[1].id, "the class measures anew")
        fleet.quarantined = Set(fleet.boards.map(\.id))
        fleet.sent = []
        fleet.pass(100)
        #expect(fleet.sent.isEmpty)
    }

    @Test func oneSupernetUnderTwoNamesIsOneJobAndOwnedClassesAreLeftAlone() throws {
        var fleet = try fleet(1)
        var second = fleet.boards[0].models[0]
        second.name = try #require(ModelName("another"))
        fleet.boards[0].models.append(second)
        fleet.pass(32)
        #expect(fleet.sent.count == 1 && fleet.sent[0].order.model.rawValue == "another")
        var owned = try self.fleet(1)
        owned.owned = [
            .init(boardClass: "new", supernetSHA256: SimulatedClass.sha256, engineVersion: "e")
        ]
        owned.pass(100)
        #expect(owned.sent.isEmpty)
    }

    @Test func searchesComeFirstAndAFullDiskMeansMeasuringAgain() throws {
        var fleet = try fleet(1)
        fleet.pass(32)
        let first = try #require(fleet.sent.last)
        fleet.interrupt()
        fleet.answer(.measured([1]), to: first.order, from: fleet.boards[0])
        #expect(fleet.stored.isEmpty, "the order was dropped")
        fleet.isDiskFull = true
        fleet.pass(4)
        #expect(fleet.sent.last?.order.subnet == first.order.subnet)
        try fleet.measure()
        fleet.isDiskFull = false
        fleet.pass(4)
        #expect(fleet.sent.last?.order.subnet == first.order.subnet)
        try fleet.measure()
        #expect(fleet.stored.count == 1)
    }

    @Test func boardsAreAskedAFewAtOnce() throws {
        let classes = try (0..<20).map { try SimulatedClass(name: "c\($0)").board() }
        var fleet = Fleet(classes)
        fleet.pass(33)
        #expect(Set(fleet.sent.map(\.board)).count == Machine.Settings().atOnce)
    }
}
