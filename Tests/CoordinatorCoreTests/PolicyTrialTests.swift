import CoordinatorCore
import FleetModel
import Testing
import WireProtocol

/// Some boards try another version of a policy while the rest keeps the one in force.
@Suite struct PolicyTrialTests {
    private typealias Machine = FleetStateMachine<ContinuousClock.Instant>

    private let start = ContinuousClock.now
    private let boards = [Samples.board("a"), Samples.board("b")]

    private func machine(_ policies: [Policy], trials: [PolicyTrial] = []) -> Machine {
        var machine = Machine(
            settings: .init(), boards: boards.map { EnrolledBoard(board: $0, publicKey: "k") }, policies: policies,
            trials: trials, clockSeconds: 0, at: start)
        for board in boards {
            _ = machine.messageReceived(.hello(board, incarnation: 1, reportedGeneration: 0), from: board.id, at: start)
        }
        return machine
    }

    private func constraints(_ machine: Machine) -> [Double?] {
        boards.map { machine.state(of: $0.id)?.desired.models.first?.latency.milliseconds }
    }

    private func trial(_ milliseconds: Double, on boards: Set<BoardID>) -> PolicyTrial {
        PolicyTrial(policy: Samples.policy(milliseconds: milliseconds), boards: boards)
    }

    @Test func onlyBoardsOfTheTrialHaveItAndGetBackWhatTheyHad() {
        var machine = machine([Samples.policy(milliseconds: 10)])
        #expect(constraints(machine) == [10, 10])
        let id = boards[0].id
        let actions = machine.trialsChanged([trial(20, on: [id])], on: [id], at: start)
        #expect(constraints(machine) == [20, 10])
        #expect(actions.contains { if case .saveAssignment(_, id) = $0 { true } else { false } })
        let generation = machine.state(of: id)?.desired.generation ?? 0
        _ = machine.trialsChanged([], on: [id], at: start)
        #expect(constraints(machine) == [10, 10])
        #expect(machine.state(of: id)?.desired.generation == generation + 1)
    }

    @Test func aTrialOfANewPolicyLeavesBoardsWithoutOneBehind() {
        var machine = machine([])
        let id = boards[1].id
        _ = machine.trialsChanged([trial(20, on: [id])], on: [id], at: start)
        #expect(constraints(machine) == [nil, 20])
        // The policy becomes everybody's: the board of the trial keeps its generation.
        let generation = machine.state(of: id)?.desired.generation
        _ = machine.policiesChanged([Samples.policy(milliseconds: 20)], at: start)
        _ = machine.trialsChanged([], on: boards.map(\.id), at: start)
        #expect(constraints(machine) == [20, 20])
        #expect(machine.state(of: id)?.desired.generation == generation)
    }

    @Test func aStartWithTrialsAssignsThem() {
        let machine = machine([Samples.policy(milliseconds: 10)], trials: [trial(20, on: [boards[0].id])])
        #expect(constraints(machine) == [20, 10])
    }

    @Test func whatATrialAloneMakesInfeasibleIsNamed() {
        var machine = machine([Samples.policy(milliseconds: 10)])
        let id = boards[0].id
        _ = machine.trialsChanged([trial(1, on: [id])], on: [id], at: start)
        #expect(!machine.infeasibleByTrials(on: id).isEmpty && machine.infeasibleByTrials(on: boards[1].id).isEmpty)
        _ = machine.trialsChanged([trial(20, on: [id])], on: [id], at: start)
        #expect(machine.infeasibleByTrials(on: id).isEmpty)
        // What is infeasible without it is not the trial's fault.
        machine = self.machine([Samples.policy(milliseconds: 1)], trials: [trial(1, on: [id])])
        #expect(machine.state(of: id)?.infeasible.isEmpty == false && machine.infeasibleByTrials(on: id).isEmpty)
    }

    @Test func aTrialsWindowIsHeeded() {
        var policy = Samples.policy(milliseconds: 20)
        policy.windows = [PolicyWindow(days: Array(0..<7), fromMinute: 480, toMinute: 1_200)]
        var machine = machine(
            [Samples.policy(milliseconds: 10)], trials: [PolicyTrial(policy: policy, boards: [boards[0].id])])
        #expect(constraints(machine) == [nil, 10])
        _ = machine.clockRead(secondsSince1970: 9 * 3_600, at: start)
        #expect(constraints(machine) == [20, 10])
    }

    /// What boards are to know: the policies of all, and of each group of boards that tries others.
    @Test func boardsKnowTheirPolicies() {
        let (base, other) = (Samples.policy(milliseconds: 10), Samples.policy("q", milliseconds: 30))
        let (first, second) = (boards[0].id, boards[1].id)
        var machine = machine([base, other])
        #expect(machine.policySets == PolicySets(everywhere: [base, other]))
        let tried = Samples.policy("q", milliseconds: 5)
        _ = machine.trialsChanged(
            [trial(20, on: [first, second]), PolicyTrial(policy: tried, boards: [second])], on: [first], at: start)
        let twenty = Samples.policy(milliseconds: 20)
        #expect(
            machine.policySets
                == PolicySets(
                    everywhere: [base, other],
                    trials: [.init([other, twenty], boards: [first]), .init([twenty, tried], boards: [second])]))
        #expect(machine.policySets.models.map(\.rawValue) == ["classifier"])
    }
}
