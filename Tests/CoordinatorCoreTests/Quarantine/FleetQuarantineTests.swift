import FleetModel
import Foundation
import Testing
import WireProtocol

@testable import CoordinatorCore

/// Boards that report impossible numbers are served, and not learned from.
@Suite struct FleetQuarantineTests {
    private typealias Machine = FleetStateMachine<ContinuousClock.Instant>
    private let start = ContinuousClock.now

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    private func machine(_ names: [String]) -> Machine {
        var machine = Machine(
            settings: .init(), boards: names.map { EnrolledBoard(board: Samples.board($0), publicKey: $0) },
            policies: [Samples.policy()], at: start)
        for name in names { _ = hello(&machine, Samples.board(name)) }
        return machine
    }

    private func hello(_ machine: inout Machine, _ board: BoardDescription, _ seconds: Double = 0) -> [Machine.Action] {
        let actions = machine.messageReceived(
            .hello(board, incarnation: 1, reportedGeneration: 0), from: board.id, at: at(seconds))
        machine.boardPersisted(board.id)
        return actions
    }

    private func kinds(_ actions: [Machine.Action]) -> [FleetEvent.Kind] {
        actions.compactMap { if case .record(let kind, _, _) = $0 { kind } else { nil } }
    }

    @Test(arguments: [Double.nan, -5, .infinity])
    func aHelloWithImpossibleNumbersIsServed(figure: Double) throws {
        var machine = machine(["a", "b", "c"])
        var broken = Samples.board("a")
        broken.models[0].points[1].latencyMilliseconds = figure

        let actions = hello(&machine, broken, 1)

        #expect(kinds(actions).contains(.learningQuarantined) && !kinds(actions).contains(.messageRefused))
        let state = try #require(machine.state(of: broken.id))
        #expect(state.status == .connected && state.desired.models.map(\.model) == ["classifier"])
        #expect(machine.quarantined[broken.id]?.reason.contains("classifier") == true)
        #expect(try JSONEncoder().encode(state.board).count > 0, "what is stored are numbers")
        // It stays while it says so, however often it is looked at.
        _ = machine.timerFired(at: at(700))
        #expect(machine.quarantined.keys.sorted() == [broken.id])
        // Sane again: released after ten minutes, and told once.
        _ = hello(&machine, Samples.board("a"), 701)
        _ = machine.timerFired(at: at(707))
        #expect(machine.quarantined.count == 1)
        #expect(kinds(machine.timerFired(at: at(1_290))).filter { $0 == .learningReleased }.isEmpty)
        #expect(kinds(machine.timerFired(at: at(1_310))).contains(.learningReleased))
        #expect(machine.quarantined.isEmpty)
    }

    @Test func aThousandTimesItsClassIsQuarantinedAndStillServed() throws {
        var machine = machine(["a", "b", "c"])
        var slow = Samples.board("b")
        for place in slow.models[0].points.indices { slow.models[0].points[place].latencyMilliseconds *= 1_000 }
        _ = hello(&machine, slow, 1)

        let actions = machine.timerFired(at: at(2)) + machine.timerFired(at: at(8))

        #expect(kinds(actions).contains(.learningQuarantined))
        #expect(machine.quarantined.keys.sorted() == [slow.id])
        #expect(machine.quarantined[slow.id]?.reason.contains("1000.0 times") == true)
        #expect(machine.believed.map(\.id.rawValue).sorted() == ["a", "c"])
        #expect(machine.state(of: slow.id)?.desired.models.isEmpty == false)
    }

    @Test func whatACorruptedClockTellsOfIsNotLearnedByOthers() throws {
        var machine = machine(["a", "b", "c"])
        let id = Samples.board("a").id
        let entry = QuarantinedBoard(reason: "measured 1e9 ms", sinceMilliseconds: 0)
        let taken = machine.impossibleFigures(entry.reason, of: id, at: at(1))
        #expect(taken.first == .saveQuarantine(entry, id) && kinds(taken) == [.learningQuarantined])
        #expect(machine.impossibleFigures(entry.reason, of: id, at: at(2)).isEmpty)
        #expect(machine.impossibleFigures("again", of: id, at: at(2)).isEmpty, "what it began with is kept")
        #expect(machine.impossibleFigures("x", of: Samples.board("stranger").id, at: at(2)).isEmpty)
        #expect(machine.boardRevoked(id).first == .saveQuarantine(nil, id))
        #expect(machine.quarantined.isEmpty)
    }

    /// Since when and why is kept; ten minutes after the restart without a finding it is learned from again.
    @Test func aRestartKeepsWhoIsQuarantined() throws {
        let (id, entry) = (Samples.board("a").id, QuarantinedBoard(reason: "odd", sinceMilliseconds: 5_000))
        var machine = Machine(
            settings: .init(), boards: [EnrolledBoard(board: Samples.board("a"), publicKey: "a")], policies: [],
            quarantined: [id: entry, Samples.board("gone").id: entry], clockSeconds: 1_000, at: start)
        #expect(machine.quarantined == [id: entry])
        _ = hello(&machine, Samples.board("a"), 1)
        #expect(!kinds(machine.timerFired(at: at(590))).contains(.learningReleased))
        #expect(machine.believed.isEmpty)
        let released = machine.timerFired(at: at(610))
        #expect(released.contains(.saveQuarantine(nil, id)) && kinds(released).contains(.learningReleased))
    }

    @Test func telemetryThatIsNoNumberQuarantines() throws {
        var machine = machine(["a"])
        var record = Samples.record(1)
        record.models[0].p50Milliseconds = .nan
        let id = Samples.board("a").id
        let actions = machine.messageReceived(.telemetry([record]), from: id, at: at(1))
        #expect(kinds(actions).contains(.learningQuarantined) && kinds(actions).contains(.telemetryRefused))
        #expect(
            actions.contains {
                if case .persistTelemetry(let records, _) = $0 { records[0].models == [] } else { false }
            })
        // Figures of a table that the board had before are refused as ever, and say nothing against it.
        var other = self.machine(["a"])
        var stale = Samples.record(1)
        stale.models[0].activePoint = 60
        let more = other.messageReceived(.telemetry([stale]), from: id, at: at(1))
        #expect(kinds(more) == [.telemetryRefused] && other.quarantined.isEmpty)
    }

    private func window(_ sequence: UInt64, p50: Double = 4, milliseconds: UInt32 = 1_000) -> TelemetryRecord {
        var record = Samples.record(sequence)
        record.durationMilliseconds = milliseconds
        record.models[0].p50Milliseconds = p50
        (record.models[0].p90Milliseconds, record.models[0].p99Milliseconds) = (p50, p50)
        return record
    }

    /// A laptop that was closed for a minute, or a process that was stopped: one window tells of the pause as latency.
    @Test func aBoardThatWasSuspendedIsNoLiar() throws {
        let id = Samples.board("a").id
        var machine = machine(["a"])
        var sequence: UInt64 = 0
        func say(_ windows: [TelemetryRecord], _ seconds: Double) -> [FleetEvent.Kind] {
            kinds(machine.messageReceived(.telemetry(windows), from: id, at: at(seconds)))
        }
        for second in 1...5 {
            sequence += 1
            #expect(say([window(sequence)], Double(second)).isEmpty)
        }
        // As often as it is suspended, where the window lasts as long as the pause.
        for pause in 1...5 {
            sequence += 1
            let told = say([window(sequence, p50: 60_000, milliseconds: 60_100)], Double(60 * pause))
            #expect(told == [.telemetryRefused])
            sequence += 1
            #expect(say([window(sequence)], Double(60 * pause + 1)).isEmpty)
        }
        // Where the frame ends in the window after, once.
        sequence += 1
        #expect(say([window(sequence, p50: 60_000)], 400) == [.telemetryRefused])
        #expect(machine.quarantined.isEmpty)
        // A clock that is wrong is so all the time.
        sequence += 1
        #expect(say([window(sequence, p50: 60_000)], 401) == [.telemetryRefused, .learningQuarantined])
        #expect(machine.quarantined.keys.sorted() == [id])
    }

    @Test func oddWindowsThatAreToldAgainCountOnceAndTwoAtOnceCountTwice() throws {
        let id = Samples.board("a").id
        var machine = machine(["a"])
        for second in 1...3 {
            _ = machine.messageReceived(.telemetry([window(1, p50: 60_000)]), from: id, at: at(Double(second)))
        }
        #expect(machine.quarantined.isEmpty, "one window, repeated until it is acknowledged")
        var other = self.machine(["a"])
        let both = [window(1, p50: 60_000), window(2, p50: 60_000)]
        _ = other.messageReceived(.telemetry(both), from: id, at: at(1))
        #expect(other.quarantined.keys.sorted() == [id])
    }

    @Test func anEnrolmentWithImpossibleNumbersCanBeStored() throws {
        var broken = Samples.board("new")
        broken.models[0].points[0].accuracy = .nan
        let stored = machine(["a"]).storable(broken)
        #expect(try JSONEncoder().encode(stored).count > 0)
        try stored.validate()
    }
}
