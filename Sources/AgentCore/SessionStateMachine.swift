public import Artefacts
public import FleetModel
public import WireProtocol

/// Keeps an agent in touch with its coordinator. Pure: time, randomness and messages come in, actions leave.
///
/// The first hello after a lost session comes at a random moment of one heartbeat: what silenced this board may have
/// silenced all of them, and they must not come back as one.
///
///     waiting ──timer──▶ greeting ──welcome──▶ connected
///        ▲                  │ no answer            │ silence for liveness x interval
///        └──────backoff─────┴──────────────────────┘
///
/// Any traffic counts as a sign of life, in both directions. The board goes on with its last assignment in every
/// state. An assignment is applied when its generation is higher than the last one; an equal one is reported again,
/// because the report may have been lost; a lower one is ignored.
public struct SessionStateMachine<Instant: InstantProtocol>: Sendable
where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        /// A hello that was not answered for this long is given up.
        public var answer: Duration = .seconds(3)
        /// First wait after a failure; doubles up to `longestBackoff`. Half of each wait is random.
        public var backoff: Duration = .milliseconds(250)
        public var longestBackoff: Duration = .seconds(30)

        public init() {}
    }

    public enum Action: Equatable, Sendable {
        case send(Message)
        /// Persist and carry out, then call `assignmentApplied`, which reports it.
        case apply(Assignment)
        case sessionStarted
        case sessionLost
        /// For people: nobody answers, so the next hello waits.
        case helloUnanswered
        /// For people: the coordinator answers, but not this board.
        case helloRefused(reason: String)
        case telemetryAcknowledged(incarnation: UInt64, sequence: UInt64)
        /// Of gates that are learned together.
        case gates(GateOrder)
        /// Of a subnet that the coordinator wants measured.
        case measure(MeasureOrder)
        /// Of artefacts and what they are made of.
        case artefacts(ArtefactOrder)
        /// Of the board's key.
        case key(KeyOrder)
    }

    private enum State: Sendable {
        case waiting(until: Instant)
        case greeting(since: Instant, isRefused: Bool)
        case connected(heard: Instant, sent: Instant, interval: Duration, liveness: Int)
    }

    private let settings: Settings
    private let board: BoardDescription
    private let incarnation: UInt64
    private var state: State
    private var backoff: Duration
    /// Generation of the assignment in force; 0 before the first.
    public private(set) var generation: UInt64

    public init(
        settings: Settings, board: BoardDescription, incarnation: UInt64, generation: UInt64, at now: Instant
    ) {
        self.settings = settings
        self.board = board
        self.incarnation = incarnation
        self.generation = generation
        state = .waiting(until: now)
        backoff = settings.backoff
    }

    public var isConnected: Bool { if case .connected = state { true } else { false } }

    // MARK: Messages

    public mutating func messageReceived(_ message: Message, at now: Instant) -> [Action] {
        if case .connected(_, let sent, let interval, let liveness) = state {
            state = .connected(heard: now, sent: sent, interval: interval, liveness: liveness)
        }
        switch message {
        case .welcome(let heartbeat, let liveness): return welcomed(heartbeat, liveness, at: now)
        case .helloWanted: return greet(at: now)
        case .assign(let assignment): return assigned(assignment, at: now)
        case .telemetryAcknowledged(let incarnation, let sequence):
            return [.telemetryAcknowledged(incarnation: incarnation, sequence: sequence)]
        case .refused(let reason): return refused(reason, at: now)
        case .heartbeat: return []
        case .gateOrder(let order): return isConnected ? [.gates(order)] : []
        case .measureOrder(let order): return isConnected ? [.measure(order)] : []
        case .artefactOrder(let order): return isConnected ? [.artefacts(order)] : []
        case .keyOrder(let order): return isConnected ? [.key(order)] : []
        case .enrol, .enrolled, .hello, .telemetry, .assignmentReported, .goodbye, .gateReport, .measureReport,
            .artefactReport, .keyReport:
            return []
        }
    }

    private mutating func welcomed(_ heartbeatMilliseconds: UInt32, _ liveness: UInt32, at now: Instant) -> [Action] {
        let wasConnected = isConnected
        backoff = settings.backoff
        state = .connected(
            heard: now, sent: now, interval: .milliseconds(Int(max(heartbeatMilliseconds, 1))),
            liveness: Int(max(liveness, 1)))
        return wasConnected ? [] : [.sessionStarted]
    }

    /// The next hello comes as late as if there had been no answer: what is wrong takes people to mend.
    private mutating func refused(_ reason: String, at now: Instant) -> [Action] {
        guard case .greeting(let since, _) = state else { return [] }
        state = .greeting(since: since, isRefused: true)
        return [.helloRefused(reason: reason)]
    }

    private mutating func assigned(_ assignment: Assignment, at now: Instant) -> [Action] {
        guard isConnected, assignment.generation >= generation else { return [] }
        return assignment.generation > generation ? [.apply(assignment)] : report(at: now)
    }

    /// The assignment is on the disk and in force. One that could not be kept is not reported: the coordinator sends
    /// it again.
    public mutating func assignmentApplied(generation: UInt64, at now: Instant) -> [Action] {
        self.generation = max(self.generation, generation)
        return isConnected ? report(at: now) : []
    }

    private mutating func report(at now: Instant) -> [Action] {
        messageSent(at: now)
        return [.send(.assignmentReported(generation: generation))]
    }

    /// The shell sent something of its own, such as telemetry.
    public mutating func messageSent(at now: Instant) {
        guard case .connected(let heard, _, let interval, let liveness) = state else { return }
        state = .connected(heard: heard, sent: now, interval: interval, liveness: liveness)
    }

    // MARK: Timers

    public var nextDeadline: Instant {
        switch state {
        case .waiting(let until): until
        case .greeting(let since, _): since.advanced(by: settings.answer)
        case .connected(let heard, let sent, let interval, let liveness):
            min(sent.advanced(by: interval), heard.advanced(by: interval * liveness))
        }
    }

    public mutating func timerFired(at now: Instant, using generator: inout some RandomNumberGenerator) -> [Action] {
        guard now >= nextDeadline else { return [] }
        switch state {
        case .waiting: return greet(at: now)
        case .greeting(_, let isRefused):
            wait(at: now, using: &generator)
            return isRefused ? [] : [.helloUnanswered]
        case .connected(let heard, _, let interval, let liveness):
            if now >= heard.advanced(by: interval * liveness) {
                backoff = settings.backoff
                let share = Double.random(in: 0...1, using: &generator)
                state = .waiting(until: now.advanced(by: interval * share))
                return [.sessionLost]
            }
            messageSent(at: now)
            return [.send(.heartbeat)]
        }
    }

    private mutating func greet(at now: Instant) -> [Action] {
        let wasConnected = isConnected
        state = .greeting(since: now, isRefused: false)
        let hello = Message.hello(board, incarnation: incarnation, reportedGeneration: generation)
        return (wasConnected ? [.sessionLost] : []) + [.send(hello)]
    }

    /// Whatever was sent until now may be lost: the coordinator is greeted over the new connection.
    public mutating func connectionReplaced(at now: Instant) -> [Action] { greet(at: now) }

    private mutating func wait(at now: Instant, using generator: inout some RandomNumberGenerator) {
        let jitter = Double.random(in: 0.5...1, using: &generator)
        state = .waiting(until: now.advanced(by: backoff * jitter))
        backoff = min(backoff * 2, settings.longestBackoff)
    }
}
