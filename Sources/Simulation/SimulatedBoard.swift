import AgentCore
import FleetModel
import WireProtocol

/// An agent's shell around its machines: does what they ask at once, and keeps on its disk what must survive.
struct SimulatedBoard {
    let description: BoardDescription
    private(set) var incarnation: UInt64 = 0
    /// On disk.
    private(set) var assignment = Assignment(generation: 0, models: [])
    private(set) var session: SessionStateMachine<VirtualInstant>
    private(set) var spool: TelemetrySpool<VirtualInstant>
    /// Records made in this incarnation.
    private(set) var recorded: UInt64 = 0
    /// Generations in the order in which they were applied.
    private(set) var applied: [UInt64] = []
    /// Nothing can be kept while it is.
    var isDiskFull = false
    private var clock: UInt64 = 0

    init(_ description: BoardDescription, at now: VirtualInstant) {
        self.description = description
        session = SessionStateMachine(
            settings: .init(), board: description, incarnation: 0, generation: 0, at: now)
        spool = TelemetrySpool(settings: .init(retry: .seconds(2)), incarnation: 0)
        start(at: now)
    }

    /// The agent starts, for the first time or again; its disk is as it was, its memory is not.
    mutating func start(at now: VirtualInstant) {
        incarnation += 1
        recorded = 0
        session = SessionStateMachine(
            settings: .init(), board: description, incarnation: incarnation, generation: assignment.generation, at: now)
        spool = TelemetrySpool(settings: .init(retry: .seconds(2)), incarnation: incarnation)
    }

    mutating func received(_ message: Message, at now: VirtualInstant) -> [Message] {
        perform(session.messageReceived(message, at: now), at: now) + telemetry(at: now)
    }

    mutating func timerFired(
        at now: VirtualInstant, using generator: inout some RandomNumberGenerator
    ) -> [Message] {
        perform(session.timerFired(at: now, using: &generator), at: now) + telemetry(at: now)
    }

    mutating func measured() {
        recorded += 1
        clock += 1_000
        let models = description.models.map { model in
            ModelTelemetry(
                model: model.name, frames: 30, dropped: 0, violations: 0, labelled: 30, correct: 27, switches: 0,
                activePoint: 0, p50Milliseconds: 1, p90Milliseconds: 2, p99Milliseconds: 3, constraintMilliseconds: 25)
        }
        spool.recorded(
            TelemetryRecord(
                incarnation: incarnation, sequence: recorded, startMilliseconds: clock, durationMilliseconds: 1_000,
                generation: assignment.generation, models: models,
                board: BoardTelemetry(
                    memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil,
                    droppedRecords: spool.dropped)))
    }

    private mutating func perform(
        _ actions: [SessionStateMachine<VirtualInstant>.Action], at now: VirtualInstant
    ) -> [Message] {
        var messages: [Message] = []
        for action in actions {
            switch action {
            case .send(let message): messages.append(message)
            case .apply(let assignment):
                guard !isDiskFull else { continue }
                self.assignment = assignment
                applied.append(assignment.generation)
                messages += perform(session.assignmentApplied(generation: assignment.generation, at: now), at: now)
            case .sessionStarted, .sessionLost: spool.connectionReset()
            case .helloUnanswered, .helloRefused, .gates, .measure: break
            case .telemetryAcknowledged(let incarnation, let sequence):
                spool.acknowledged(incarnation: incarnation, sequence: sequence)
            }
        }
        return messages
    }

    private mutating func telemetry(at now: VirtualInstant) -> [Message] {
        guard session.isConnected else { return [] }
        let batch = spool.batchDue(at: now)
        if batch.isEmpty { return [] }
        session.messageSent(at: now)
        return [.telemetry(batch)]
    }
}
