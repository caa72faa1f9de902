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
    /// On disk: what the spool has not let go.
    private var records: [TelemetryPosition: TelemetryRecord] = [:]
    /// By incarnation.
    private var dropped: [UInt64: UInt64] = [:]
    /// Records made in this incarnation.
    private(set) var recorded: UInt64 = 0
    /// Generations in the order in which they were applied.
    private(set) var applied: [UInt64] = []
    var droppedRecords: UInt64 { dropped.values.reduce(0, +) }
    /// Nothing can be kept while it is.
    var isDiskFull = false
    private var clock: UInt64 = 0
    /// About what the wire needs.
    private static let recordBytes = 100

    init(_ description: BoardDescription, at now: VirtualInstant) {
        self.description = description
        session = SessionStateMachine(
            settings: .init(), board: description, incarnation: 0, generation: 0, at: now)
        spool = TelemetrySpool(settings: .init(), incarnation: 0)
        start(at: now)
    }

    /// The agent starts, for the first time or again; its disk is as it was, its memory is not.
    mutating func start(at now: VirtualInstant) {
        incarnation += 1
        recorded = 0
        session = SessionStateMachine(
            settings: .init(), board: description, incarnation: incarnation, generation: assignment.generation, at: now)
        spool = TelemetrySpool(
            settings: .init(), incarnation: incarnation,
            stored: records.keys.map { .init(position: $0, bytes: Self.recordBytes) })
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
        records[spool.nextPosition] = TelemetryRecord(
            incarnation: incarnation, sequence: recorded, startMilliseconds: clock, durationMilliseconds: 1_000,
            generation: assignment.generation, models: models,
            board: BoardTelemetry(
                memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0))
        for position in spool.recorded(bytes: Self.recordBytes) {
            records[position] = nil
            dropped[position.incarnation, default: 0] += 1
        }
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
            case .helloUnanswered, .helloRefused, .gates, .measure, .artefacts, .key: break
            case .telemetryAcknowledged(let incarnation, let sequence):
                for position in spool.acknowledged(incarnation: incarnation, sequence: sequence, at: now) {
                    records[position] = nil
                }
            }
        }
        return messages
    }

    private mutating func telemetry(at now: VirtualInstant) -> [Message] {
        guard session.isConnected else { return [] }
        let batches = spool.batchesDue(at: now)
        if batches.isEmpty { return [] }
        session.messageSent(at: now)
        return batches.map { positions in
            .telemetry(
                positions.compactMap { position in
                    var record = records[position]
                    record?.board.droppedRecords = dropped[position.incarnation] ?? 0
                    return record
                })
        }
    }
}
