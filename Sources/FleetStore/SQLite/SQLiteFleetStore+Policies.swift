public import AuditLog
public import FleetModel
import GRDB

extension SQLiteFleetStore {
    public func savePolicy(_ policy: Policy, text: String, audit: AuditDraft?) async throws -> StoredPolicy {
        try await write { [self] database in
            let stored = try save(policy, text: text, database)
            try append(audit, database)
            return stored
        }
    }

    func save(_ policy: Policy, text: String, _ database: Database) throws -> StoredPolicy {
        let version = try Int64.fetchOne(
            database,
            sql: """
                INSERT INTO policy (name, version, text, policy) VALUES (?, 1, ?, ?)
                ON CONFLICT (name) DO UPDATE SET
                    version = version + 1, text = excluded.text, policy = excluded.policy
                RETURNING version
                """, arguments: [policy.name, text, try encoded(policy)])
        try refuse(moreThan: limits.policies, of: "policies", in: "policy", database)
        return StoredPolicy(policy: policy, version: UInt64(clamping: version ?? 0), text: text)
    }

    public func removePolicy(_ name: String, audit: AuditDraft?) async throws -> StoredPolicy? {
        try await write { [self] database in
            let row = try Row.fetchOne(database, sql: "SELECT * FROM policy WHERE name = ?", arguments: [name])
            guard let stored = try row.map(policy) else { return nil }
            try database.execute(sql: "DELETE FROM policy WHERE name = ?", arguments: [name])
            try append(audit, database)
            return stored
        }
    }

    public func policies() async throws -> [StoredPolicy] {
        try await read { [self] database in
            try Row.fetchAll(database, sql: "SELECT * FROM policy ORDER BY name").map(policy)
        }
    }

    private func policy(_ row: Row) throws -> StoredPolicy {
        StoredPolicy(
            policy: try decoded(Policy.self, from: row["policy"]), version: row.unsigned("version"), text: row["text"])
    }

    public func saveAssignments(_ assignments: [(board: BoardID, assignment: Assignment)]) async throws {
        try await write { [self] database in
            for (board, assignment) in assignments { try save(assignment, for: board, in: database) }
        }
    }

    private func save(_ assignment: Assignment, for board: BoardID, in database: Database) throws {
        let generation = try signed(assignment.generation, "generation")
        try requireBoard(board, in: database)
        let kept = try Int64.fetchOne(
            try database.cachedStatement(sql: "SELECT generation FROM assignment WHERE board = ?"),
            arguments: [board.rawValue])
        if let kept, generation <= kept {
            throw FleetStoreFailure.staleGeneration(
                board, kept: UInt64(clamping: kept), offered: assignment.generation)
        }
        try database.cachedStatement(
            sql: "INSERT OR REPLACE INTO assignment (board, generation, assignment) VALUES (?, ?, ?)"
        ).execute(arguments: [board.rawValue, generation, try encoded(assignment)])
    }

    public func assignments(of boards: [BoardID]) async throws -> [BoardID: Assignment] {
        try await read { [self] database in
            let statement = try database.cachedStatement(sql: "SELECT assignment FROM assignment WHERE board = ?")
            return try boards.reduce(into: [:]) { found, board in
                let text = try String.fetchOne(statement, arguments: [board.rawValue])
                found[board] = try text.map { try decoded(Assignment.self, from: $0) }
            }
        }
    }

    public func assignments() async throws -> [BoardID: Assignment] {
        try await read { [self] database in
            try Row.fetchAll(database, sql: "SELECT board, assignment FROM assignment").reduce(into: [:]) {
                $0[try boardID($1["board"])] = try decoded(Assignment.self, from: $1["assignment"])
            }
        }
    }

    // MARK: Events

    public func appendEvents(_ events: [FleetEvent]) async throws {
        guard !events.isEmpty else { return }
        let times = try events.map { try signed($0.atMilliseconds, "atMilliseconds") }
        try await write { [self] database in
            let statement = try database.cachedStatement(
                sql: "INSERT INTO event (kind, board, message, atMilliseconds) VALUES (?, ?, ?, ?)")
            for (event, time) in zip(events, times) {
                try statement.execute(arguments: [event.kind.rawValue, event.board?.rawValue, event.message, time])
            }
            // Numbers rise by one and only the oldest are removed, so the newest tells which are too many.
            try database.execute(
                sql: "DELETE FROM event WHERE id <= ?", arguments: [database.lastInsertedRowID - Int64(limits.events)])
        }
    }

    public func events(limit: Int) async throws -> [FleetEvent] {
        try await read { [self] database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM event ORDER BY id DESC LIMIT ?", arguments: [max(0, limit)]
            ).map(event)
        }
    }

    private func event(_ row: Row) throws -> FleetEvent {
        guard let kind = FleetEvent.Kind(rawValue: row["kind"]) else {
            throw FleetStoreFailure.corrupt(path: path, detail: "unreadable event")
        }
        let board: String? = row["board"]
        return FleetEvent(
            kind: kind, board: try board.map(boardID), message: row["message"],
            atMilliseconds: row.unsigned("atMilliseconds"))
    }
}
