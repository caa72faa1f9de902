import AuditLog
import FleetModel
import FleetStore

/// A store whose disk is full whenever the test says so; then every write fails and nothing is kept.
actor FailingStore: FleetStore {
    private let store = InMemoryFleetStore()
    var isFull = false

    /// Of each call to store telemetry, the records of every batch.
    private(set) var appended: [[Int]] = []
    /// Of each call, the boards.
    private(set) var enrolled: [[BoardID]] = []
    private(set) var greeted: [[BoardID]] = []
    private(set) var assigned: [[BoardID]] = []
    /// A board that it says it does not know.
    private var unknown: BoardID?

    func forget(_ board: BoardID) { unknown = board }

    func set(isFull: Bool) { self.isFull = isFull }

    private var isHeld = false
    private var held: [CheckedContinuation<Void, Never>] = []

    /// Policies are not stored before `release`.
    func hold() { isHeld = true }
    var heldCount: Int { held.count }

    func release() {
        isHeld = false
        for continuation in held { continuation.resume() }
        held = []
    }

    private func requireRoom() throws {
        if isFull { throw FleetStoreFailure.unavailable(path: "test", detail: "the disk is full") }
    }

    func saveMeasurement(_ measurement: MeasuredSubnet) async throws {
        try requireRoom()
        try await store.saveMeasurement(measurement)
    }

    func saveQuarantine(_ entry: QuarantineRecord?, of board: BoardID) async throws {
        try requireRoom()
        try await store.saveQuarantine(entry, of: board)
    }

    func quarantines() async throws -> [BoardID: QuarantineRecord] { await store.quarantines() }

    func measurements() async throws -> [MeasuredSubnet] { await store.measurements() }

    func saveBoard(_ board: BoardRecord, audit: AuditDraft?) async throws {
        try requireRoom()
        try await store.saveBoard(board, audit: audit)
    }

    func addToken(_ token: EnrolmentToken, atMilliseconds now: UInt64, audit: AuditDraft?) async throws {
        try requireRoom()
        try await store.addToken(token, atMilliseconds: now, audit: audit)
    }

    func redeemToken(hash: [UInt8], atMilliseconds now: UInt64) async throws -> Bool {
        try requireRoom()
        return await store.redeemToken(hash: hash, atMilliseconds: now)
    }

    func enrol(_ requests: [EnrolmentRequest], atMilliseconds now: UInt64) async throws -> [EnrolmentOutcome] {
        enrolled.append(requests.map(\.board.id))
        try requireRoom()
        return try await store.enrol(requests, atMilliseconds: now)
    }

    func saveGreetings(_ greetings: [BoardGreeting]) async throws {
        greeted.append(greetings.map(\.id))
        try requireRoom()
        if let unknown, greetings.contains(where: { $0.id == unknown }) {
            throw FleetStoreFailure.unknownBoard(unknown)
        }
        try await store.saveGreetings(greetings)
    }

    func appendTelemetry(
        _ batches: [(BoardID, [TelemetryRecord])], receivedAtMilliseconds: UInt64
    ) async throws -> [DurableTelemetry] {
        appended.append(batches.map(\.1.count))
        try requireRoom()
        return try await store.appendTelemetry(batches, receivedAtMilliseconds: receivedAtMilliseconds)
    }

    func telemetryHours(board: BoardID, sinceMilliseconds: UInt64, limit: Int) async throws -> [TelemetryHour] {
        try await store.telemetryHours(board: board, sinceMilliseconds: sinceMilliseconds, limit: limit)
    }

    func removeTelemetry(_ page: RetentionPage) async throws -> RemovedTelemetry {
        try requireRoom()
        return try await store.removeTelemetry(page)
    }

    func savePolicy(_ policy: Policy, text: String, audit: AuditDraft?) async throws -> StoredPolicy {
        if isHeld { await withCheckedContinuation { held.append($0) } }
        try requireRoom()
        return try await store.savePolicy(policy, text: text, audit: audit)
    }

    func removePolicy(_ name: String, audit: AuditDraft?) async throws -> StoredPolicy? {
        try requireRoom()
        return try await store.removePolicy(name, audit: audit)
    }

    func saveAssignments(_ assignments: [(board: BoardID, assignment: Assignment)]) async throws {
        assigned.append(assignments.map(\.board))
        try requireRoom()
        try await store.saveAssignments(assignments)
    }

    func appendEvents(_ events: [FleetEvent]) async throws {
        try requireRoom()
        try await store.appendEvents(events)
    }

    func board(_ id: BoardID) async throws -> BoardRecord? { await store.board(id) }
    func boards() async throws -> [BoardRecord] { await store.boards() }
    func allowList() async throws -> [String: BoardID] { await store.allowList() }
    func telemetryCounts() async throws -> [TelemetryCount] { await store.telemetryCounts() }
    func policies() async throws -> [StoredPolicy] { await store.policies() }
    func assignments() async throws -> [BoardID: Assignment] { await store.assignments() }
    func assignments(of boards: [BoardID]) async throws -> [BoardID: Assignment] {
        await store.assignments(of: boards)
    }
    func events(limit: Int) async throws -> [FleetEvent] { await store.events(limit: limit) }

    func telemetry(board: BoardID, sinceMilliseconds: UInt64, limit: Int) async throws -> [StoredTelemetry] {
        try await store.telemetry(board: board, sinceMilliseconds: sinceMilliseconds, limit: limit)
    }

    func saveSearch(_ search: SearchRecord, audit: AuditDraft?) async throws {
        try requireRoom()
        try await store.saveSearch(search, audit: audit)
    }

    func removeSearch(_ name: String) async throws {
        try requireRoom()
        await store.removeSearch(name)
    }

    func addAccessToken(_ token: AccessToken, audit: AuditDraft) async throws {
        try requireRoom()
        try await store.addAccessToken(token, audit: audit)
    }

    func removeAccessToken(_ name: AccessName, audit: AuditDraft) async throws -> Bool {
        try requireRoom()
        return try await store.removeAccessToken(name, audit: audit)
    }

    func accessToken(hash: [UInt8]) async throws -> AccessToken? { await store.accessToken(hash: hash) }
    func accessTokens() async throws -> [AccessToken] { await store.accessTokens() }

    func audit(after: UInt64?, sinceMilliseconds: UInt64, limit: Int) async throws -> [AuditEntry] {
        await store.audit(after: after, sinceMilliseconds: sinceMilliseconds, limit: limit)
    }

    func verifyAudit() async throws -> AuditVerification { await store.verifyAudit() }

    func searches() async throws -> [SearchRecord] { await store.searches() }
}
