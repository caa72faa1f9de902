public import FleetModel
import ResourceAllocation
public import WireProtocol

/// What the coordinator decides about its boards. Pure: messages and instants come in, actions leave in the order in
/// which they must be performed: persist, then speak.
///
///     enrolled ──hello──▶ connected ──silence──▶ suspect ──silence──▶ lost
///        ▲                  ▲   │                   │                   │
///        │                  └───┼────any message────┘                   │
///        └──────goodbye─────────┘            hello, once it is back ◀───┘
///
/// A board that had said hello before the coordinator's start, and does not come back after it, is lost too, unless it
/// had said goodbye.
///
/// Desired state is an assignment with a generation that only rises. It is sent when it changes, when a board says
/// hello with another generation, and again with growing pauses until the board reports it. A board that was not
/// greeted since the coordinator's start is asked to say hello.
///
/// Bounded by `FleetLimits.boards`; everything held per board is bounded by the codec's limits.
public struct FleetStateMachine<Instant: InstantProtocol>: Sendable
where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        /// Boards say something at least this often.
        public var heartbeat: Duration = .seconds(1)
        /// A board that is silent for this many heartbeats is suspected; for three times as many it is lost.
        public var liveness = 3
        /// Boards that had said hello before the coordinator's start are lost where they do not within this time; ten
        /// thousand take up to a minute.
        public var returning: Duration = .seconds(120)
        /// First pause before an assignment is sent again; doubles up to `longestResend`.
        public var resend: Duration = .seconds(1)
        public var longestResend: Duration = .seconds(30)
        /// Share of a board's CPU time that assignments leave free, 0..<1.
        public var reserve = BoardBudget.usualReserve
        /// A board whose numbers were impossible is learned from again after so long without another.
        public var saneFor: Duration = .seconds(600)
        /// Boards are compared with their classes this often at most; where there are thousands, as many times more
        /// seldom, for each is looked at.
        public var comparison: Duration = .seconds(5)

        public init() {}
    }

    public enum Action: Equatable, Sendable {
        /// The board's description or incarnation changed, or whether it has left: make it durable, then call
        /// `boardPersisted`. What follows for this board speaks of it.
        case saveBoard(BoardID)
        /// Make the assignment durable, then call `assignmentPersisted`, which sends it.
        case saveAssignment(Assignment, BoardID)
        /// Make the records durable, then call `telemetryPersisted`.
        case persistTelemetry([TelemetryRecord], BoardID)
        /// Keep whether nothing is learned from the board; `nil`: it is learned from.
        case saveQuarantine(QuarantinedBoard?, BoardID)
        case send(Message, BoardID)
        case record(FleetEvent.Kind, BoardID?, String)
    }

    struct Board: Sendable {
        var state: BoardState
        var heard: Instant
        /// It was there at the coordinator's end, and has not said hello since its start.
        var isAwaited = false
        /// It said goodbye, and no hello since.
        var hasLeft = false
        /// When the assignment was sent last; `nil` before the first time.
        var sent: Instant?
        var pause: Duration
        /// Whether description, incarnation and a goodbye are as they were stored.
        var isStored = true
        /// Generation of the last assignment that is stored.
        var storedGeneration: UInt64
        /// The last record that figures were struck out of, so that a record sent again is not counted again.
        var struck = TelemetryPosition(incarnation: 0, sequence: 0)
        /// What its agent could not keep, as events have told it.
        var toldSpool = SpoolTelemetry()
        /// The policies that ruled it when its assignment was decided last; `nil` before the first time.
        var ruling: [Policy]?
        /// What these ask that cannot be met, as `state` says it in sentences.
        var unmet: [AssignmentPlan.Unmet] = []
        /// Models whose hooks were refused when they were last heard of.
        var withoutHooks: Set<ModelName> = []
        /// Length of its last window without anything impossible.
        var usualWindowMilliseconds: UInt32?
        /// What it said in its last hello that it cannot have measured.
        var impossible: [String] = []
    }

    /// A board may be ahead of a store that was restored from a backup, but not by more generations than this.
    public static var generationLead: UInt64 { 1 << 32 }

    let settings: Settings
    var boards: [BoardID: Board] = [:]
    public internal(set) var policies: [Policy]
    /// What boards of a class measured, as far as it was asked for since that changed last.
    var classInterference: [String: ClassInterference] = [:]
    /// Policies that rule some boards in place of those of their names.
    var trials: [PolicyTrial]
    /// By the clock that people read, when it was read last.
    var clockSeconds: Int64
    /// Boards from which nothing is learned.
    var quarantine: LearningQuarantine<Instant>
    /// What the last comparison of boards with their classes found, when it was, and whether figures came since.
    var findings: [BoardID: String] = [:]
    var looked: Instant?
    var hasNewFigures = true
    /// When silences and unreported assignments were looked at last.
    var silencesLooked: Instant?

    /// - Parameters:
    ///   - boards: as they were stored; none has a session yet.
    ///   - quarantined: boards from which nothing is learned, as they were stored.
    ///   - drained: those that people want left alone.
    ///   - clockSeconds: since 1970, by the clock that people read.
    public init(
        settings: Settings, boards: [EnrolledBoard], policies: [Policy], trials: [PolicyTrial] = [],
        quarantined: [BoardID: QuarantinedBoard] = [:], drained: Set<BoardID> = [], clockSeconds: Int64 = 0,
        at now: Instant
    ) {
        self.settings = settings
        self.policies = policies
        self.trials = trials
        self.clockSeconds = clockSeconds
        let enrolled = Set(boards.map(\.board.id))
        quarantine = LearningQuarantine(
            saneFor: settings.saneFor, stored: quarantined.filter { enrolled.contains($0.key) }, at: now)
        for board in boards {
            var entry = Self.entry(board, settings, at: now)
            entry.state.isDrained = drained.contains(board.board.id)
            entry.hasLeft = board.hasLeft
            entry.isAwaited = board.incarnation > 0 && !board.hasLeft
            self.boards[board.board.id] = entry
        }
    }

    private static func entry(_ board: EnrolledBoard, _ settings: Settings, at now: Instant) -> Board {
        Board(
            state: BoardState(
                board: board.board, status: .enrolled, incarnation: board.incarnation, desired: board.assignment,
                reportedGeneration: 0, infeasible: [], refusedRecords: 0),
            heard: now, sent: nil, pause: settings.resend, storedGeneration: board.assignment.generation)
    }

    /// In the order of their names.
    public var states: [BoardState] { boards.values.map(\.state).sorted { $0.board.id < $1.board.id } }
    public func state(of board: BoardID) -> BoardState? { boards[board]?.state }
    /// Whether it said goodbye, and no hello since.
    public func hasLeft(_ board: BoardID) -> Bool { boards[board]?.hasLeft == true }

    // MARK: Boards come

    /// How many more boards may enrol.
    public var room: Int { max(0, FleetLimits.boards - boards.count) }

    /// The board has been stored; its first assignment may follow at its hello. A board that enrols again keeps its
    /// incarnation and assignment, so that neither ever falls back.
    /// - Precondition: there is room.
    public mutating func boardEnrolled(_ board: EnrolledBoard, at now: Instant) -> [Action] {
        let id = board.board.id
        precondition(room > 0 || boards[id] != nil, "more than \(FleetLimits.boards) boards")
        var enrolled = board
        if let known = boards[id]?.state {
            enrolled.incarnation = max(known.incarnation, board.incarnation)
            if known.desired.generation > board.assignment.generation { enrolled.assignment = known.desired }
        }
        described(boards[id]?.state.board, as: board.board)
        boards[id] = Self.entry(enrolled, settings, at: now)
        hasNewFigures = true
        return [.record(.boardEnrolled, id, "enrolled as \(board.board.boardClass)")]
    }

    /// The board has been taken off the allow-list and out of the store.
    public mutating func boardRevoked(_ id: BoardID) -> [Action] {
        guard let removed = boards.removeValue(forKey: id) else { return [] }
        described(removed.state.board, as: nil)
        let forgotten: [Action] = quarantine.entries[id] == nil ? [] : [.saveQuarantine(nil, id)]
        quarantine.forget(id)
        hasNewFigures = true
        return forgotten + [.record(.boardRevoked, id, "revoked")]
    }

    // MARK: Messages

    public mutating func messageReceived(_ message: Message, from id: BoardID, at now: Instant) -> [Action] {
        guard boards[id] != nil else { return [] }
        if case .hello(let description, let incarnation, let generation) = message {
            return greeted(id, description, incarnation, generation, at: now)
        }
        let status = boards[id]?.state.status
        // As good as one that was greeted: nothing is owed to a board that goes.
        if message == .goodbye, boards[id]?.isAwaited == true { return left(id) }
        guard status == .connected || status == .suspect else { return [.send(.helloWanted, id)] }
        boards[id]?.heard = now
        boards[id]?.state.status = .connected
        switch message {
        case .telemetry(let records): return telemetryReceived(records, from: id, at: now)
        case .assignmentReported(let generation): return reported(generation, from: id)
        case .heartbeat: return [.send(.heartbeat, id)]
        case .goodbye: return left(id)
        // Decided about by `HookSharingStateMachine`.
        case .gateReport: return []
        // By `VerificationStateMachine`.
        case .measureReport: return []
        // By `ArtefactFleet`.
        case .artefactReport: return []
        // By `KeyRotationStateMachine`.
        case .keyReport: return []
        case .enrol, .enrolled, .refused, .hello, .welcome, .helloWanted, .telemetryAcknowledged, .assign, .gateOrder,
            .measureOrder, .artefactOrder, .keyOrder:
            return []
        }
    }

    private mutating func left(_ id: BoardID) -> [Action] {
        boards[id]?.state.status = .enrolled
        boards[id]?.isAwaited = false
        boards[id]?.hasLeft = true
        boards[id]?.isStored = false
        return [.saveBoard(id)]
    }

    private mutating func greeted(
        _ id: BoardID, _ told: BoardDescription, _ incarnation: UInt64, _ generation: UInt64, at now: Instant
    ) -> [Action] {
        guard let known = boards[id]?.state else { return [] }
        // Numbers that cannot be are no reason not to serve a board.
        let (description, impossible) = repaired(told)
        if let reason = Self.refusal(of: description, incarnation, generation, known: known) {
            return [.record(.messageRefused, id, reason), .send(.refused(reason: reason), id)]
        }
        boards[id]?.impossible = impossible
        if impossible != [] || description.models != known.board.models { hasNewFigures = true }
        var actions = impossible.isEmpty ? [] : impossibleFigures(Self.reason(impossible), of: id, at: now)
        let isNews = incarnation > known.incarnation || description != known.board
        if isNews || boards[id]?.hasLeft == true { boards[id]?.isStored = false }
        boards[id]?.hasLeft = false
        if boards[id]?.isStored == false { actions.append(.saveBoard(id)) }
        if known.incarnation > 0, incarnation > known.incarnation {
            actions.append(.record(.boardRestarted, id, "incarnation \(incarnation)"))
        }
        if known.status != .connected { actions.append(.record(.boardConnected, id, "connected")) }
        described(known.board, as: description)
        boards[id]?.state.board = description
        boards[id]?.state.incarnation = incarnation
        boards[id]?.state.status = .connected
        boards[id]?.isAwaited = false
        boards[id]?.state.reportedGeneration = generation
        boards[id]?.heard = now
        let heartbeat = UInt32(clamping: settings.heartbeat.milliseconds)
        actions.append(
            .send(.welcome(heartbeatMilliseconds: heartbeat, liveness: UInt32(settings.liveness)), id))
        return actions + assign(id, at: now, greeted: known.board)
    }

    /// Why a hello cannot be this board's, or `nil` when it can.
    private static func refusal(
        of description: BoardDescription, _ incarnation: UInt64, _ generation: UInt64, known: BoardState
    ) -> String? {
        guard description.id == known.board.id else { return "says it is \(description.id)" }
        guard incarnation > 0 else { return "incarnation 0: the first start of an agent has a higher one" }
        guard incarnation >= known.incarnation else {
            return "incarnation \(incarnation) is older than \(known.incarnation)"
        }
        guard generation <= known.desired.generation || generation - known.desired.generation <= generationLead else {
            return "generation \(generation) was never assigned, the latest is \(known.desired.generation)"
        }
        do {
            try description.validate()
            return nil
        } catch {
            return "\(error)"
        }
    }

    private mutating func reported(_ generation: UInt64, from id: BoardID) -> [Action] {
        guard let state = boards[id]?.state else { return [] }
        guard generation <= state.desired.generation else {
            return [.record(.messageRefused, id, "reports generation \(generation), which was never assigned")]
        }
        boards[id]?.state.reportedGeneration = max(state.reportedGeneration, generation)
        return []
    }

    /// Records under a name that is not the board's are refused; of the others, figures that it cannot have measured.
    private mutating func telemetryReceived(
        _ records: [TelemetryRecord], from id: BoardID, at now: Instant
    ) -> [Action] {
        guard let board = boards[id] else { return [] }
        let named = records.prefix(FleetLimits.recordsPerMessage).filter { $0.isNamed(by: board.state) }
        let sound = named.map { $0.withoutImpossibleModels(on: board.state) }
        let struck = zip(named, sound).filter { $0 != $1 && $0.position > board.struck }
        let refused = records.count - named.count + struck.count
        var actions: [Action] = []
        if refused > 0 {
            boards[id]?.struck = max(board.struck, struck.map(\.0.position).max() ?? board.struck)
            boards[id]?.state.refusedRecords += UInt64(refused)
            actions.append(.record(.telemetryRefused, id, "\(refused) impossible records"))
            actions += impossibleWindows(struck.map(\.0), of: id, at: now)
        }
        if let usual = zip(named, sound).filter({ $0 == $1 }).last?.0 {
            boards[id]?.usualWindowMilliseconds = usual.durationMilliseconds
        }
        actions += sound.flatMap { hooksHeardOf(in: $0, from: id) }
        if let spool = sound.compactMap(\.board.spool).last { actions += spoolHeardOf(spool, from: id) }
        return sound.isEmpty ? actions : actions + [.persistTelemetry(sound, id)]
    }

    /// An event when records are lost for the first time, and each time their number has doubled; one for each trouble.
    private mutating func spoolHeardOf(_ spool: SpoolTelemetry, from id: BoardID) -> [Action] {
        guard let told = boards[id]?.toldSpool else { return [] }
        var actions: [Action] = []
        let isNews = SpoolTelemetry.Loss.allCases.contains { told.lost[$0] == nil && spool.lost[$0] != nil }
        if spool.lostRecords > 0, isNews || spool.lostRecords / 2 >= told.lostRecords {
            boards[id]?.toldSpool.lost = spool.lost
            actions.append(.record(.telemetryLost, id, "records lost on the board so far: \(spool.losses)"))
        }
        if spool.trouble != told.trouble {
            boards[id]?.toldSpool.trouble = spool.trouble
            if !spool.trouble.isEmpty { actions.append(.record(.spoolTroubled, id, spool.trouble)) }
        }
        return actions
    }

    /// An event for each model whose hooks cannot be used any more; a record that is sent again raises none.
    private mutating func hooksHeardOf(in record: TelemetryRecord, from id: BoardID) -> [Action] {
        record.models.compactMap { model in
            guard let hooks = model.hooks, hooks.state == .refused else {
                boards[id]?.withoutHooks.remove(model.model)
                return nil
            }
            guard boards[id]?.withoutHooks.insert(model.model).inserted == true else { return nil }
            return .record(.hooksRefused, id, "\(model.model): the plain network answers: \(hooks.reason)")
        }
    }

    /// Every record of the incarnation up to the sequence is on the disk.
    public func telemetryPersisted(_ id: BoardID, incarnation: UInt64, through sequence: UInt64) -> [Action] {
        sequence > 0 ? [.send(.telemetryAcknowledged(incarnation: incarnation, sequence: sequence), id)] : []
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
