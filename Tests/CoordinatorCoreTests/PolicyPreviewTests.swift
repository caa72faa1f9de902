import CoordinatorCore
import FleetModel
import Testing
import WireProtocol

/// What a policy would change is what it changes once it is applied.
@Suite struct PolicyPreviewTests {
    private typealias Machine = FleetStateMachine<ContinuousClock.Instant>

    private let start = ContinuousClock.now

    private func machine(
        _ boards: [BoardDescription], _ policies: [Policy], trials: [PolicyTrial] = []
    ) -> Machine {
        var machine = Machine(
            settings: .init(), boards: boards.map { EnrolledBoard(board: $0, publicKey: "k") }, policies: policies,
            trials: trials, clockSeconds: 0, at: start)
        for board in boards {
            _ = machine.messageReceived(.hello(board, incarnation: 1, reportedGeneration: 0), from: board.id, at: start)
        }
        return machine
    }

    private func board(_ name: String, tier: String) -> BoardDescription {
        var board = Samples.board(name, models: ["classifier", "detector"])
        board.labels = ["tier": tier]
        return board
    }

    @Test(arguments: [1.0, 10, 20, 60], [[String: String](), ["tier": "edge"], ["tier": "none"]])
    func foretellsWhatApplyingChanges(milliseconds: Double, selector: [String: String]) {
        let boards = [board("a", tier: "edge"), board("b", tier: "core"), board("c", tier: "edge")]
        let current = Samples.policy(milliseconds: 20, models: ["classifier"], selector: ["tier": "edge"])
        var machine = machine(boards, [current, Samples.policy("q", milliseconds: 50, models: ["detector"])])
        let policy = Samples.policy(milliseconds: milliseconds, models: ["classifier"], selector: selector)

        let preview = machine.preview(of: policy)
        let before = machine.states
        _ = machine.policiesChanged([policy, machine.policies[1]], at: start)

        let changed = zip(before, machine.states).filter { $0.desired.models != $1.desired.models }
        #expect(preview.filter { $0.before != $0.after }.map(\.board) == changed.map(\.0.board.id))
        for (old, new) in changed {
            let told = preview.first { $0.board == old.board.id }
            #expect(told?.before == old.desired.models && told?.after == new.desired.models)
        }
        for state in machine.states {
            let known = before.first { $0.board.id == state.board.id }?.infeasible ?? []
            let told = preview.first { $0.board == state.board.id }?.infeasible ?? []
            #expect(told == state.infeasible.filter { !known.contains($0) })
        }
    }

    /// People see which policy a model's assignment comes of: of several, the first by name that names the model.
    @Test func theRulingPolicyOfAModelIsTold() {
        let boards = [board("a", tier: "edge"), board("b", tier: "core")]
        let policies = [
            Samples.policy("q", milliseconds: 50, models: ["classifier", "detector"], selector: [:]),
            Samples.policy("p", milliseconds: 20, models: ["classifier"], selector: ["tier": "edge"]),
        ]
        var machine = machine(boards, policies)
        #expect(machine.rules(of: boards[0].id).mapValues(\.policy) == ["classifier": "p", "detector": "q"])
        #expect(machine.rules(of: boards[1].id).mapValues(\.policy) == ["classifier": "q", "detector": "q"])
        _ = machine.policiesChanged([policies[1]], at: start)
        #expect(machine.rules(of: boards[0].id).mapValues(\.policy) == ["classifier": "p"])
        #expect(machine.rules(of: boards[1].id).isEmpty)
        #expect(machine.rules(of: Samples.board("c").id).isEmpty)
    }

    @Test func whatIsInForceAlreadyChangesNothing() {
        let policy = Samples.policy()
        #expect(machine([board("a", tier: "edge")], [policy]).preview(of: policy).isEmpty)
    }

    @Test func aPolicyIsPreviewedAsWithinItsWindows() {
        let machine = machine([board("a", tier: "edge")], [])
        var policy = Samples.policy()
        policy.windows = [PolicyWindow(days: [0], fromMinute: 1, toMinute: 2)]
        #expect(!machine.isInForce(policy) && machine.isInForce(Samples.policy()))
        #expect(machine.preview(of: policy).map(\.after.count) == [1])
    }

    /// A board that tries a version of another policy keeps it.
    @Test func trialsOfOtherPoliciesAreHeeded() {
        let boards = [board("a", tier: "edge"), board("b", tier: "edge")]
        let trial = PolicyTrial(policy: Samples.policy("a", milliseconds: 30), boards: [boards[0].id])
        let machine = machine(boards, [Samples.policy("p", milliseconds: 20)], trials: [trial])
        // The name of the trial's policy comes first, so that it rules the model on its board.
        #expect(machine.preview(of: Samples.policy("p", milliseconds: 10)).map(\.board) == [boards[1].id])
    }

    @Test func foretellsWhatWithdrawingChanges() {
        let boards = [board("a", tier: "edge"), board("b", tier: "core")]
        let first = Samples.policy("a", milliseconds: 10, models: ["classifier"], selector: ["tier": "edge"])
        let second = Samples.policy("b", milliseconds: 20, models: ["classifier", "detector"])
        var machine = machine(boards, [first, second])
        #expect(machine.preview(withoutPolicy: "none").isEmpty)

        let preview = machine.preview(withoutPolicy: "a")
        _ = machine.policiesChanged([second], at: start)

        // The other policy takes the model over on the one board; nothing is left without a policy.
        #expect(preview.map(\.board) == [boards[0].id])
        #expect(preview[0].after == machine.state(of: boards[0].id)?.desired.models)
        #expect(preview[0].after.map(\.latency.milliseconds) == [20, 20])
        let none = machine.preview(withoutPolicy: "b")
        _ = machine.policiesChanged([], at: start)
        #expect(none.map(\.board) == boards.map(\.id) && none.flatMap(\.after).isEmpty)
        #expect(machine.states.flatMap(\.desired.models).isEmpty)
    }
}
