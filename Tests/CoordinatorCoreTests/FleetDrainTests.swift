import CoordinatorCore
import FleetModel
import Testing
import WireProtocol

/// A board that is left alone is told nothing new, and once that it has nothing to do.
@Suite struct FleetDrainTests {
    private typealias Machine = FleetStateMachine<ContinuousClock.Instant>
    private let start = ContinuousClock.now
    private let board = Samples.board()
    private var id: BoardID { board.id }

    private func connected(policies: [Policy], drained: Set<BoardID> = []) -> Machine {
        var machine = Machine(
            settings: .init(), boards: [EnrolledBoard(board: board, publicKey: "k")], policies: policies,
            drained: drained, at: start)
        let hello = Message.hello(board, incarnation: 1, reportedGeneration: 0)
        for action in machine.messageReceived(hello, from: id, at: start) {
            if action == .saveBoard(id) { machine.boardPersisted(id) }
            guard case .saveAssignment(let assignment, let id) = action else { continue }
            _ = machine.assignmentPersisted(id, generation: assignment.generation, at: start)
        }
        return machine
    }

    private func assignment(in actions: [Machine.Action]) -> Assignment? {
        actions.compactMap { if case .saveAssignment(let assignment, _) = $0 { assignment } else { nil } }.last
    }

    @Test func itsAssignmentIsWithdrawnAsAnyOtherChange() throws {
        var machine = connected(policies: [Samples.policy()])
        let before = try #require(machine.state(of: id)?.desired)
        #expect(!before.models.isEmpty)

        let actions = machine.boardDrained(id, true, at: start)

        let withdrawn = try #require(assignment(in: actions))
        #expect(withdrawn.models.isEmpty && withdrawn.generation == before.generation + 1)
        #expect(machine.state(of: id)?.isDrained == true && machine.state(of: id)?.status == .connected)
        // Told once it is stored, and again until it is reported.
        let sent = machine.assignmentPersisted(id, generation: withdrawn.generation, at: start)
        #expect(sent == [.send(.assign(withdrawn), id)])
        #expect(machine.timerFired(at: start + .seconds(1)).contains(.send(.assign(withdrawn), id)))
        #expect(machine.boardDrained(id, true, at: start) == [])
    }

    @Test func policiesAndHellosAssignNothingToIt() throws {
        var machine = connected(policies: [], drained: [id])
        #expect(machine.state(of: id)?.isDrained == true)
        #expect(assignment(in: machine.policiesChanged([Samples.policy()], at: start)) == nil)
        let again = Message.hello(board, incarnation: 2, reportedGeneration: 0)
        #expect(assignment(in: machine.messageReceived(again, from: id, at: start)) == nil)
        #expect(machine.preview(of: Samples.policy()).isEmpty && machine.activeStates.isEmpty)
    }

    @Test func aBoardThatTakesPartAgainGetsWhatPoliciesSayNow() throws {
        var machine = connected(policies: [], drained: [id])
        _ = machine.policiesChanged([Samples.policy()], at: start)
        let assigned = try #require(assignment(in: machine.boardDrained(id, false, at: start)))
        #expect(!assigned.models.isEmpty && machine.state(of: id)?.isDrained == false)
    }

    @Test func whoIsNotOfTheFleetCannotBeDrained() {
        var machine = connected(policies: [])
        _ = machine.boardRevoked(id)
        #expect(machine.boardDrained(id, true, at: start) == [])
    }
}
