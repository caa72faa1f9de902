import CoordinatorCore
import FleetModel
import Testing
import WireProtocol

/// Heartbeat 1 s, liveness 3: suspect after 3 s of silence, lost after 9 s; resends after 1, 2, 4, … 30 s.
@Suite struct FleetStateMachineTests {
    private typealias Machine = FleetStateMachine<ContinuousClock.Instant>
    private typealias Action = Machine.Action

    private let start = ContinuousClock.now
    private let board = Samples.board()
    private var id: BoardID { board.id }
    private var machine: Machine
    private static let welcome = Message.welcome(heartbeatMilliseconds: 1_000, liveness: 3)

    init() {
        machine = Self.restored([EnrolledBoard(board: Samples.board(), publicKey: "k")], at: start)
    }

    private static func restored(
        _ boards: [EnrolledBoard], policies: [Policy] = [], at now: ContinuousClock.Instant
    ) -> Machine {
        Machine(settings: .init(), boards: boards, policies: policies, at: now)
    }

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    private func hello(_ incarnation: UInt64 = 1, generation: UInt64 = 0) -> Message {
        .hello(board, incarnation: incarnation, reportedGeneration: generation)
    }

    /// With a disk that keeps the board.
    @discardableResult
    private mutating func receive(_ message: Message, _ seconds: Double = 0) -> [Action] {
        let actions = machine.messageReceived(message, from: id, at: at(seconds))
        if actions.contains(.saveBoard(id)) { machine.boardPersisted(id) }
        return actions
    }

    /// With a disk that works.
    @discardableResult
    private mutating func change(_ policies: [Policy], _ seconds: Double) -> [Action] {
        stored(machine.policiesChanged(policies, at: at(seconds)), seconds)
    }

    /// The actions, each save followed by what the machine answers once it is done.
    private mutating func stored(_ actions: [Action], _ seconds: Double) -> [Action] {
        actions.flatMap { action in
            guard case .saveAssignment(let assignment, let id) = action else { return [action] }
            return [action] + machine.assignmentPersisted(id, generation: assignment.generation, at: at(seconds))
        }
    }

    private var state: BoardState? { machine.state(of: id) }

    private mutating func bring(to status: BoardStatus) {
        if status != .enrolled { receive(hello()) }
        if status == .suspect || status == .lost { _ = machine.timerFired(at: at(3)) }
        if status == .lost { _ = machine.timerFired(at: at(9)) }
        #expect(state?.status == status)
    }

    // MARK: Sessions

    struct Transition: Sendable, CustomTestStringConvertible {
        var from: BoardStatus
        var message: Message
        var to: BoardStatus
        var answers: [Message]
        var testDescription: String { "\(from) + \(message.code) -> \(to)" }
    }

    private static let report = Message.assignmentReported(generation: 0)

    static let transitions: [Transition] = [
        Transition(from: .enrolled, message: .heartbeat, to: .enrolled, answers: [.helloWanted]),
        Transition(from: .enrolled, message: report, to: .enrolled, answers: [.helloWanted]),
        Transition(from: .enrolled, message: .telemetry([]), to: .enrolled, answers: [.helloWanted]),
        Transition(from: .enrolled, message: .goodbye, to: .enrolled, answers: [.helloWanted]),
        Transition(from: .connected, message: .heartbeat, to: .connected, answers: [.heartbeat]),
        Transition(from: .connected, message: report, to: .connected, answers: []),
        Transition(from: .connected, message: .goodbye, to: .enrolled, answers: []),
        Transition(from: .suspect, message: .heartbeat, to: .connected, answers: [.heartbeat]),
        Transition(from: .suspect, message: report, to: .connected, answers: []),
        Transition(from: .suspect, message: .goodbye, to: .enrolled, answers: []),
        Transition(from: .lost, message: .heartbeat, to: .lost, answers: [.helloWanted]),
        Transition(from: .lost, message: .goodbye, to: .lost, answers: [.helloWanted]),
        // What only the coordinator or a stranger may say changes nothing but the sign of life.
        Transition(from: .connected, message: .helloWanted, to: .connected, answers: []),
        Transition(from: .suspect, message: .enrolled(board: Samples.board().id), to: .connected, answers: []),
    ]

    @Test(arguments: transitions)
    mutating func messageLeadsTo(transition: Transition) {
        bring(to: transition.from)

        let actions = receive(transition.message, 9.5)

        #expect(state?.status == transition.to)
        let hasLeft = transition.message == .goodbye && transition.answers.isEmpty
        #expect(actions == transition.answers.map { .send($0, id) } + (hasLeft ? [.saveBoard(id)] : []))
        #expect(machine.hasLeft(id) == hasLeft)
    }

    @Test(arguments: BoardStatus.allCases)
    mutating func helloConnectsFromEveryStatus(status: BoardStatus) {
        bring(to: status)

        let actions = receive(hello(2), 9.5)

        #expect(state?.status == .connected)
        #expect(actions.last == .send(Self.welcome, id))
        #expect(actions.first == .saveBoard(id))
    }

    @Test mutating func silenceLeadsThroughSuspectToLost() {
        receive(hello())

        #expect(machine.timerFired(at: at(2.9)) == [])
        #expect(state?.status == .connected)
        #expect(machine.timerFired(at: at(3)) == [])
        #expect(state?.status == .suspect)
        #expect(machine.timerFired(at: at(8.9)) == [])
        #expect(state?.status == .suspect)
        #expect(machine.timerFired(at: at(9)) == [.record(.boardLost, id, "silent for 9000 ms")])
        #expect(state?.status == .lost)
        #expect(machine.timerFired(at: at(1_000)) == [])
    }

    @Test func boardsThatDoNotComeBackAfterAStartAreLost() throws {
        let names = ["back", "gone", "drained", "new"].map { Samples.board($0) }
        let boards = names.map {
            EnrolledBoard(board: $0, publicKey: "", incarnation: $0.id.description == "new" ? 0 : 7)
        }
        var machine = Machine(settings: .init(), boards: boards, policies: [], drained: [names[2].id], at: start)
        let gone = Action.record(.boardLost, names[1].id, "not back 120000 ms after the coordinator's start")
        _ = machine.messageReceived(
            .hello(names[0], incarnation: 7, reportedGeneration: 0), from: names[0].id, at: at(119))

        #expect(!machine.timerFired(at: at(119.9)).contains(gone))
        let actions = machine.timerFired(at: at(120))

        #expect(actions.filter { if case .record(.boardLost, _, _) = $0 { true } else { false } } == [gone])
        #expect(machine.states.map(\.status) == [.connected, .enrolled, .lost, .enrolled])
        #expect(!machine.timerFired(at: at(1_000)).contains { "\($0)".contains("not back") })
        _ = machine.messageReceived(
            .hello(names[1], incarnation: 8, reportedGeneration: 0), from: names[1].id, at: at(1_001))
        #expect(machine.state(of: names[1].id)?.status == .connected)
    }

    /// Nobody waits for a board that said goodbye, before the coordinator's end or after its start.
    @Test func boardsThatSaidGoodbyeAreNotMissed() throws {
        let boards = ["before", "after"].map { Samples.board($0) }
        var machine = Machine(
            settings: .init(),
            boards: [
                EnrolledBoard(board: boards[0], publicKey: "a", incarnation: 7, hasLeft: true),
                EnrolledBoard(board: boards[1], publicKey: "b", incarnation: 7),
            ], policies: [], at: start)
        #expect(machine.messageReceived(.goodbye, from: boards[1].id, at: at(1)) == [.saveBoard(boards[1].id)])
        #expect(boards.map { machine.hasLeft($0.id) } == [true, true])
        for second in stride(from: 60.0, through: 600, by: 60) { #expect(machine.timerFired(at: at(second)).isEmpty) }
        #expect(machine.states.map(\.status) == [.enrolled, .enrolled])

        // The same start of the agent, and nothing else new: that it is back has to be stored.
        let actions = machine.messageReceived(
            .hello(boards[0], incarnation: 7, reportedGeneration: 0), from: boards[0].id, at: at(601))
        #expect(actions.contains(.saveBoard(boards[0].id)) && !machine.hasLeft(boards[0].id))
    }

    @Test mutating func anyMessageIsASignOfLife() {
        receive(hello())
        for second in 1...20 {
            receive(Self.report, Double(second))
            #expect(machine.timerFired(at: at(Double(second) + 0.9)) == [])
        }
        #expect(state?.status == .connected)
    }

    @Test mutating func strangersAreNotAnswered() throws {
        let stranger = try #require(BoardID("stranger"))
        #expect(machine.messageReceived(.heartbeat, from: stranger, at: start) == [])
        #expect(machine.messageReceived(hello(), from: stranger, at: start) == [])
        #expect(machine.states.count == 1)
    }

    // MARK: Hellos

    @Test mutating func firstHelloIsStoredBeforeItIsAnswered() {
        #expect(
            receive(hello()) == [
                .saveBoard(id), .record(.boardConnected, id, "connected"), .send(Self.welcome, id),
            ])
    }

    @Test mutating func repeatedHelloIsWelcomedAndChangesNothing() {
        receive(hello())
        #expect(receive(hello(), 1) == [.send(Self.welcome, id)])
    }

    @Test mutating func helloThatCouldNotBeStoredIsStoredAtTheNext() {
        for second in 0...2 {
            #expect(machine.messageReceived(hello(), from: id, at: at(Double(second))).first == .saveBoard(id))
        }
        machine.boardPersisted(id)
        #expect(machine.messageReceived(hello(), from: id, at: at(3)) == [.send(Self.welcome, id)])
    }

    @Test mutating func assignmentThatCouldNotBeStoredIsStoredBeforeItIsSent() throws {
        receive(hello())
        _ = machine.policiesChanged([Samples.policy()], at: at(0))
        let desired = try #require(state?.desired)

        #expect(machine.timerFired(at: at(1)) == [.saveAssignment(desired, id)])
        #expect(receive(hello(), 1) == [.send(Self.welcome, id), .saveAssignment(desired, id)])
        #expect(machine.assignmentPersisted(id, generation: 1, at: at(2)) == [.send(.assign(desired), id)])
        #expect(receive(hello(), 3) == [.send(Self.welcome, id), .send(.assign(desired), id)])
    }

    @Test mutating func persistedAssignmentThatWasOvertakenIsNotSent() {
        receive(hello())
        _ = machine.policiesChanged([Samples.policy(milliseconds: 10)], at: at(0))
        _ = machine.policiesChanged([Samples.policy(milliseconds: 5)], at: at(0))
        #expect(machine.assignmentPersisted(id, generation: 1, at: at(1)) == [])
        #expect(machine.assignmentPersisted(id, generation: 2, at: at(1)).count == 1)
    }

    @Test mutating func restartOfTheAgentIsRecorded() {
        receive(hello())
        #expect(
            receive(hello(2), 1) == [
                .saveBoard(id), .record(.boardRestarted, id, "incarnation 2"), .send(Self.welcome, id),
            ])
    }

    @Test mutating func impossibleHellosAreRefusedAndChangeNothing() {
        receive(hello(5))
        let before = state
        var twice = board
        twice.models.append(board.models[0])
        let lead = Machine.generationLead
        let hellos: [(Message, String)] = [
            (hello(4), "older than 5"), (hello(0), "first start"),
            (.hello(Samples.board("other"), incarnation: 6, reportedGeneration: 0), "says it is other"),
            (.hello(twice, incarnation: 6, reportedGeneration: 0), "named twice"),
            (hello(5, generation: lead + 1), "never assigned"), (hello(5, generation: .max), "never assigned"),
        ]
        for (message, reason) in hellos {
            let actions = receive(message, 1)
            guard case .record(.messageRefused, id, let text) = actions.first,
                actions.dropFirst() == [.send(.refused(reason: text), id)]
            else {
                Issue.record("\(message) gave \(actions)")
                continue
            }
            #expect(text.contains(reason))
            #expect(state == before)
        }
    }

    // MARK: Assignments

    @Test mutating func policyIsStoredThenSentAndReported() throws {
        receive(hello())

        let actions = machine.policiesChanged([Samples.policy()], at: at(1))

        let desired = try #require(state?.desired)
        #expect(desired.generation == 1)
        #expect(desired.models.map(\.highestPoint) == [1])
        #expect(
            actions == [
                .saveAssignment(desired, id), .record(.assignmentChanged, id, "generation 1"),
            ])
        #expect(machine.assignmentPersisted(id, generation: 1, at: at(1)) == [.send(.assign(desired), id)])
        #expect(state?.isConverged == false)
        receive(.assignmentReported(generation: 1), 2)
        #expect(state?.isConverged == true)
        #expect(machine.policiesChanged([Samples.policy()], at: at(2)) == [])
    }

    @Test mutating func assignmentIsSentAgainWithGrowingPausesUntilReported() {
        receive(hello())
        change([Samples.policy()], 0)
        var sent: [Int] = []
        for second in 1...100 {
            receive(.heartbeat, Double(second))
            let assigns = machine.timerFired(at: at(Double(second))).filter(\.isAssign)
            if !assigns.isEmpty { sent.append(second) }
        }
        #expect(sent == [1, 3, 7, 15, 31, 61, 91])

        receive(.assignmentReported(generation: 1), 101)
        for second in 101...300 {
            receive(.heartbeat, Double(second))
            #expect(machine.timerFired(at: at(Double(second))) == [])
        }
    }

    @Test mutating func assignmentMadeDuringASilenceIsSentOnceTheBoardIsHeard() {
        receive(hello())
        _ = machine.timerFired(at: at(3))
        let actions = change([Samples.policy()], 4)
        #expect(actions.contains { $0.isAssign } == false)

        receive(.heartbeat, 5)

        #expect(machine.timerFired(at: at(5)).contains { $0.isAssign })
    }

    @Test mutating func oldAndRepeatedReportsChangeNothing() {
        receive(hello())
        change([Samples.policy(milliseconds: 10)], 0)
        change([Samples.policy(milliseconds: 5)], 1)
        for generation: UInt64 in [1, 2, 2, 1] { receive(.assignmentReported(generation: generation), 2) }
        #expect(state?.reportedGeneration == 2 && state?.isConverged == true)
    }

    @Test mutating func reportOfAGenerationThatWasNeverAssignedIsRefused() {
        receive(hello())
        let actions = receive(.assignmentReported(generation: 3), 1)
        #expect(actions == [.record(.messageRefused, id, "reports generation 3, which was never assigned")])
        #expect(state?.reportedGeneration == 0)
    }

    @Test mutating func reconnectedBoardIsSentWhatItDoesNotReport() {
        receive(hello())
        change([Samples.policy()], 0)

        #expect(receive(hello(generation: 0), 1).last?.isAssign == true)
        #expect(receive(hello(generation: 1), 2) == [.send(Self.welcome, id)])
    }

    @Test mutating func restartedCoordinatorGoesOnWhereItWas() throws {
        receive(hello())
        change([Samples.policy()], 0)
        let desired = try #require(state?.desired)

        machine = Self.restored(
            [EnrolledBoard(board: board, publicKey: "k", incarnation: 1, assignment: desired)],
            policies: [Samples.policy()], at: at(1))

        #expect(receive(.heartbeat, 2) == [.send(.helloWanted, id)])
        #expect(
            receive(hello(generation: 1), 3) == [
                .record(.boardConnected, id, "connected"), .send(Self.welcome, id),
            ])
        #expect(state?.desired == desired && state?.isConverged == true)
    }

    @Test mutating func boardThatOutlivedTheStoreIsOvertaken() {
        change([Samples.policy()], 0)

        let actions = stored(receive(hello(generation: 41), 1), 1)

        #expect(state?.desired.generation == 42)
        #expect(actions.contains { $0.isAssign })
        let saved = actions.firstIndex { if case .saveAssignment = $0 { true } else { false } }
        let sent = actions.firstIndex { $0.isAssign }
        #expect((saved ?? .max) < (sent ?? .min))
    }

    /// Hysteresis is for noise: what people change about a policy counts at once.
    @Test mutating func aChangedPolicyIsFollowedToTheLetter() throws {
        receive(hello())
        change([Samples.policy(milliseconds: 12.1)], 1)
        #expect(state?.desired.models.map(\.highestPoint) == [2])
        change([Samples.policy(milliseconds: 11.9)], 2)
        #expect(state?.desired.models.map(\.highestPoint) == [1])
    }

    @Test mutating func changedDescriptionChangesTheAssignment() {
        receive(hello())
        change([Samples.policy(milliseconds: 20)], 0)
        #expect(state?.desired.models.map(\.preferredPoint) == [3])

        var slower = board
        for index in slower.models[0].points.indices { slower.models[0].points[index].latencyMilliseconds *= 2 }
        receive(.hello(slower, incarnation: 2, reportedGeneration: 1), 1)

        #expect(state?.desired.generation == 2)
        #expect(state?.desired.models.map(\.highestPoint) == [1])
    }

    /// A board that measures its points anew after a restart keeps its assignment, even where the constraint lies
    /// within what measurements vary by; a real change moves it.
    @Test mutating func noiseInADescriptionLeavesTheAssignment() throws {
        receive(hello())
        change([Samples.policy(milliseconds: 12.1)], 1)
        let before = try #require(state?.desired)
        #expect(before.models.map(\.highestPoint) == [2])
        var noisy = board
        for index in noisy.models[0].points.indices { noisy.models[0].points[index].latencyMilliseconds *= 1.02 }
        receive(.hello(noisy, incarnation: 2, reportedGeneration: before.generation), 2)
        #expect(state?.desired == before)
        // Nor does a policy that rules other boards.
        let elsewhere = Samples.policy("other", milliseconds: 1, selector: ["room": "another"])
        change([Samples.policy(milliseconds: 12.1), elsewhere], 2)
        #expect(state?.desired == before)
        for index in noisy.models[0].points.indices { noisy.models[0].points[index].latencyMilliseconds *= 1.2 }
        receive(.hello(noisy, incarnation: 3, reportedGeneration: before.generation), 3)
        #expect(state?.desired.models.map(\.highestPoint) == [1])
    }

    @Test mutating func withdrawnPolicyLeavesAnEmptyAssignment() {
        receive(hello())
        change([Samples.policy()], 0)
        change([], 1)
        #expect(state?.desired == Assignment(generation: 2, models: []))
    }

    @Test mutating func unmeetablePolicyIsRecordedOnceAndTheLeastBadAssigned() {
        receive(hello())
        let actions = machine.policiesChanged([Samples.policy(milliseconds: 3)], at: at(0))
        let reason = "model classifier: its fastest point takes 4 ms, the constraint is 3 ms"
        #expect(actions.first == .record(.constraintInfeasible, id, reason))
        #expect(state?.infeasible == [reason])
        #expect(state?.desired.models.map(\.preferredPoint) == [0])

        #expect(machine.policiesChanged([Samples.policy(milliseconds: 3)], at: at(1)).contains { $0.isRecord } == false)
        change([Samples.policy(milliseconds: 10)], 2)
        #expect(state?.infeasible == [])
    }

    @Test mutating func whatCanBeMetAgainIsRecordedOnce() {
        receive(hello())
        change([Samples.policy(milliseconds: 3)], 0)
        let message = "model classifier: feasible again; before: its fastest point takes 4 ms, the constraint is 3 ms"
        let feasible = Machine.Action.record(.constraintFeasible, id, message)
        // Still not met, by another figure.
        let other = machine.policiesChanged([Samples.policy(milliseconds: 3.5)], at: at(1))
        #expect(!other.contains { $0.isRecord(.constraintFeasible) })
        change([Samples.policy(milliseconds: 3)], 2)

        #expect(machine.policiesChanged([Samples.policy(milliseconds: 10)], at: at(3)).contains(feasible))
        let again = machine.policiesChanged([Samples.policy(milliseconds: 11)], at: at(4))
        #expect(!again.contains { $0.isRecord(.constraintFeasible) })

        // By its own doing, too: a board that measures faster points.
        change([Samples.policy(milliseconds: 3)], 5)
        var faster = board
        for index in faster.models[0].points.indices { faster.models[0].points[index].latencyMilliseconds /= 2 }
        let hello = Message.hello(faster, incarnation: 2, reportedGeneration: 0)
        #expect(machine.messageReceived(hello, from: id, at: at(6)).contains(feasible))
    }

    /// What is no longer asked is not met.
    @Test mutating func aModelThatIsNoLongerRuledIsNotFeasibleAgain() {
        receive(hello())
        for way in 0..<3 {
            change([Samples.policy(milliseconds: 3)], Double(way))
            #expect(state?.infeasible.count == 1)
            let actions =
                switch way {
                case 0: machine.policiesChanged([], at: at(9))
                case 1: machine.boardDrained(id, true, at: at(9)) + machine.boardDrained(id, false, at: at(9))
                default: machine.boardRevoked(id)
                }
            #expect(!actions.contains { $0.isRecord(.constraintFeasible) }, "\(way)")
        }
    }

    /// Restored from a store, or enrolled without a hello: never checked by one.
    @Test mutating func impossibleDescriptionIsNamedInsteadOfAllocated() {
        var broken = Samples.board("broken")
        broken.models[0].framesPerSecond = 1e308
        _ = machine.boardEnrolled(EnrolledBoard(board: broken, publicKey: "b"), at: start)
        change([Samples.policy()], 0)
        let state = machine.state(of: broken.id)
        #expect(state?.desired.models.isEmpty == true)
        #expect(state?.infeasible.first?.contains("cannot be used") == true)
    }

    // MARK: Enrolment

    @Test mutating func enrolledBoardWaitsForItsHello() {
        let new = Samples.board("new")
        let actions = machine.boardEnrolled(EnrolledBoard(board: new, publicKey: "n"), at: start)
        #expect(actions == [.record(.boardEnrolled, new.id, "enrolled as test")])
        #expect(machine.state(of: new.id)?.status == .enrolled)
        #expect(machine.states.map(\.board.id) == [id, new.id])
    }

    @Test mutating func boardThatEnrolsAgainKeepsIncarnationAndGeneration() {
        receive(hello(7))
        change([Samples.policy()], 0)
        _ = machine.boardEnrolled(EnrolledBoard(board: board, publicKey: "other"), at: at(1))
        #expect(state?.status == .enrolled)
        #expect(state?.incarnation == 7 && state?.desired.generation == 1)
    }

    @Test mutating func revokedBoardIsForgottenAndNotAnswered() {
        receive(hello())
        #expect(machine.boardRevoked(id) == [.record(.boardRevoked, id, "revoked")])
        #expect(machine.boardRevoked(id) == [])
        #expect(receive(hello(), 1) == [])
        #expect(machine.states.isEmpty)
    }

    @Test func boardsAreLimited() {
        let full = Self.restored(
            (0..<FleetLimits.boards).map { EnrolledBoard(board: Samples.board("b\($0)"), publicKey: "\($0)") },
            at: start)
        #expect(full.room == 0)
        #expect(machine.room > 0)
    }
}

extension FleetStateMachine.Action {
    var isAssign: Bool { if case .send(.assign, _) = self { true } else { false } }
    var isRecord: Bool { if case .record = self { true } else { false } }
    func isRecord(_ kind: FleetEvent.Kind) -> Bool { if case .record(kind, _, _) = self { true } else { false } }
}
