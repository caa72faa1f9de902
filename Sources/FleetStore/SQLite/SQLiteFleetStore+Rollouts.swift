public import AuditLog
import FleetModel
import GRDB
public import Rollouts

extension SQLiteFleetStore: RolloutStore {
    public func addRollout(_ rollout: Rollout, audit: AuditDraft) async throws {
        let limit = limits.rollouts
        try await write { [self] database in
            let name = rollout.plan.name
            guard try !isKnown(name, database) else { throw FleetStoreFailure.rolloutNameInUse(name) }
            let count = try Int.fetchOne(database, sql: "SELECT count(*) FROM rollout") ?? 0
            if count >= limit {
                try database.execute(
                    sql: """
                        DELETE FROM rollout WHERE name =
                        (SELECT name FROM rollout WHERE isOver ORDER BY number LIMIT 1)
                        """)
            }
            try save(rollout, database)
            try refuse(moreThan: limit, of: "rollouts", in: "rollout", database)
            try append(audit, database)
        }
    }

    public func saveRollout(_ rollout: Rollout, audit: AuditDraft?) async throws {
        try await write { [self] database in
            guard try isKnown(rollout.plan.name, database) else {
                throw FleetStoreFailure.unknownRollout(rollout.plan.name)
            }
            try save(rollout, database)
            try append(audit, database)
        }
    }

    public func adoptRollout(_ rollout: Rollout, audits: [AuditDraft]) async throws -> StoredPolicy {
        try await write { [self] database in
            let stored = try save(rollout.policyToAdopt, text: rollout.policyText, database)
            try save(rollout, database)
            for audit in audits { try append(audit, database) }
            return stored
        }
    }

    private func isKnown(_ name: String, _ database: Database) throws -> Bool {
        try Int.fetchOne(database, sql: "SELECT count(*) FROM rollout WHERE name = ?", arguments: [name]) == 1
    }

    private func save(_ rollout: Rollout, _ database: Database) throws {
        let name = rollout.plan.name
        try database.execute(
            sql: """
                INSERT INTO rollout (name, number, isOver, record) VALUES (?, ?, ?, ?)
                ON CONFLICT (name) DO UPDATE SET isOver = excluded.isOver, record = excluded.record
                """,
            arguments: [
                name, try signed(rollout.number, "number"), rollout.status.isOver, try encoded(rollout.header),
            ])
        for id in rollout.changedBoards {
            guard let board = rollout.boards[id] else { continue }
            try database.execute(
                sql: "INSERT OR REPLACE INTO rolloutBoard (rollout, board, record) VALUES (?, ?, ?)",
                arguments: [name, id.rawValue, try encoded(board)])
        }
    }

    public func rollouts() async throws -> [Rollout] {
        try await read { [self] database in
            try Row.fetchAll(database, sql: "SELECT name, record FROM rollout ORDER BY number").map { row in
                let header = try decoded(Rollout.self, from: row["record"])
                let name: String = row["name"]
                let boards = try Row.fetchAll(
                    database, sql: "SELECT board, record FROM rolloutBoard WHERE rollout = ?", arguments: [name])
                return Rollout(
                    header: header,
                    boards: try boards.reduce(into: [:]) {
                        $0[try boardID($1["board"])] = try decoded(Rollout.Board.self, from: $1["record"])
                    })
            }
        }
    }
}
