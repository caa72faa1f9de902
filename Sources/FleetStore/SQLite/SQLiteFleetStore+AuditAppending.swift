public import AuditLog

extension SQLiteFleetStore: AuditAppending {
    public func appendAudit(_ draft: AuditDraft) async throws {
        try await write { [self] database in try append(draft, database) }
    }
}
