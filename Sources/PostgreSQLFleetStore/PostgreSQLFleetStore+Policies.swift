public import AuditLog
public import FleetModel
public import FleetStore

extension PostgreSQLFleetStore {
    public func savePolicy(_ policy: Policy, text: String, audit: AuditDraft?) async throws -> StoredPolicy {
        try await write(locking: [.policies] + auditLock(audit)) { [self] transaction in
            let stored = try save(policy, text: text, transaction)
            try append(audit, transaction)
            return stored
        }
    }

    func save(_ policy: Policy, text: String, _ transaction: PostgreSQLTransaction) throws -> StoredPolicy {
        let row = try transaction.first(
            """
            INSERT INTO policy (name, version, text, policy) VALUES ($1, 1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET
                version = policy.version + 1, text = excluded.text, policy = excluded.policy
            RETURNING version
            """, .text(policy.name), .text(text), .text(try StoredForm.json(policy)))
        try transaction.refuse(moreThan: limits.policies, of: "policies", in: "policy")
        return StoredPolicy(policy: policy, version: row?.unsigned("version") ?? 0, text: text)
    }

    public func removePolicy(_ name: String, audit: AuditDraft?) async throws -> StoredPolicy? {
        try await write(locking: [.policies] + auditLock(audit)) { [self] transaction in
            let row = try transaction.first("DELETE FROM policy WHERE name = $1 RETURNING *", .text(name))
            guard let stored = try row.map(policy) else { return nil }
            try append(audit, transaction)
            return stored
        }
    }

    public func policies() async throws -> [StoredPolicy] {
        try await read { [self] in try $0.rows("SELECT * FROM policy ORDER BY name").map(policy) }
    }

    private func policy(_ row: PostgreSQLRow) throws -> StoredPolicy {
        StoredPolicy(
            policy: try decoded(Policy.self, from: row.text("policy")), version: row.unsigned("version"),
            text: row.text("text"))
    }

    public func saveAssignments(_ assignments: [(board: BoardID, assignment: Assignment)]) async throws {
        try await write { [self] transaction in
            try lock(assignments.map(\.board), transaction)
            for (board, assignment) in assignments { try save(assignment, for: board, transaction) }
        }
    }

    private func save(
        _ assignment: Assignment, for board: BoardID, _ transaction: PostgreSQLTransaction
    ) throws {
        let generation = try signed(assignment.generation, "generation")
        let kept = try transaction.first("SELECT generation FROM assignment WHERE board = $1", .text(board.rawValue))
        if let kept = kept?.integer("generation"), generation <= kept {
            throw FleetStoreFailure.staleGeneration(
                board, kept: UInt64(clamping: kept), offered: assignment.generation)
        }
        try transaction.execute(
            """
            INSERT INTO assignment (board, generation, assignment) VALUES ($1, $2, $3)
            ON CONFLICT (board) DO UPDATE SET generation = excluded.generation, assignment = excluded.assignment
            """, .text(board.rawValue), .integer(generation), .text(try StoredForm.json(assignment)))
    }

    public func assignments(of boards: [BoardID]) async throws -> [BoardID: Assignment] {
        try await read { [self] in
            try $0.rows(
                """
                SELECT board, assignment FROM assignment WHERE board IN (SELECT json_array_elements_text($1::json))
                """, .text(try StoredForm.json(boards.map(\.rawValue)))
            ).reduce(into: [:]) {
                $0[try boardID($1.text("board"))] = try decoded(Assignment.self, from: $1.text("assignment"))
            }
        }
    }

    public func assignments() async throws -> [BoardID: Assignment] {
        try await read { [self] in
            try $0.rows("SELECT board, assignment FROM assignment").reduce(into: [:]) {
                $0[try boardID($1.text("board"))] = try decoded(Assignment.self, from: $1.text("assignment"))
            }
        }
    }

    // MARK: Events

    public func appendEvents(_ events: [FleetEvent]) async throws {
        guard !events.isEmpty else { return }
        let times = try events.map { try signed($0.atMilliseconds, "atMilliseconds") }
        try await write(locking: [.events]) { [self] transaction in
            // Under the lock numbers rise by one, so the newest tells which are too many.
            var newest: Int64 = 0
            for (event, time) in zip(events, times) {
                let row = try transaction.first(
                    """
                    INSERT INTO event (id, kind, board, message, atMilliseconds)
                    SELECT coalesce(max(id), 0) + 1, $1::text, $2::text, $3::text, $4::bigint FROM event RETURNING id
                    """, .text(event.kind.rawValue), .optional(event.board?.rawValue), .text(event.message),
                    .integer(time))
                newest = row?.integer("id") ?? 0
            }
            try transaction.execute("DELETE FROM event WHERE id <= $1", .integer(newest - Int64(limits.events)))
        }
    }

    public func events(limit: Int) async throws -> [FleetEvent] {
        try await read { [self] in
            try $0.rows("SELECT * FROM event ORDER BY id DESC LIMIT $1", .count(max(0, limit))).map(event)
        }
    }

    private func event(_ row: PostgreSQLRow) throws -> FleetEvent {
        guard let kind = FleetEvent.Kind(rawValue: row.text("kind")) else {
            throw FleetStoreFailure.corrupt(path: path, detail: "unreadable event")
        }
        return FleetEvent(
            kind: kind, board: try row.optionalText("board").map { try boardID($0) }, message: row.text("message"),
            atMilliseconds: row.unsigned("atMilliseconds"))
    }
}
