public import AuditLog
public import FleetModel
import Rollouts

/// Forgets everything at the end of the process; for tests.
public actor InMemoryFleetStore: FleetStore {
    struct Telemetry {
        /// Oldest arrival first; `number` rises over all boards.
        var records: [(number: UInt64, stored: StoredTelemetry)] = []
        var progress: [UInt64: TelemetryProgress] = [:]
    }

    let limits: StoreLimits
    private var boardRecords: [BoardID: BoardRecord] = [:]
    private var tokens: [[UInt8]: EnrolmentToken] = [:]
    var telemetry: [BoardID: Telemetry] = [:]
    private var arrivals: UInt64 = 0
    var hours: [BoardID: [ModelName: [UInt64: TelemetryHour]]] = [:]
    private var storedPolicies: [String: StoredPolicy] = [:]
    private var storedAssignments: [BoardID: Assignment] = [:]
    private var storedEvents: [FleetEvent] = []
    private var storedMeasurements: [MeasuredSubnet] = []
    private var storedSearches: [String: SearchRecord] = [:]
    private var storedAccess: [AccessName: AccessToken] = [:]
    var storedRollouts: [String: Rollout] = [:]
    var storedQuarantines: [BoardID: QuarantineRecord] = [:]
    var ledger = AuditLedger()

    public init(limits: StoreLimits = StoreLimits()) { self.limits = limits }

    // MARK: Boards

    public func saveBoard(_ board: BoardRecord, audit: AuditDraft?) throws {
        try board.checkRange()
        if let other = boardRecords.values.first(where: { $0.publicKey == board.publicKey && $0.id != board.id }) {
            throw FleetStoreFailure.keyInUse(by: other.id)
        }
        guard boardRecords[board.id] != nil || boardRecords.count < limits.boards else {
            throw FleetStoreFailure.limitReached(what: "boards", limit: limits.boards)
        }
        try ledger.append(audit, limits)
        boardRecords[board.id] = board
    }

    public func board(_ id: BoardID) -> BoardRecord? { boardRecords[id] }

    public func saveGreetings(_ greetings: [BoardGreeting]) throws {
        var records = boardRecords
        for greeting in greetings {
            try greeting.checkRange()
            guard var record = records[greeting.id] else { throw FleetStoreFailure.unknownBoard(greeting.id) }
            record.description = greeting.description
            record.incarnation = greeting.incarnation
            record.reportedGeneration = greeting.reportedGeneration
            record.lastSeenMilliseconds = greeting.lastSeenMilliseconds
            record.hasLeft = greeting.hasLeft
            records[greeting.id] = record
        }
        boardRecords = records
    }

    public func boards() -> [BoardRecord] { boardRecords.values.sorted { $0.id < $1.id } }

    public func allowList() -> [String: BoardID] {
        boardRecords.values.reduce(into: [:]) { list, board in
            for key in board.keys { list[key] = board.id }
        }
    }

    // MARK: Enrolment

    public func addToken(
        _ token: EnrolmentToken, atMilliseconds now: UInt64, audit: AuditDraft?
    ) throws {
        _ = try signed(token.expiresAtMilliseconds, "expiresAtMilliseconds")
        tokens = tokens.filter { $0.value.isUsable(atMilliseconds: now) }
        guard tokens[token.hash] != nil || tokens.count < limits.tokens else {
            throw FleetStoreFailure.limitReached(what: "tokens", limit: limits.tokens)
        }
        try ledger.append(audit, limits)
        tokens[token.hash] = token
    }

    public func redeemToken(hash: [UInt8], atMilliseconds now: UInt64) -> Bool {
        redeem(hash, for: nil, at: now) == .enrolled
    }

    private func redeem(_ hash: [UInt8], for board: BoardDescription?, at now: UInt64) -> EnrolmentOutcome {
        guard let token = tokens[hash], token.isUsable(atMilliseconds: now) else { return .tokenRefused }
        let missing = token.missing(on: board)
        guard missing.isEmpty else { return .labelsMissing(missing) }
        tokens[hash]?.remainingUses -= 1
        return .enrolled
    }

    public func enrol(_ requests: [EnrolmentRequest], atMilliseconds now: UInt64) throws -> [EnrolmentOutcome] {
        let before = (tokens, boardRecords, ledger)
        do {
            return try requests.map { request in
                let outcome = redeem(request.tokenHash, for: request.board.description, at: now)
                if outcome == .enrolled { try saveBoard(request.board, audit: request.audit) }
                return outcome
            }
        } catch {
            (tokens, boardRecords, ledger) = before
            throw error
        }
    }

    // MARK: Telemetry

    public func appendTelemetry(
        _ batches: [(BoardID, [TelemetryRecord])], receivedAtMilliseconds: UInt64
    ) throws -> [DurableTelemetry] {
        _ = try signed(receivedAtMilliseconds, "receivedAtMilliseconds")
        for (board, records) in batches {
            guard boardRecords[board] != nil else { throw FleetStoreFailure.unknownBoard(board) }
            for record in records { try record.checkRange() }
        }
        var touched: Set<TelemetryKey> = []
        var gathered = GatheredHours()
        for (board, records) in batches {
            for record in records {
                touched.insert(TelemetryKey(board: board, incarnation: record.incarnation))
                let stored = StoredTelemetry(record: record, receivedAtMilliseconds: receivedAtMilliseconds)
                if append(stored, of: board) { gathered.add(record, of: board) }
            }
        }
        add(gathered, receivedAtMilliseconds: receivedAtMilliseconds)
        let durable = touched.sorted().map { DurableTelemetry($0, advanced($0)) }
        for board in Set(touched.map(\.board)) { forgetOldest(of: board) }
        return durable
    }

    /// `false` when the record was there.
    private func append(_ stored: StoredTelemetry, of board: BoardID) -> Bool {
        let record = stored.record
        let known = telemetry[board, default: Telemetry()]
        let progress = known.progress[record.incarnation] ?? TelemetryProgress()
        guard progress.mayBeNew(record),
            !known.records.contains(where: { $0.stored.record.position == record.position })
        else { return false }
        arrivals += 1
        telemetry[board, default: Telemetry()].records.append((arrivals, stored))
        telemetry[board]?.progress[record.incarnation, default: TelemetryProgress()].recordStored(record)
        return true
    }

    private func advanced(_ key: TelemetryKey) -> TelemetryProgress {
        let sequences = (telemetry[key.board]?.records ?? []).map(\.stored.record.position)
            .filter { $0.incarnation == key.incarnation }.map(\.sequence).sorted()
        var progress = telemetry[key.board]?.progress[key.incarnation] ?? TelemetryProgress()
        progress.advance { contiguous in sequences.first { $0 > contiguous } }
        telemetry[key.board]?.progress[key.incarnation] = progress
        return progress
    }

    private func forgetOldest(of board: BoardID) {
        guard var kept = telemetry[board] else { return }
        let surplus = max(0, kept.records.count - limits.telemetryPerBoard)
        for record in kept.records.prefix(surplus).map(\.stored.record) {
            kept.progress[record.incarnation]?.recordRemoved(record.sequence)
        }
        kept.records.removeFirst(surplus)
        for incarnation in kept.progress.keys.sorted().dropLast(limits.incarnationsPerBoard) {
            kept.progress[incarnation] = nil
        }
        telemetry[board] = kept
    }

    public func telemetry(board: BoardID, sinceMilliseconds: UInt64, limit: Int) throws -> [StoredTelemetry] {
        _ = try signed(sinceMilliseconds, "sinceMilliseconds")
        return (telemetry[board]?.records ?? []).map(\.stored)
            .filter { $0.record.startMilliseconds >= sinceMilliseconds }
            .sorted { $0.record.order < $1.record.order }
            .suffix(max(0, limit))
    }

    public func telemetryCounts() -> [TelemetryCount] {
        telemetry.sorted { $0.key < $1.key }.map { board, kept in
            TelemetryCount(
                board: board, rows: kept.records.count,
                incarnations: kept.progress.sorted { $0.key < $1.key }.map {
                    .init(incarnation: $0.key, highest: $0.value.highest, gaps: $0.value.gaps)
                })
        }
    }

    // MARK: Policies and assignments

    public func savePolicy(_ policy: Policy, text: String, audit: AuditDraft?) throws -> StoredPolicy {
        guard storedPolicies[policy.name] != nil || storedPolicies.count < limits.policies else {
            throw FleetStoreFailure.limitReached(what: "policies", limit: limits.policies)
        }
        let version = (storedPolicies[policy.name]?.version ?? 0) + 1
        let stored = StoredPolicy(policy: policy, version: version, text: text)
        try ledger.append(audit, limits)
        storedPolicies[policy.name] = stored
        return stored
    }

    public func removePolicy(_ name: String, audit: AuditDraft?) throws -> StoredPolicy? {
        guard let stored = storedPolicies[name] else { return nil }
        try ledger.append(audit, limits)
        storedPolicies[name] = nil
        return stored
    }

    public func policies() -> [StoredPolicy] { storedPolicies.values.sorted { $0.policy.name < $1.policy.name } }

    public func saveAssignments(_ assignments: [(board: BoardID, assignment: Assignment)]) throws {
        var kept = storedAssignments
        for (board, assignment) in assignments {
            _ = try signed(assignment.generation, "generation")
            guard boardRecords[board] != nil else { throw FleetStoreFailure.unknownBoard(board) }
            if let generation = kept[board]?.generation, assignment.generation <= generation {
                throw FleetStoreFailure.staleGeneration(board, kept: generation, offered: assignment.generation)
            }
            kept[board] = assignment
        }
        storedAssignments = kept
    }

    public func assignments() -> [BoardID: Assignment] { storedAssignments }

    public func assignments(of boards: [BoardID]) -> [BoardID: Assignment] {
        let wanted = Set(boards)
        return storedAssignments.filter { wanted.contains($0.key) }
    }

    // MARK: Events

    public func appendEvents(_ events: [FleetEvent]) throws {
        for event in events { _ = try signed(event.atMilliseconds, "atMilliseconds") }
        storedEvents += events
        storedEvents.removeFirst(max(0, storedEvents.count - limits.events))
    }

    public func events(limit: Int) -> [FleetEvent] { Array(storedEvents.suffix(max(0, limit)).reversed()) }

    // MARK: Searches

    public func saveSearch(_ search: SearchRecord, audit: AuditDraft?) throws {
        _ = try signed(search.number, "number")
        guard storedSearches[search.name] != nil || storedSearches.count < limits.searches else {
            throw FleetStoreFailure.limitReached(what: "searches", limit: limits.searches)
        }
        try ledger.append(audit, limits)
        storedSearches[search.name] = search
    }

    public func removeSearch(_ name: String) { storedSearches[name] = nil }

    public func searches() -> [SearchRecord] { storedSearches.values.sorted { $0.number < $1.number } }

    public func saveMeasurement(_ measurement: MeasuredSubnet) throws {
        _ = try signed(measurement.atMilliseconds, "atMilliseconds")
        storedMeasurements.removeAll {
            $0.board == measurement.board && $0.supernetSHA256 == measurement.supernetSHA256
                && "\($0.configuration)" == "\(measurement.configuration)"
        }
        let place = storedMeasurements.firstIndex { $0.atMilliseconds > measurement.atMilliseconds }
        storedMeasurements.insert(measurement, at: place ?? storedMeasurements.count)
        storedMeasurements.removeFirst(max(0, storedMeasurements.count - limits.measuredSubnets))
    }

    public func measurements() -> [MeasuredSubnet] { storedMeasurements }

    // MARK: Access

    public func addAccessToken(_ token: AccessToken, audit: AuditDraft) throws {
        _ = try signed(token.createdAtMilliseconds, "createdAtMilliseconds")
        _ = try signed(token.expiresAtMilliseconds ?? 0, "expiresAtMilliseconds")
        guard storedAccess[token.name] == nil else { throw FleetStoreFailure.nameInUse(token.name) }
        guard storedAccess.count < limits.accessTokens else {
            throw FleetStoreFailure.limitReached(what: "access tokens", limit: limits.accessTokens)
        }
        try ledger.append(audit, limits)
        storedAccess[token.name] = token
    }

    public func removeAccessToken(_ name: AccessName, audit: AuditDraft) throws -> Bool {
        guard storedAccess[name] != nil else { return false }
        try ledger.append(audit, limits)
        storedAccess[name] = nil
        return true
    }

    public func accessToken(hash: [UInt8]) -> AccessToken? { storedAccess.values.first { $0.hash == hash } }

    public func accessTokens() -> [AccessToken] {
        storedAccess.values.sorted { $0.name.rawValue < $1.name.rawValue }
    }

    public func audit(after: UInt64?, sinceMilliseconds: UInt64, limit: Int) -> [AuditEntry] {
        ledger.found(after: after, since: sinceMilliseconds, limit: limit)
    }

    public func verifyAudit() -> AuditVerification { ledger.verification() }
}
