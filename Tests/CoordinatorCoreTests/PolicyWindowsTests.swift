import CoordinatorCore
import FleetModel
import Testing
import WireProtocol

/// Policies with windows come into force and go by the clock; interference is heeded where it was measured.
@Suite struct PolicyWindowsTests {
    private typealias Machine = FleetStateMachine<ContinuousClock.Instant>

    private let start = ContinuousClock.now

    private func machine(_ boards: [BoardDescription], _ policies: [Policy], clock: Int64) -> Machine {
        var machine = Machine(
            settings: .init(), boards: boards.map { EnrolledBoard(board: $0, publicKey: "k") }, policies: policies,
            clockSeconds: clock, at: start)
        for board in boards {
            save(
                machine.messageReceived(.hello(board, incarnation: 1, reportedGeneration: 0), from: board.id, at: start)
            )
        }
        return machine

        func save(_ actions: [Machine.Action]) {
            for case .saveAssignment(let assignment, let id) in actions {
                _ = machine.assignmentPersisted(id, generation: assignment.generation, at: start)
            }
        }
    }

    @Test func aPolicyComesIntoForceAndGoes() {
        let board = Samples.board()
        // By day 10 ms, by night 20.
        var day = Samples.policy("a-day", milliseconds: 10)
        day.windows = [PolicyWindow(days: Array(0..<7), fromMinute: 480, toMinute: 1_200)]
        day.switchesPerMinute = 6
        let night = Samples.policy("b-night", milliseconds: 20)
        var machine = machine([board], [day, night], clock: 7 * 3_600)
        func desired() -> ModelAssignment? { machine.state(of: board.id)?.desired.models.first }
        #expect(desired()?.latency.milliseconds == 20 && desired()?.switchesPerMinute == nil)

        #expect(machine.clockRead(secondsSince1970: 8 * 3_600 - 1, at: start).isEmpty)
        let begun = machine.clockRead(secondsSince1970: 8 * 3_600, at: start)
        #expect(begun.first == .record(.policyWindow, nil, "policy a-day is in force"))
        #expect(desired()?.latency.milliseconds == 10 && desired()?.switchesPerMinute == 6)
        #expect(machine.clockRead(secondsSince1970: 8 * 3_600 + 1, at: start).isEmpty)

        let ended = machine.clockRead(secondsSince1970: 20 * 3_600, at: start)
        #expect(ended.first == .record(.policyWindow, nil, "policy a-day is no longer in force"))
        #expect(desired()?.latency.milliseconds == 20)
    }

    @Test func aDryRunJudgesAPolicyAsIfItWereInForce() {
        let machine = machine([Samples.board()], [], clock: 0)
        var policy = Samples.policy(milliseconds: 1)
        policy.windows = [PolicyWindow(days: [0], fromMinute: 1, toMinute: 2)]
        #expect(machine.infeasible(with: policy).count == 1)
    }

    /// Points of 4 to 16 ms: within 17 alone, not beside one that makes them half as long again.
    @Test func interferenceIsHeededAndPredictedForBoardsOfTheClass() {
        let models = ["classifier", "detector"]
        let policy = Samples.policy(milliseconds: 17, models: models)
        var measured = Samples.board("a", cores: 4, models: models)
        measured.interference = Interference(factors: [
            "classifier": ["detector": 1.5], "detector": ["classifier": 1],
        ])
        var other = Samples.board("c", cores: 4, models: models)
        other.boardClass = "other"
        let boards = [measured, Samples.board("b", cores: 4, models: models), other]
        let machine = machine(boards, [policy], clock: 0)
        func preferred(_ board: Int, _ model: String) -> Int? {
            machine.state(of: boards[board].id)?.desired.models.first { $0.model == model }?.preferredPoint
        }
        #expect(preferred(0, "classifier") == 1 && preferred(0, "detector") == 3)
        // The same class, not measured; another class.
        #expect(preferred(1, "classifier") == 1 && preferred(1, "detector") == 3)
        #expect(preferred(2, "classifier") == 3 && preferred(2, "detector") == 3)
    }

    @Test func impossibleInterferenceIsRefused() {
        var board = Samples.board(models: ["classifier"])
        for factors in [["classifier": ["unknown": 2.0]], ["classifier": ["classifier": 2]]] {
            board.interference = Interference(factors: factors)
            #expect(throws: BoardRefusal.self) { try board.validate() }
        }
        board = Samples.board(models: ["classifier", "detector"])
        for factor in [0, -1, .nan, .infinity, 1e6] {
            board.interference = Interference(factors: ["classifier": ["detector": factor]])
            #expect(throws: BoardRefusal.self) { try board.validate() }
        }
    }
}
