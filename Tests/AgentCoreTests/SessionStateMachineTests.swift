import AgentCore
import FleetModel
import Testing
import WireProtocol

@Suite struct SessionStateMachineTests {
    private let start = ContinuousClock.now
    private var generator = SystemRandomNumberGenerator()
    private var machine: SessionStateMachine<ContinuousClock.Instant>
    private let hello: Message

    init() throws {
        let board = BoardDescription(
            id: try #require(BoardID("edge-1")), boardClass: "c", labels: [:], cores: 1, memoryBytes: 1,
            engineVersion: "1", models: [])
        machine = SessionStateMachine(settings: .init(), board: board, incarnation: 3, generation: 4, at: start)
        hello = .hello(board, incarnation: 3, reportedGeneration: 4)
    }

    private mutating func connect() {
        _ = machine.timerFired(at: start, using: &generator)
        _ = machine.messageReceived(.welcome(heartbeatMilliseconds: 1_000, liveness: 3), at: start)
    }

    @Test mutating func saysHelloAtOnceAndIsWelcomed() {
        #expect(machine.timerFired(at: start, using: &generator) == [.send(hello)])
        #expect(!machine.isConnected)
        #expect(
            machine.messageReceived(.welcome(heartbeatMilliseconds: 1_000, liveness: 3), at: start)
                == [.sessionStarted])
        #expect(machine.isConnected)
    }

    @Test mutating func heartbeatsOnlyWhenItHasBeenQuiet() {
        connect()
        machine.messageSent(at: start + .milliseconds(500))

        #expect(machine.timerFired(at: start + .seconds(1), using: &generator) == [])
        #expect(machine.timerFired(at: start + .milliseconds(1_500), using: &generator) == [.send(.heartbeat)])
    }

    @Test mutating func silenceEndsTheSession() {
        connect()
        for second in 1...2 { _ = machine.timerFired(at: start + .seconds(second), using: &generator) }

        #expect(machine.timerFired(at: start + .seconds(3), using: &generator) == [.sessionLost])
        #expect(!machine.isConnected)
    }

    @Test mutating func anyTrafficCountsAsASignOfLife() {
        connect()
        for second in 1...2 { _ = machine.timerFired(at: start + .seconds(second), using: &generator) }
        _ = machine.messageReceived(.heartbeat, at: start + .milliseconds(2_900))

        #expect(machine.timerFired(at: start + .seconds(3), using: &generator) == [.send(.heartbeat)])
        #expect(machine.isConnected)
    }

    @Test mutating func unansweredHelloesAreSpacedOutUpToTheLongestBackoff() {
        var now = start
        var waits: [Duration] = []
        for _ in 0..<12 {
            #expect(machine.timerFired(at: now, using: &generator) == [.send(hello)])
            now = machine.nextDeadline
            #expect(machine.timerFired(at: now, using: &generator) == [.helloUnanswered])
            waits.append(now.duration(to: machine.nextDeadline))
            now = machine.nextDeadline
        }

        #expect(waits[0] >= .milliseconds(125) && waits[0] <= .milliseconds(250))
        #expect(waits[11] >= .seconds(15) && waits[11] <= .seconds(30))
    }

    @Test mutating func aNewAssignmentIsAppliedBeforeItIsReported() {
        connect()
        let assignment = Assignment(generation: 5, models: [])

        #expect(machine.messageReceived(.assign(assignment), at: start) == [.apply(assignment)])
        #expect(machine.generation == 4)
        #expect(
            machine.assignmentApplied(generation: 5, at: start) == [.send(.assignmentReported(generation: 5))])
        #expect(
            machine.messageReceived(.assign(assignment), at: start) == [.send(.assignmentReported(generation: 5))])
        #expect(machine.messageReceived(.assign(Assignment(generation: 4, models: [])), at: start) == [])
        #expect(machine.generation == 5)
    }

    /// The disk was full: the board goes on as before, says so in its hello, and takes the assignment when it comes
    /// again.
    @Test mutating func anAssignmentThatCouldNotBeKeptIsNotReported() {
        connect()
        let assignment = Assignment(generation: 5, models: [])
        _ = machine.messageReceived(.assign(assignment), at: start)

        #expect(machine.messageReceived(.helloWanted, at: start) == [.sessionLost, .send(hello)])
        _ = machine.messageReceived(.welcome(heartbeatMilliseconds: 1_000, liveness: 3), at: start)
        #expect(machine.messageReceived(.assign(assignment), at: start) == [.apply(assignment)])
    }

    @Test mutating func anAssignmentAppliedBetweenSessionsIsInTheNextHello() {
        connect()
        _ = machine.messageReceived(.assign(Assignment(generation: 5, models: [])), at: start)
        _ = machine.messageReceived(.helloWanted, at: start)

        #expect(machine.assignmentApplied(generation: 5, at: start) == [])
        #expect(machine.generation == 5)
    }

    @Test mutating func aForgetfulCoordinatorIsGreetedAgain() {
        connect()

        #expect(machine.messageReceived(.helloWanted, at: start) == [.sessionLost, .send(hello)])
        #expect(
            machine.messageReceived(.welcome(heartbeatMilliseconds: 1_000, liveness: 3), at: start)
                == [.sessionStarted])
    }

    @Test mutating func aRefusalIsSaidOnceAndTheNextHelloWaits() {
        _ = machine.timerFired(at: start, using: &generator)
        #expect(
            machine.messageReceived(.refused(reason: "older"), at: start) == [.helloRefused(reason: "older")])
        #expect(machine.timerFired(at: start + .seconds(2), using: &generator) == [])
        #expect(machine.timerFired(at: start + .seconds(3), using: &generator) == [])
        #expect(machine.nextDeadline > start + .seconds(3))
        #expect(!machine.isConnected)
    }

    @Test mutating func acknowledgementsReachTheSpool() {
        connect()
        #expect(
            machine.messageReceived(.telemetryAcknowledged(incarnation: 3, sequence: 9), at: start)
                == [.telemetryAcknowledged(incarnation: 3, sequence: 9)])
    }
}
