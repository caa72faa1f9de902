public import AuditLog
import FleetModel
public import FleetStore
public import Rollouts

extension PostgreSQLFleetStore: RolloutStore {
    public func addRollout(_ rollout: Rollout, audit: AuditDraft) async throws {
        let limit = limits.rollouts
        try await write(locking: [.rollouts, .audit]) { [self] transaction in
            let name = rollout.plan.name
            guard try !isKnown(name, transaction) else { throw FleetStoreFailure.rolloutNameInUse(name) }
            try transaction.execute(
                """
                DELETE FROM rollout WHERE (SELECT count(*) FROM rollout) >= $1
                    AND name = (SELECT name FROM rollout WHERE isOver ORDER BY number LIMIT 1)
                """, .count(limit))
            try save(rollout, transaction)
            try transaction.refuse(moreThan: limit, of: "rollouts", in: "rollout")
            try append(audit, transaction)
        }
    }

    public func saveRollout(_ rollout: Rollout, audit: AuditDraft?) async throws {
        try await write(locking: [.rollouts] + auditLock(audit)) { [self] transaction in
            guard try isKnown(rollout.plan.name, transaction) else {
                throw FleetStoreFailure.unknownRollout(rollout.plan.name)
            }
            try save(rollout, transaction)
            try append(audit, transaction)
        }
    }

    public func adoptRollout(_ rollout: Rollout, audits: [AuditDraft]) async throws -> StoredPolicy {
        try await write(locking: [.policies, .rollouts, .audit]) { [self] transaction in
            let stored = try save(rollout.policyToAdopt, text: rollout.policyText, transaction)
            try save(rollout, transaction)
            for audit in audits { try append(audit, transaction) }
            return stored
        }
    }

    private func isKnown(_ name: String, _ transaction: PostgreSQLTransaction) throws -> Bool {
        try transaction.first("SELECT 1 FROM rollout WHERE name = $1", .text(name)) != nil
    }

    private func save(_ rollout: Rollout, _ transaction: PostgreSQLTransaction) throws {
        let name = rollout.plan.name
        try transaction.execute(
            """
            INSERT INTO rollout (name, number, isOver, record) VALUES ($1, $2, $3, $4)
            ON CONFLICT (name) DO UPDATE SET isOver = excluded.isOver, record = excluded.record
            """, .text(name), .integer(try signed(rollout.number, "number")), .boolean(rollout.status.isOver),
            .text(try StoredForm.json(rollout.header)))
        for id in rollout.changedBoards {
            guard let board = rollout.boards[id] else { continue }
            try transaction.execute(
                """
                INSERT INTO rolloutBoard (rollout, board, record) VALUES ($1, $2, $3)
                ON CONFLICT (rollout, board) DO UPDATE SET record = excluded.record
                """, .text(name), .text(id.rawValue), .text(try StoredForm.json(board)))
        }
    }

    public func rollouts() async throws -> [Rollout] {
        try await read { [self] transaction in
            let members = try Dictionary(
                grouping: transaction.rows("SELECT rollout, board, record FROM rolloutBoard")
            ) { $0.text("rollout") }
            return try transaction.rows("SELECT name, record FROM rollout ORDER BY number").map { row in
                Rollout(
                    header: try decoded(Rollout.self, from: row.text("record")),
                    boards: try (members[row.text("name")] ?? []).reduce(into: [:]) {
                        $0[try boardID($1.text("board"))] = try decoded(Rollout.Board.self, from: $1.text("record"))
                    })
            }
        }
    }
}
