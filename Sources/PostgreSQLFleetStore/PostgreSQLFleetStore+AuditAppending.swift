public import AuditLog
public import FleetStore

extension PostgreSQLFleetStore: AuditAppending {
    public func appendAudit(_ draft: AuditDraft) async throws {
        try await write(locking: auditLock(draft)) { [self] in try append(draft, $0) }
    }
}
