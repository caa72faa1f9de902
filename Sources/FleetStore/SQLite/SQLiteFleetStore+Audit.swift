public import AuditLog
import GRDB

extension SQLiteFleetStore {
    /// Part of the transaction of the change.
    func append(_ draft: AuditDraft?, _ database: Database) throws {
        guard let draft else { return }
        let time = try signed(draft.atMilliseconds, "atMilliseconds")
        let entry = try marks(database).newest.next(draft, textBytes: limits.auditTextBytes)
        let number = try signed(entry.number, "number")
        try database.execute(
            sql: """
                INSERT INTO audit (number, atMilliseconds, actor, action, target, "before", "after", hash)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                number, time, entry.actor, entry.action, entry.target, entry.before, entry.after, entry.hash,
            ])
        try database.execute(sql: "UPDATE auditMark SET number = ?, hash = ?", arguments: [number, entry.hash])
        // Numbers rise by one, so the newest tells which are too many.
        let last = number - Int64(limits.auditEntries)
        guard last > 0 else { return }
        try database.execute(
            sql: """
                UPDATE auditMark SET baseNumber = ?1, baseHash = (SELECT hash FROM audit WHERE number = ?1)
                WHERE baseNumber < ?1 AND EXISTS (SELECT 1 FROM audit WHERE number = ?1)
                """, arguments: [last])
        try database.execute(
            sql: "DELETE FROM audit WHERE number <= ? AND number <= (SELECT baseNumber FROM auditMark)",
            arguments: [last])
    }

    public func audit(after: UInt64?, sinceMilliseconds: UInt64, limit: Int) async throws -> [AuditEntry] {
        let since = try signed(sinceMilliseconds, "sinceMilliseconds")
        let from = try signed(after ?? 0, "after")
        return try await read { [self] database in
            let order = after == nil ? "DESC" : "ASC"
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM audit WHERE number > ? AND atMilliseconds >= ? ORDER BY number \(order) LIMIT ?
                    """, arguments: [from, since, max(0, limit)]
            ).map(entry)
            return after == nil ? rows.reversed() : rows
        }
    }

    public func verifyAudit() async throws -> AuditVerification {
        try await read { [self] database in
            let (base, newest) = try marks(database)
            var checker = AuditChecker(from: base)
            var count = 0
            let rows = try Row.fetchCursor(database, sql: "SELECT * FROM audit ORDER BY number")
            while let row = try rows.next() {
                checker.check(entry(row))
                count += 1
            }
            return AuditVerification(
                entries: count, base: base, newest: newest, fault: checker.finished(newest: newest))
        }
    }

    private func marks(_ database: Database) throws -> (base: AuditMark, newest: AuditMark) {
        guard let row = try Row.fetchOne(database, sql: "SELECT * FROM auditMark") else {
            throw FleetStoreFailure.corrupt(path: path, detail: "the audit log has no mark")
        }
        return (
            AuditMark(number: row.unsigned("baseNumber"), hash: row["baseHash"]),
            AuditMark(number: row.unsigned("number"), hash: row["hash"])
        )
    }

    private func entry(_ row: Row) -> AuditEntry {
        AuditEntry(
            number: row.unsigned("number"), atMilliseconds: row.unsigned("atMilliseconds"), actor: row["actor"],
            action: row["action"], target: row["target"], before: row["before"], after: row["after"],
            hash: row["hash"])
    }
}
