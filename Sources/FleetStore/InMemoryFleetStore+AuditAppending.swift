public import AuditLog

extension InMemoryFleetStore: AuditAppending {
    public func appendAudit(_ draft: AuditDraft) throws { try ledger.append(draft, limits) }
}
