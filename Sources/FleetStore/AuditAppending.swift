public import AuditLog

/// A log that takes entries by themselves, for changes to what is kept elsewhere than in the store: the entry is made
/// before the change, so that there is no change without one.
public protocol AuditAppending: Sendable {
    func appendAudit(_ draft: AuditDraft) async throws
}
