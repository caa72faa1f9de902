import AgentCore
import Artefacts
import FleetModel
import Foundation
import Logging
import Mailboxes
import Messaging
import SearchSpace
import Synchronization
import WireProtocol

/// The one actor of an agent that owns decisions: the session, the spool and the assignment in force.
actor AgentControl {
    private var session: SessionStateMachine<ContinuousClock.Instant>
    private var spool: SpoolDesk
    private var sampler: TelemetrySampler
    private var generator: SeededGenerator
    private var assignment: Assignment?
    /// What the disk did not take; tried again with every window, for the coordinator repeats it ever more slowly.
    private var unkept: Assignment?
    private var windowStart: ContinuousClock.Instant
    private var windowStartMilliseconds: UInt64
    private let state: AgentState
    private let transport: RekeyedTransport
    private let runners: [ModelRunner]
    private let window: Duration
    private let logger: Logger
    private var sharing: SharingDesk
    private var measuring: MeasuringDesk
    /// `nil` where the disk has no room for them.
    private var artefacts: ArtefactDesk?
    /// What the board does by itself when policies come into force or go while it is alone.
    private var offline: OfflinePolicies<ContinuousClock.Instant>
    /// Envelopes that were posted to models, of the coordinator's and own ones.
    private var postings: UInt64 = 0
    /// `nil` where nothing runs that could be held.
    private var shares: ShareDesk?
    /// `nil` where the key stays.
    private var keys: KeyDesk?
    /// Addresses that it may be reached at.
    private let coordinators: Int
    /// In a row.
    private var unansweredHellos = 0
    private let incarnation: UInt64
    /// With the coordinator, since the start.
    private var sessions: UInt64 = 0
    private var lastWindow: TelemetryRecord?
    /// When timers were looked after last.
    private(set) var lastTimer: ContinuousClock.Instant?
    nonisolated let isStopping = Mutex(false)

    init(
        board: BoardDescription, incarnation: UInt64, state: AgentState, transport: RekeyedTransport,
        runners: [ModelRunner], sampler: TelemetrySampler, spool: SpoolDesk, artefacts: ArtefactDesk? = nil,
        shares: ShareDesk? = nil, keys: KeyDesk? = nil, coordinators: Int = 1, window: Duration, logger: Logger
    ) {
        let now = ContinuousClock.now
        let known = state.assignment()
        session = SessionStateMachine(
            settings: .init(), board: board, incarnation: incarnation, generation: known?.generation ?? 0, at: now)
        offline = OfflinePolicies(board: board, told: state.policiesInForce(), at: now)
        self.spool = spool
        self.incarnation = incarnation
        assignment = known
        generator = SeededGenerator(seed: UInt64.random(in: 0...UInt64.max))
        windowStart = now
        windowStartMilliseconds = Self.wallClock()
        self.state = state
        self.transport = transport
        self.runners = runners
        self.sampler = sampler
        self.window = window
        self.artefacts = artefacts
        self.shares = shares
        self.keys = keys
        self.coordinators = max(1, coordinators)
        self.logger = logger
        let supernets = runners.map { ($0.deployment.name, $0.deployment.supernet) }
        measuring = MeasuringDesk(
            Dictionary(supernets, uniquingKeysWith: { first, _ in first }).compactMapValues { $0 })
        sharing = SharingDesk(runners.compactMap { $0.deployment.hooks?.shared }, state: state, logger: logger)
    }

    /// A board that restarts without its coordinator goes on as it was told last.
    func resumeLastAssignment() { if let assignment { carryOut(assignment.models) } }

    /// The agent ends as it should, and not by a failure.
    func stopped() {
        artefacts?.stopping()
        shares?.stopped()
    }

    /// For whoever scrapes the agent.
    var report: AgentReport.State {
        AgentReport.State(
            isConnected: session.isConnected, sessions: sessions, incarnation: incarnation,
            generation: assignment?.generation ?? 0, spool: spool.telemetry, window: lastWindow,
            memoryPressure: sampler.sensed.memoryPressure, isThrottled: sampler.sensed.isThrottled)
    }

    nonisolated func stopServing() { isStopping.withLock { $0 = true } }

    /// What a connection of before has brought is no answer to what was said over this one.
    func received(_ received: RekeyedTransport.Received) {
        guard received.connection == transport.connection else { return }
        perform(session.messageReceived(received.message, at: .now))
        sendTelemetry()
    }

    /// - Returns: `false` once the agent is to stop.
    func timerFired() -> Bool {
        let now = ContinuousClock.now
        lastTimer = now
        if windowStart.duration(to: now) >= window { closeWindow(at: now) }
        sampler.sense(at: now)
        if let held = shares?.timerFired() {
            logger.info(
                "CPU shares",
                metadata: ["by": "\(held.means)", "held": "\(held.detail)", "reason": "\(held.reason)"])
        }
        perform(session.timerFired(at: now, using: &generator))
        sendTelemetry()
        artefacts?.timerFired().forEach(send)
        followPolicies(at: now)
        if session.isConnected { (sharing.timerFired() + measuring.timerFired()).forEach(send) }
        return !isStopping.withLock { $0 }
    }

    private func perform(_ actions: [SessionStateMachine<ContinuousClock.Instant>.Action]) {
        for action in actions {
            switch action {
            case .send(let message): send(message)
            case .apply(let assignment): apply(assignment)
            case .sessionStarted, .sessionLost:
                spool.connectionReset()
                logger.info("session \(action == .sessionStarted ? "started" : "lost")")
                if action == .sessionStarted {
                    sessions += 1
                    unansweredHellos = 0
                    offline.sessionStarted(at: .now)
                    if let outcome = keys?.sessionStarted() { changed(outcome) }
                    (sharing.sessionStarted() + (artefacts?.sessionStarted() ?? [])).forEach(send)
                } else {
                    sharing.sessionLost()
                    offline.sessionLost(at: .now)
                    artefacts?.sessionLost()
                }
            case .helloUnanswered:
                logger.warning("no answer to hello: is the coordinator up, and is this board enrolled there?")
                tryElsewhere()
            case .helloRefused(let reason):
                logger.error("the coordinator refuses this board", metadata: ["reason": "\(reason)"])
            case .telemetryAcknowledged(let incarnation, let sequence):
                spool.acknowledged(incarnation: incarnation, sequence: sequence)
            case .gates(let order): sharing.received(order).forEach(send)
            case .measure(let order): measuring.received(order).forEach(send)
            case .artefacts(let order): artefacts?.received(order).forEach(send)
            case .key(let order): if let outcome = keys?.received(order) { changed(outcome) }
            }
        }
    }

    /// At the next coordinator, and when all were asked with the other key, where a change of keys is under way.
    private func tryElsewhere() {
        unansweredHellos += 1
        // The next hello goes over the new connection, as late as it would have gone over the old one.
        let outcome = unansweredHellos % coordinators == 0 ? keys?.helloUnanswered() : nil
        if outcome?.hasReconnected != true { transport.unanswered() }
    }

    /// By the desk of keys.
    private func changed(_ outcome: KeyDesk.Outcome) {
        outcome.messages.forEach(send)
        if outcome.hasReconnected { perform(session.connectionReplaced(at: .now)) }
    }

    /// Persist, then act, then report.
    private func apply(_ assignment: Assignment) {
        do { try state.save(assignment) } catch {
            unkept = assignment
            return logger.error("assignment not kept", metadata: ["error": "\(error)"])
        }
        unkept = nil
        self.assignment = assignment
        offline.assigned()
        carryOut(assignment.models)
        logger.info("assignment applied", metadata: ["generation": "\(assignment.generation)"])
        perform(session.assignmentApplied(generation: assignment.generation, at: .now))
    }

    /// What signed policies ask by the board's own clock, where the coordinator is not there to say it.
    private func followPolicies(at now: ContinuousClock.Instant) {
        for received in artefacts?.takePolicies() ?? [] {
            offline.received(received.policies, for: received.model, signedAt: received.signedAtSeconds)
        }
        let actions = offline.timerFired(
            secondsSince1970: Int64(Self.wallClock() / 1_000), isAssigned: assignment?.models.isEmpty == false, at: now)
        for action in actions {
            switch action {
            case .carryOut(let models, let inForce, let infeasible):
                logger.warning(
                    "the coordinator is away, and other policies are in force: the board follows them by itself",
                    metadata: ["policies": "\(inForce)", "infeasible": "\(infeasible)"])
                carryOut(models)
            case .asTold:
                logger.info("as the coordinator told", metadata: ["generation": "\(assignment?.generation ?? 0)"])
                carryOut(assignment?.models ?? [])
            case .keep(let names):
                do { try state.save(policiesInForce: names) } catch {
                    logger.error("policies in force not kept", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    private func carryOut(_ models: [ModelAssignment]) {
        shares?.assigned(models)
        postings += 1
        let assigned = Dictionary(models.map { ($0.model, $0) }, uniquingKeysWith: { first, _ in first })
        for runner in runners {
            guard let model = assigned[runner.deployment.name.rawValue] else {
                runner.mailbox.withdraw()
                continue
            }
            guard model.highestPoint < runner.deployment.points.count else {
                logger.warning("assignment names a point that is not here", metadata: ["model": "\(model.model)"])
                continue
            }
            runner.mailbox.post(model, number: postings)
        }
    }

    private func closeWindow(at now: ContinuousClock.Instant) {
        let length = windowStart.duration(to: now)
        let milliseconds = length.components.seconds * 1_000 + length.components.attoseconds / 1_000_000_000_000_000
        var record = sampler.window(
            startMilliseconds: windowStartMilliseconds, durationMilliseconds: UInt32(clamping: milliseconds),
            generation: assignment?.generation ?? 0)
        record.board.shares = shares?.telemetry
        spool.recorded(record)
        lastWindow = record
        windowStart = now
        windowStartMilliseconds = Self.wallClock()
        if let unkept, unkept.generation > assignment?.generation ?? 0 { apply(unkept) }
    }

    private func sendTelemetry() {
        guard session.isConnected else { return }
        for batch in spool.batchesDue() { send(.telemetry(batch)) }
    }

    private func send(_ message: Message) {
        do {
            try transport.send(message)
            session.messageSent(at: .now)
        } catch {
            logger.warning("message not sent", metadata: ["error": "\(error)"])
        }
    }

    private static func wallClock() -> UInt64 { UInt64(max(0, Date().timeIntervalSince1970) * 1_000) }
}
