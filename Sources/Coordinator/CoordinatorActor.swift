import Artefacts
import AuditLog
import CoordinatorCore
import FleetModel
import FleetStore
import Foundation
import Logging
import Messaging
import Rollouts
import WireProtocol

/// The coordinator's one owner of decisions. Events are taken one at a time, to the end of their effects, in the order
/// in which they came: the next decision sees what the last one has made durable.
actor CoordinatorActor {
    typealias Machine = FleetStateMachine<ContinuousClock.Instant>

    var machine: Machine
    /// Of gates that boards learn together.
    var sharing: SharingMachine
    /// `nil` where boards learn each for itself.
    let sharingStore: (any SharingStore)?
    let store: any FleetStore
    /// `nil` where policies are applied at once only.
    let rolloutStore: (any RolloutStore)?
    /// By name.
    var rollouts: [String: Rollout]
    var rolloutsSaved: [String: ContinuousClock.Instant] = [:]
    var rolloutTimer: ContinuousClock.Instant?
    /// Of rollouts that bring artefacts.
    var artefacts = ArtefactRollouts.none
    /// Of boards that change their keys.
    var keyMachines: [BoardID: KeyMachine]
    /// Since when boards have their keys, in milliseconds since 1970.
    var keyAges: [BoardID: UInt64]
    var keyAgesRead: ContinuousClock.Instant?
    /// A board whose key is older is told to make another; `nil`: only where people want it.
    let longestKeyAge: Duration?
    let transport: any CoordinatorTransport
    let logger: Logger
    /// Told of telemetry once it is stored, of boards that are learned from.
    private(set) var observer: (@Sendable (BoardDescription, [TelemetryRecord]) -> Void)?
    /// Told of what boards measured on request.
    private var measureObserver: (@Sendable (BoardDescription, MeasureReport) -> Void)?
    /// Told of what boards say of artefacts.
    private var artefactObserver: (@Sendable (BoardDescription, ArtefactReport) -> Void)?
    let metrics: CoordinatorMetrics
    private var policyWatch = PolicyWatch<ContinuousClock.Instant>()
    /// Telemetry that the next transaction makes durable.
    var gathered = GatheredTelemetry()
    /// Boards that the next transaction makes durable.
    var arrivals = GatheredArrivals()
    /// How long the first of it may wait for company.
    let gatheringTime: Duration
    /// When timers were looked after last.
    private(set) var lastTimer: ContinuousClock.Instant?
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    /// Events that wait for their turn.
    var waitingCount: Int { waiting.count }

    static let storeAttempts = 2
    /// Enrolments that were refused since that was told last.
    var refusals: (count: Int, told: ContinuousClock.Instant?) = (0, nil)
    /// Before the second attempt; twice as long before the third, and so on.
    private let retryPause: Duration

    init(
        settings: Machine.Settings, store: any FleetStore, transport: any CoordinatorTransport, logger: Logger,
        sharing: (any SharingStore)? = nil, rollouts: (any RolloutStore)? = nil,
        sharingSettings: SharingMachine.Settings = .init(), retryPause: Duration = .milliseconds(200),
        gatheringTime: Duration = .zero, metrics: CoordinatorMetrics = CoordinatorMetrics(),
        longestKeyAge: Duration? = nil
    ) async throws {
        self.sharing =
            if let sharing {
                try await Self.sharing(from: sharing, telemetry: store, settings: sharingSettings)
            } else {
                SharingMachine(settings: sharingSettings, stored: [], at: .now)
            }
        sharingStore = sharing
        let assignments = try await store.assignments()
        let records = try await store.boards().filter { $0.revokedAtMilliseconds == nil }
        keyMachines = Self.keyMachines(of: records)
        keyAges = Self.keyAges(of: records)
        self.longestKeyAge = longestKeyAge
        let boards = records.map { record in
            EnrolledBoard(
                board: record.description, publicKey: record.publicKey, incarnation: record.incarnation,
                assignment: assignments[record.id] ?? Assignment(generation: 0, models: []), hasLeft: record.hasLeft)
        }
        let policies = try await store.policies().map(\.policy)
        rolloutStore = rollouts
        let stored = try await Self.rollouts(from: rollouts)
        self.rollouts = stored
        machine = Machine(
            settings: settings, boards: boards, policies: policies, trials: Self.trials(of: stored),
            quarantined: try await store.quarantines().mapValues {
                QuarantinedBoard(reason: $0.reason, sinceMilliseconds: $0.sinceMilliseconds)
            }, drained: Set(records.filter { $0.drainedAtMilliseconds != nil }.map(\.id)),
            clockSeconds: Int64(Self.wallClock() / 1_000), at: .now)
        self.store = store
        self.transport = transport
        self.logger = logger
        self.retryPause = retryPause
        self.gatheringTime = gatheringTime
        self.metrics = metrics
        policyWatch.changed(at: .now)
        for record in records { heardMilliseconds[record.id] = record.lastSeenMilliseconds }
    }

    var states: [BoardState] { machine.states }
    var policies: [Policy] { machine.policies }
    /// Boards from which nothing is learned.
    var quarantined: Set<BoardID> { Set(machine.quarantined.keys) }

    func observeTelemetry(_ observer: @escaping @Sendable (BoardDescription, [TelemetryRecord]) -> Void) {
        self.observer = observer
    }

    func observeMeasurements(_ observer: @escaping @Sendable (BoardDescription, MeasureReport) -> Void) {
        measureObserver = observer
    }

    func observeArtefacts(_ observer: @escaping @Sendable (BoardDescription, ArtefactReport) -> Void) {
        artefactObserver = observer
    }

    /// When each board said something last, in milliseconds since 1970; of boards not heard since the start, as it was
    /// stored.
    var heardMilliseconds: [BoardID: UInt64] = [:]

    /// What each model did lately, since the start.
    var recentWindows: [BoardID: [ModelName: RecentWindows]] = [:]

    /// What each board said of itself last; boards not heard since the start are not in it.
    var newestOfBoards: [BoardID: (position: TelemetryPosition, board: BoardTelemetry)] = [:]

    /// What could not be met on the boards that the policy selects, were it in force.
    func infeasible(with policy: Policy) -> [String] { machine.infeasible(with: policy) }

    // MARK: Events

    func received(_ incoming: Incoming) async {
        await inTurn(afterArrivals: false) {
            switch incoming.source {
            case .board(let board):
                if self.arrivals.contains(board) { await self.storeArrivals() }
                // A new key is the board's, durably, before it is welcomed with it.
                if case .hello = incoming.message, await !self.keyGreeted(board, with: incoming.publicKey) { return }
                if self.machine.state(of: board) != nil { self.heardMilliseconds[board] = Self.wallClock() }
                await self.perform(self.machine.messageReceived(incoming.message, from: board, at: .now))
                guard let state = self.machine.state(of: board), state.status == .connected else { return }
                switch incoming.message {
                case .hello: self.policyWatch.changed(at: .now)
                case .keyReport(let report): await self.keyTold(report, by: board)
                case .gateReport where state.isDrained, .artefactReport where state.isDrained: break
                case .gateReport(let report): await self.gateReportReceived(report, from: state.board)
                case .measureReport(let report): self.measureObserver?(state.board, report)
                case .artefactReport(let report): self.artefactObserver?(state.board, report)
                default: break
                }
            case .stranger(let stranger):
                guard case .enrol(let token, let board) = incoming.message else { return }
                await self.enrol(board, token: token, stranger)
            }
        }
    }

    func timerFired() async {
        await inTurn {
            await self.perform(
                self.machine.clockRead(secondsSince1970: Int64(Self.wallClock() / 1_000), at: .now)
                    + self.machine.timerFired(at: .now))
            await self.sharingTimerFired()
            await self.rolloutTimerFired()
            await self.keyTimerFired()
            await self.lookAfterPolicies()
            self.lastTimer = .now
        }
    }

    /// The board told of something that it cannot have measured.
    func impossible(_ reason: String, of board: BoardID) async {
        await inTurn { await self.perform(self.machine.impossibleFigures(reason, of: board, at: .now)) }
    }

    /// Stores the policy, then tells the boards that it changes. The text that is applied already is no new version.
    func apply(_ policy: Policy, text: String, by actor: String) async throws -> StoredPolicy {
        try await inTurn {
            try self.refuseDuringRollout(of: policy.name)
            let before = try await self.store.policies().first { $0.policy.name == policy.name }
            if let before, before.text == text, before.policy == policy { return before }
            let after = StoredPolicy(policy: policy, version: (before?.version ?? 0) + 1, text: text)
            let stored = try await self.store.savePolicy(
                policy, text: text,
                audit: AuditDraft(
                    actor: actor, action: .policyApplied, target: "policy \(policy.name)", before: before?.auditText,
                    after: after.auditText, atMilliseconds: Self.wallClock()))
            let policies = try await self.store.policies().map(\.policy)
            await self.perform(
                [.record(.policyApplied, nil, "policy \(policy.name) version \(stored.version)")]
                    + self.machine.policiesChanged(policies, at: .now))
            self.policyWatch.changed(at: .now)
            return stored
        }
    }

    /// Forgets the policy, then tells the boards that it changes: what remains rules them, or nothing.
    /// - Returns: what it was; `nil` where there is none of that name.
    func withdraw(_ name: String, by actor: String) async throws -> StoredPolicy? {
        try await inTurn {
            try self.refuseDuringRollout(of: name)
            let before = try await self.store.policies().first { $0.policy.name == name }
            guard let before else { return nil }
            let removed = try await self.store.removePolicy(
                name,
                audit: AuditDraft(
                    actor: actor, action: .policyWithdrawn, target: "policy \(name)", before: before.auditText,
                    atMilliseconds: Self.wallClock()))
            guard let removed else { return nil }
            let policies = try await self.store.policies().map(\.policy)
            await self.perform(
                [.record(.policyWithdrawn, nil, "policy \(name) version \(removed.version)")]
                    + self.machine.policiesChanged(policies, at: .now))
            self.policyWatch.changed(at: .now)
            return removed
        }
    }

    private func lookAfterPolicies() async {
        guard policyWatch.isDue(at: .now) else { return }
        for sentence in policyWatch.look(machine.policies, boards: machine.states.map(\.board)) {
            await record(.policyUnmatched, nil, sentence)
        }
    }

    /// Takes the board's key off the list: it may speak no more, and its name is free to enrol again.
    /// - Returns: `false` when no such board may speak.
    func revoke(_ id: BoardID, dryRun: Bool = false, by actor: String) async throws -> Bool {
        try await inTurn {
            guard var record = try await self.store.board(id), record.revokedAtMilliseconds == nil else { return false }
            if dryRun { return true }
            let now = Self.wallClock()
            record.revokedAtMilliseconds = now
            (record.drainedAtMilliseconds, record.keyRotation) = (nil, nil)
            try await self.store.saveBoard(
                record,
                audit: AuditDraft(
                    actor: actor, action: .boardRevoked, target: "board \(id)",
                    before: "enrolled, key \(record.publicKey)", after: "revoked", atMilliseconds: now))
            self.transport.allowList.revoke(id)
            self.forgetKeys(of: id)
            self.heardMilliseconds[id] = nil
            self.newestOfBoards[id] = nil
            self.recentWindows[id] = nil
            self.policyWatch.changed(at: .now)
            self.sharing.boardRevoked(id)
            await self.perform(self.machine.boardRevoked(id))
            return true
        }
    }

    /// One event at a time: an actor alone would let another in at every `await`.
    ///
    /// - Parameter afterArrivals: whether boards that wait to be stored are stored first. Only what looks after its own
    ///   board may leave them waiting.
    func inTurn<Result: Sendable>(
        afterArrivals: Bool = true, _ body: () async throws -> Result
    ) async rethrows -> Result {
        if isBusy { await withCheckedContinuation { waiting.append($0) } } else { isBusy = true }
        // Handed over while still busy, so that nobody who comes later goes first.
        defer { if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() } }
        if afterArrivals { await storeArrivals() }
        return try await body()
    }

    // MARK: Effects

    func perform(_ actions: [Machine.Action]) async {
        // What follows speaks of the board: it waits until that is durable.
        let place = actions.firstIndex { if case .saveBoard = $0 { true } else { false } }
        if let place, case .saveBoard(let board) = actions[place] {
            await perform(Array(actions[..<place]))
            return await gather((board, Array(actions[(place + 1)...])))
        }
        var assignments: [(board: BoardID, assignment: Assignment)] = []
        var changes: [Machine.Action] = []
        for action in actions {
            switch action {
            case .saveBoard: preconditionFailure("boards to be stored are gathered first")
            case .saveAssignment(let assignment, let board): assignments.append((board, assignment))
            case .record(.assignmentChanged, _, _): changes.append(action)
            case .persistTelemetry(let records, let board): await gather(records, of: board)
            case .saveQuarantine(let entry, let board):
                let record = entry.map {
                    QuarantineRecord(reason: $0.reason, sinceMilliseconds: $0.sinceMilliseconds)
                }
                await storing("quarantine") { try await self.store.saveQuarantine(record, of: board) }
            case .send(let message, let board): send(message, to: board)
            case .record(let kind, let board, let message): await record(kind, board, message)
            }
        }
        await save(assignments)
        for case .record(let kind, let board, let message) in changes { await record(kind, board, message) }
    }

    func send(_ message: Message, to board: BoardID) {
        do { try transport.send(message, to: board) } catch {
            logger.warning("message not sent", metadata: ["board": "\(board)", "error": "\(error)"])
        }
    }

    /// Of many boards in transactions of so many that the first boards need not wait for the last.
    private func save(_ assignments: [(board: BoardID, assignment: Assignment)]) async {
        for first in stride(from: 0, to: assignments.count, by: GatheredArrivals.most) {
            let some = Array(assignments[first..<min(first + GatheredArrivals.most, assignments.count)])
            let saved = await storingTogether("assignment", some) { rows in
                try await self.store.saveAssignments(rows)
                return rows
            }
            for case (let board, let assignment)? in saved {
                await perform(machine.assignmentPersisted(board, generation: assignment.generation, at: .now))
            }
        }
    }

    func record(_ kind: FleetEvent.Kind, _ board: BoardID?, _ message: String) async {
        metrics.happened(kind)
        logger.info("\(kind.rawValue)", metadata: ["board": "\(board?.rawValue ?? "-")", "message": "\(message)"])
        let text = message.cut(toBytes: FleetLimits.textBytes)
        await gather(FleetEvent(kind: kind, board: board, message: text, atMilliseconds: Self.wallClock()))
    }

    /// The environment may fail for a moment (a full disk, a locked file): tried once more, then given up with a log
    /// line, and the protocol's own repetition takes over. Boards wait their turn meanwhile, so it must not take long.
    @discardableResult
    func storing<Result: Sendable>(
        _ what: String, attempts: Int = storeAttempts, _ body: () async throws -> Result
    ) async -> Result? {
        for attempt in 1...attempts {
            do { return try await body() } catch {
                logger.error(
                    "not stored", metadata: ["what": "\(what)", "attempt": "\(attempt)", "error": "\(error)"])
                if attempt < attempts { try? await Task.sleep(for: retryPause * attempt) }
            }
        }
        return nil
    }

    static func wallClock() -> UInt64 { UInt64(max(0, Date().timeIntervalSince1970) * 1_000) }
}
