public import AuditLog
public import FleetModel

/// What the coordinator must still know after a restart. `SQLiteFleetStore`, `PostgreSQLFleetStore` and
/// `InMemoryFleetStore` conform; one suite of tests runs over all.
///
/// Each method is one transaction: it happens as a whole, or throws and has not happened. When a method of a store
/// with a disk returns, what it wrote is on the disk. All methods throw `FleetStoreFailure`.
///
/// Where a method takes an `audit`, that becomes an entry of the log in the same transaction: there is no change by a
/// person without its entry, and no entry without its change.
public protocol FleetStore: SearchStore, MeasurementStore, QuarantineStore, AccessStore, TelemetryRetention {
    // MARK: Boards

    /// Adds the board or replaces it. No two boards share a key; there are at most `FleetLimits.boards`.
    func saveBoard(_ board: BoardRecord, audit: AuditDraft?) async throws
    func board(_ id: BoardID) async throws -> BoardRecord?
    /// Ordered by id, revoked boards included.
    func boards() async throws -> [BoardRecord]
    /// Public key (Z85) to board, without revoked boards; of a board that changes its key, both.
    func allowList() async throws -> [String: BoardID]
    /// What boards that are there say of themselves now; of two of one board the later counts. Refuses all where one is
    /// of an unknown board.
    func saveGreetings(_ greetings: [BoardGreeting]) async throws

    // MARK: Enrolment

    /// At most `FleetLimits.tokens` that are neither spent nor expired.
    func addToken(_ token: EnrolmentToken, atMilliseconds now: UInt64, audit: AuditDraft?) async throws
    /// Uses the token once; `false` when there is none of that hash, it has expired, has no use left, or wants labels:
    /// only a board can carry them.
    func redeemToken(hash: [UInt8], atMilliseconds now: UInt64) async throws -> Bool
    /// In this order, of each uses the token and saves the board, or neither, as the outcome tells. Refuses all where
    /// the key of one is another board's, or there is no room for it.
    func enrol(_ requests: [EnrolmentRequest], atMilliseconds now: UInt64) async throws -> [EnrolmentOutcome]

    // MARK: Telemetry

    /// Adds the records that are not there yet, so that telling them again changes nothing; to their hours
    /// (`TelemetryRetention`) too. A record that was acknowledged and then removed is not added again. Returns one
    /// entry for each board and incarnation among them, in order. Refuses all when one is of an unknown board.
    func appendTelemetry(
        _ batches: [(BoardID, [TelemetryRecord])], receivedAtMilliseconds: UInt64
    ) async throws -> [DurableTelemetry]
    /// The newest `limit` records whose window began at `sinceMilliseconds` or later, oldest first.
    func telemetry(board: BoardID, sinceMilliseconds: UInt64, limit: Int) async throws -> [StoredTelemetry]
    /// Ordered by board, for every board with telemetry.
    func telemetryCounts() async throws -> [TelemetryCount]

    // MARK: Policies and assignments

    /// Adds the policy as version 1, or replaces it and raises its version. At most `FleetLimits.policies`.
    func savePolicy(_ policy: Policy, text: String, audit: AuditDraft?) async throws -> StoredPolicy
    /// Ordered by name.
    func policies() async throws -> [StoredPolicy]
    /// Forgets the policy; one of its name that comes later is version 1 again.
    /// - Returns: what it was; `nil`, and nothing happens, where there is none of that name.
    func removePolicy(_ name: String, audit: AuditDraft?) async throws -> StoredPolicy?
    /// Replaces the boards' assignments; each generation must be higher than the one before, or all are refused.
    func saveAssignments(_ assignments: [(board: BoardID, assignment: Assignment)]) async throws
    func assignments() async throws -> [BoardID: Assignment]
    /// Of these boards, as far as they have one.
    func assignments(of boards: [BoardID]) async throws -> [BoardID: Assignment]

    // MARK: Events

    /// Beyond `FleetLimits.events` the oldest go.
    func appendEvents(_ events: [FleetEvent]) async throws
    /// The newest `limit`, newest first.
    func events(limit: Int) async throws -> [FleetEvent]
}

/// What no person asked for.
extension FleetStore {
    public func appendEvent(_ event: FleetEvent) async throws { try await appendEvents([event]) }
    public func saveBoard(_ board: BoardRecord) async throws { try await saveBoard(board, audit: nil) }

    public func saveAssignment(_ assignment: Assignment, for board: BoardID) async throws {
        try await saveAssignments([(board, assignment)])
    }

    public func enrol(_ board: BoardRecord, tokenHash: [UInt8], atMilliseconds now: UInt64) async throws -> Bool {
        try await enrol([EnrolmentRequest(board: board, tokenHash: tokenHash)], atMilliseconds: now) == [.enrolled]
    }

    public func addToken(_ token: EnrolmentToken, atMilliseconds now: UInt64) async throws {
        try await addToken(token, atMilliseconds: now, audit: nil)
    }

    public func savePolicy(_ policy: Policy, text: String) async throws -> StoredPolicy {
        try await savePolicy(policy, text: text, audit: nil)
    }
}

extension SearchStore {
    public func saveSearch(_ search: SearchRecord) async throws { try await saveSearch(search, audit: nil) }
}
