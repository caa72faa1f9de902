public import AdminAPI
public import AuditLog

/// The audit log, checked twice: by the coordinator over its database, and here over the entries that it gives out.
public struct AuditCheck: Codable, Equatable, Sendable {
    public var entries: Int
    /// To be noted elsewhere: what is rewritten from here on is found by it.
    public var newest: AuditMark
    public var isWhole: Bool
    public var fault: AuditFault?

    /// - Parameter noted: what an earlier check said of its newest entry.
    public static func run(_ client: AdminClient, noted: [AuditMark]) async throws -> AuditCheck {
        let verification: AuditVerification = try await client.get("v1/audit/verification")
        var checker = AuditChecker(from: verification.base, noted: noted)
        // People may change something meanwhile; what was there when the check began is checked.
        while checker.fault == nil, checker.place.number < verification.newest.number {
            let entries: [AuditEntry] = try await client.get(
                "v1/audit",
                query: ["after": "\(checker.place.number)", "limit": "\(AdminServer.rowLimit)"])
            guard !entries.isEmpty else { break }
            for entry in entries where entry.number <= verification.newest.number { checker.check(entry) }
        }
        let fault = verification.fault ?? checker.finished(newest: verification.newest)
        return AuditCheck(
            entries: verification.entries, newest: verification.newest, isWhole: fault == nil, fault: fault)
    }
}
