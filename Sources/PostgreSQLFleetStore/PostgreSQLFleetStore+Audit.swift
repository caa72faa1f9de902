public import AuditLog
import FleetStore

extension PostgreSQLFleetStore {
    /// Entries of the log that are in memory while it is checked.
    private static let entriesAtOnce = 2_000

    /// Entries are a chain: who adds one holds the newest.
    func auditLock(_ draft: AuditDraft?) -> [PostgreSQLLock] { draft == nil ? [] : [.audit] }

    /// Part of the transaction of the change, which holds `auditLock`.
    func append(_ draft: AuditDraft?, _ transaction: PostgreSQLTransaction) throws {
        guard let draft else { return }
        let time = try signed(draft.atMilliseconds, "atMilliseconds")
        let entry = try marks(transaction).newest.next(draft, textBytes: limits.auditTextBytes)
        let number = try signed(entry.number, "number")
        try transaction.execute(
            """
            INSERT INTO audit (number, atMilliseconds, actor, action, target, before, after, hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """, .integer(number), .integer(time), .text(entry.actor), .text(entry.action), .text(entry.target),
            .optional(entry.before), .optional(entry.after), .text(entry.hash))
        try transaction.execute("UPDATE auditMark SET number = $1, hash = $2", .integer(number), .text(entry.hash))
        // Numbers rise by one, so the newest tells which are too many.
        let last = number - Int64(limits.auditEntries)
        guard last > 0 else { return }
        try transaction.execute(
            """
            UPDATE auditMark SET baseNumber = $1, baseHash = (SELECT hash FROM audit WHERE number = $1)
            WHERE baseNumber < $1 AND EXISTS (SELECT 1 FROM audit WHERE number = $1)
            """, .integer(last))
        try transaction.execute(
            "DELETE FROM audit WHERE number <= $1 AND number <= (SELECT baseNumber FROM auditMark)", .integer(last))
    }

    public func audit(after: UInt64?, sinceMilliseconds: UInt64, limit: Int) async throws -> [AuditEntry] {
        let since = try signed(sinceMilliseconds, "sinceMilliseconds")
        let from = try signed(after ?? 0, "after")
        return try await read { [self] transaction in
            let order = after == nil ? "DESC" : "ASC"
            let rows = try transaction.rows(
                "SELECT * FROM audit WHERE number > $1 AND atMilliseconds >= $2 ORDER BY number \(order) LIMIT $3",
                .integer(from), .integer(since), .count(max(0, limit))
            ).map(entry)
            return after == nil ? rows.reversed() : rows
        }
    }

    public func verifyAudit() async throws -> AuditVerification {
        try await read { [self] transaction in
            let (base, newest) = try marks(transaction)
            var checker = AuditChecker(from: base)
            var (count, last): (Int, Int64?) = (0, nil)
            while true {
                let rows = try transaction.rows(
                    "SELECT * FROM audit WHERE number > $1 ORDER BY number LIMIT $2", .integer(last ?? .min),
                    .count(Self.entriesAtOnce))
                for row in rows { checker.check(entry(row)) }
                count += rows.count
                guard let end = rows.last else { break }
                last = end.integer("number")
            }
            return AuditVerification(
                entries: count, base: base, newest: newest, fault: checker.finished(newest: newest))
        }
    }

    private func marks(_ transaction: PostgreSQLTransaction) throws -> (base: AuditMark, newest: AuditMark) {
        guard let row = try transaction.first("SELECT * FROM auditMark") else {
            throw FleetStoreFailure.corrupt(path: path, detail: "the audit log has no mark")
        }
        return (
            AuditMark(number: row.unsigned("baseNumber"), hash: row.text("baseHash")),
            AuditMark(number: row.unsigned("number"), hash: row.text("hash"))
        )
    }

    private func entry(_ row: PostgreSQLRow) -> AuditEntry {
        AuditEntry(
            number: row.unsigned("number"), atMilliseconds: row.unsigned("atMilliseconds"), actor: row.text("actor"),
            action: row.text("action"), target: row.text("target"), before: row.optionalText("before"),
            after: row.optionalText("after"), hash: row.text("hash"))
    }
}
