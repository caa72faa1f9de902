public import AuditLog

/// The log of what people changed: part of every store that people's changes go to.
///
/// Entries are only ever added, each in the transaction of the change that it tells of. Of more than
/// `FleetLimits.auditEntries` the oldest go; the mark of the newest of them stays, so that the rest is still one chain.
public protocol AuditStore: Sendable {
    /// Oldest first: those after entry `after` where it is given, and the newest where it is not; at most `limit`, and
    /// none from before `sinceMilliseconds`.
    func audit(after: UInt64?, sinceMilliseconds: UInt64, limit: Int) async throws -> [AuditEntry]
    /// Reads the whole log.
    func verifyAudit() async throws -> AuditVerification
}

/// The log in memory.
struct AuditLedger {
    private(set) var entries: [AuditEntry] = []
    private var base = AuditMark.origin
    private var newest = AuditMark.origin

    mutating func append(_ draft: AuditDraft?, _ limits: StoreLimits) throws(FleetStoreFailure) {
        guard let draft else { return }
        _ = try signed(draft.atMilliseconds, "atMilliseconds")
        let entry = newest.next(draft, textBytes: limits.auditTextBytes)
        entries.append(entry)
        newest = AuditMark(number: entry.number, hash: entry.hash)
        while entries.count > limits.auditEntries {
            base = AuditMark(number: entries[0].number, hash: entries[0].hash)
            entries.removeFirst()
        }
    }

    func found(after: UInt64?, since: UInt64, limit: Int) -> [AuditEntry] {
        let found = entries.filter { $0.number > after ?? 0 && $0.atMilliseconds >= since }
        return Array(after == nil ? found.suffix(max(0, limit)) : found.prefix(max(0, limit)))
    }

    func verification() -> AuditVerification {
        var checker = AuditChecker(from: base)
        for entry in entries { checker.check(entry) }
        return AuditVerification(
            entries: entries.count, base: base, newest: newest, fault: checker.finished(newest: newest))
    }
}
