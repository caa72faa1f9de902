import AgentCore
import FleetModel
import Foundation
import SearchSpace
import WireProtocol

/// A board without models: the session and the spool of a real agent, a connection with CURVE, invented figures. It has
/// no disk, so that it reports an assignment as soon as it comes.
struct SimulatedAgent {
    typealias Instant = ContinuousClock.Instant

    /// What a connection could not take yet; a real agent's mailbox is larger, and as ready to forget its oldest.
    private static let pendingLimit = 16
    /// How often what waits in the spool is looked after.
    private static let look: Duration = .milliseconds(250)

    let description: BoardDescription
    private let index: Int
    private(set) var session: SessionStateMachine<Instant>
    private(set) var spool: TelemetrySpool<Instant>
    private var records: [TelemetryPosition: TelemetryRecord] = [:]
    private var sentAt: [TelemetryPosition: Instant] = [:]
    private var pending: [Message] = []
    private var header = FrameHeader(session: UInt64.random(in: 0...UInt64.max), sequence: 0)
    private var nextReport: Instant
    private var deadline: Instant
    /// When the coordinator greeted it last.
    private(set) var welcomed: Instant?

    init(_ description: BoardDescription, _ index: Int, incarnation: UInt64, firstReport: Instant, at now: Instant) {
        self.description = description
        self.index = index
        nextReport = firstReport
        deadline = now
        session = SessionStateMachine(
            settings: .init(), board: description, incarnation: incarnation, generation: 0, at: now)
        spool = TelemetrySpool(settings: .init(), incarnation: incarnation)
    }

    /// Highest sequence of this run that the coordinator says is durable.
    var acknowledged: UInt64 { spool.acknowledged }

    /// Whether there may be something to do.
    func isDue(at now: Instant) -> Bool { now >= deadline }

    mutating func timerFired(
        at now: Instant, every period: Duration, over connections: BoardConnections, _ measures: inout LoadMeasures
    ) {
        if now >= nextReport {
            nextReport = nextReport.advanced(by: period)
            measured(measures)
        }
        var generator = SystemRandomNumberGenerator()
        if now >= session.nextDeadline {
            perform(session.timerFired(at: now, using: &generator), at: now, connections, &measures)
        }
        sendTelemetry(at: now, connections, &measures)
        flush(connections, &measures)
        setDeadline(at: now)
    }

    mutating func messageReceived(
        _ message: Message, at now: Instant, over connections: BoardConnections, _ measures: inout LoadMeasures
    ) {
        if case .welcome = message { welcomed = now }
        perform(session.messageReceived(message, at: now), at: now, connections, &measures)
        sendTelemetry(at: now, connections, &measures)
        setDeadline(at: now)
    }

    private mutating func setDeadline(at now: Instant) {
        deadline = min(nextReport, session.nextDeadline)
        if spool.count > 0 || !pending.isEmpty { deadline = min(deadline, now.advanced(by: Self.look)) }
    }

    private mutating func measured(_ measures: LoadMeasures) {
        let position = spool.nextPosition
        let record = LoadFigures.record(position, of: description)
        records[position] = record
        for dropped in spool.recorded(bytes: measures.recordBytes) { records[dropped] = nil }
    }

    private mutating func perform(
        _ actions: [SessionStateMachine<Instant>.Action], at now: Instant, _ connections: BoardConnections,
        _ measures: inout LoadMeasures
    ) {
        for action in actions {
            switch action {
            case .send(let message): send(message, connections, &measures)
            case .apply(let assignment):
                perform(
                    session.assignmentApplied(generation: assignment.generation, at: now), at: now, connections,
                    &measures)
                measures.assigned(at: now)
            case .sessionStarted, .sessionLost: spool.connectionReset()
            case .helloRefused: measures.refusedHellos += 1
            case .telemetryAcknowledged(let incarnation, let sequence):
                for position in spool.acknowledged(incarnation: incarnation, sequence: sequence, at: now) {
                    records[position] = nil
                    if let sent = sentAt.removeValue(forKey: position) { measures.ingested(sent.duration(to: now)) }
                }
            case .helloUnanswered: measures.unansweredHellos += 1
            case .gates, .measure, .artefacts, .key: break
            }
        }
    }

    private mutating func sendTelemetry(
        at now: Instant, _ connections: BoardConnections, _ measures: inout LoadMeasures
    ) {
        guard session.isConnected, spool.count > 0 else { return }
        for batch in spool.batchesDue(at: now) {
            for position in batch where sentAt[position] == nil { sentAt[position] = now }
            measures.reports += 1
            send(.telemetry(batch.compactMap { records[$0] }), connections, &measures)
        }
    }

    // MARK: The connection

    private mutating func send(
        _ message: Message, _ connections: BoardConnections, _ measures: inout LoadMeasures
    ) {
        session.messageSent(at: .now)
        pending.append(message)
        if pending.count > Self.pendingLimit { pending.removeFirst() }
        flush(connections, &measures)
    }

    /// Sends what waits for a place.
    private mutating func flush(_ connections: BoardConnections, _ measures: inout LoadMeasures) {
        while let message = pending.first {
            header.sequence += 1
            guard let frame = try? MessageCodec().encode(message, header: header) else {
                pending.removeFirst()
                continue
            }
            guard connections.send(frame.header, frame.payload, from: index) else { return }
            pending.removeFirst()
            measures.sent(frame)
        }
    }
}

/// What boards say that measure nothing: sizes as of a board with two models and hooks.
enum LoadFigures {
    static func board(_ index: Int) -> BoardDescription? {
        guard let id = BoardID("load-\(index)") else { return nil }
        return BoardDescription(
            id: id, boardClass: "simulated", labels: ["tier": "edge"], cores: 4, memoryBytes: 8 << 30,
            engineVersion: ProductVersion.current,
            models: ["classifier", "inspector"].compactMap { name in
                ModelName(name).map { DeployedModel(name: $0, framesPerSecond: 30, points: points) }
            })
    }

    private static let points: [OperatingPoint] = (0..<6).map { index in
        OperatingPoint(
            configuration: SubnetConfiguration(
                resolution: 28, depths: [2, 2, 2, 2, 2], kernelSizes: Array(repeating: 3, count: 20),
                expandRatios: Array(repeating: 3, count: 20)),
            accuracy: 0.85 + 0.01 * Double(index), latencyMilliseconds: 1 + Double(index),
            flops: 1_000_000 * (index + 1))
    }

    static func record(_ position: TelemetryPosition, of board: BoardDescription) -> TelemetryRecord {
        let models = board.models.map { model in
            ModelTelemetry(
                model: model.name, frames: 300, dropped: 1, violations: 2, labelled: 300, correct: 270, switches: 1,
                activePoint: 3, p50Milliseconds: 3.5, p90Milliseconds: 4.25, p99Milliseconds: 5.125,
                constraintMilliseconds: 8,
                hooks: HookTelemetry(
                    state: .learning, budget: 0.1,
                    kinds: [
                        .init(name: "skip", taken: 800, possible: 2_700),
                        .init(name: "exit", taken: 100, possible: 300),
                    ], samples: 5_000, trainings: 12, samplingInterval: 16, zeroShare: 0.4,
                    zeros: [.init(step: "blocks.3.conv", share: 0.6), .init(step: "blocks.5.conv", share: 0.5)]))
        }
        return TelemetryRecord(
            incarnation: position.incarnation, sequence: position.sequence,
            startMilliseconds: UInt64(Date().timeIntervalSince1970 * 1_000), durationMilliseconds: 10_000,
            generation: 0, models: models,
            board: BoardTelemetry(
                memoryBytes: 64 << 20, cpuLoad: 0.5, cpuFrequencyMegahertz: 1_800, temperatureCelsius: 55,
                droppedRecords: 0, spool: SpoolTelemetry(records: 1, bytes: 500)))
    }
}
