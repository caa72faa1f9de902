public import AuditLog
public import FleetModel
public import FleetStore
public import HookSharing

extension PostgreSQLFleetStore: SharingStore {
    public func saveSharing(_ state: SharingState) async throws {
        try await write(locking: [.sharing]) { [self] in try save(state, $0) }
    }

    private func save(_ state: SharingState, _ transaction: PostgreSQLTransaction) throws {
        try transaction.execute(
            "INSERT INTO hookGroup (key, state) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET state = excluded.state",
            .text(StoredForm.key(of: state.group)), .text(try StoredForm.json(state)))
        try transaction.refuse(moreThan: SharingLimits.groups, of: "groups that learn together", in: "hookGroup")
    }

    public func saveUpdate(_ update: GateUpdate, in group: SharingGroup) async throws {
        let (number, base) = (try signed(update.number, "number"), try signed(update.baseVersion, "baseVersion"))
        let samples = try signed(update.samples, "samples")
        let arrived = try signed(update.arrivedAtMilliseconds, "arrivedAtMilliseconds")
        let key = StoredForm.key(of: group)
        try await write(locking: [.sharing]) { transaction in
            let known = try transaction.first("SELECT 1 FROM hookGroup WHERE key = $1", .text(key))
            guard known != nil else { throw FleetStoreFailure.unknownGroup("\(group)") }
            try transaction.execute(
                """
                INSERT INTO hookUpdate
                    (hookGroup, board, number, baseVersion, samples, loss, arrivedAtMilliseconds, delta)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                ON CONFLICT (hookGroup, board) DO UPDATE SET number = excluded.number,
                    baseVersion = excluded.baseVersion, samples = excluded.samples, loss = excluded.loss,
                    arrivedAtMilliseconds = excluded.arrivedAtMilliseconds, delta = excluded.delta
                """, .text(key), .text(update.board.rawValue), .integer(number), .integer(base), .integer(samples),
                .real(update.loss), .integer(arrived), .bytes(StoredForm.bytes(of: update.delta)))
            let waiting = try transaction.first(
                "SELECT count(*) AS count FROM hookUpdate WHERE hookGroup = $1 AND delta IS NOT NULL", .text(key))
            guard waiting?.integer("count") ?? 0 <= Int64(SharingLimits.updates) else {
                throw FleetStoreFailure.limitReached(what: "updates of a group", limit: SharingLimits.updates)
            }
        }
    }

    public func saveVersion(
        _ version: HookVersion, _ state: SharingState, merged: [BoardID: UInt64]
    ) async throws {
        let (number, parent) = (try signed(version.number, "number"), try signed(version.parent, "parent"))
        let current = try signed(state.current, "current")
        let key = StoredForm.key(of: state.group)
        try await write(locking: [.sharing]) { [self] transaction in
            try save(state, transaction)
            try forget(merged, key, transaction)
            try transaction.execute(
                """
                INSERT INTO hookVersion (hookGroup, number, parent, parameters, provenance) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (hookGroup, number) DO UPDATE SET parent = excluded.parent,
                    parameters = excluded.parameters, provenance = excluded.provenance
                """, .text(key), .integer(number), .integer(parent), .bytes(StoredForm.bytes(of: version.values)),
                .text(try StoredForm.json(version.provenance)))
            let count =
                try transaction.first(
                    "SELECT count(*) AS count FROM hookVersion WHERE hookGroup = $1", .text(key))?.integer("count") ?? 0
            try transaction.execute(
                """
                DELETE FROM hookVersion WHERE hookGroup = $1 AND number IN (
                    SELECT number FROM hookVersion WHERE hookGroup = $1 AND number <> $2 ORDER BY number LIMIT $3)
                """, .text(key), .integer(current), .integer(max(0, count - Int64(SharingLimits.versions))))
        }
    }

    public func dropUpdates(
        _ merged: [BoardID: UInt64], _ state: SharingState, audit: AuditDraft?
    ) async throws {
        try await write(locking: [.sharing] + auditLock(audit)) { [self] transaction in
            try save(state, transaction)
            try forget(merged, StoredForm.key(of: state.group), transaction)
            try append(audit, transaction)
        }
    }

    /// What was learned goes; that there was an update of the number stays, so that it is not merged twice.
    private func forget(_ merged: [BoardID: UInt64], _ key: String, _ transaction: PostgreSQLTransaction) throws {
        for (board, number) in merged {
            try transaction.execute(
                "UPDATE hookUpdate SET delta = NULL WHERE hookGroup = $1 AND board = $2 AND number <= $3",
                .text(key), .text(board.rawValue), .integer(try signed(number, "number")))
        }
    }

    public func sharing() async throws -> [StoredSharing] {
        try await read { [self] transaction in
            try transaction.rows("SELECT key, state FROM hookGroup").map { row in
                try stored(row.text("key"), decoded(SharingState.self, from: row.text("state")), transaction)
            }.sorted { $0.state.group < $1.state.group }
        }
    }

    private func stored(
        _ key: String, _ state: SharingState, _ transaction: PostgreSQLTransaction
    ) throws -> StoredSharing {
        var stored = StoredSharing(state: state)
        stored.versions = try transaction.rows(
            "SELECT * FROM hookVersion WHERE hookGroup = $1 ORDER BY number", .text(key)
        ).map { try version($0, state.parameterCount) }
        for row in try transaction.rows("SELECT * FROM hookUpdate WHERE hookGroup = $1 ORDER BY board", .text(key)) {
            let board = try boardID(row.text("board"))
            stored.numbers[board] = row.unsigned("number")
            if let delta = row.optionalBytes("delta") {
                stored.updates.append(try update(row, board, delta, state.parameterCount))
            }
        }
        return stored
    }

    private func version(_ row: PostgreSQLRow, _ count: Int) throws -> HookVersion {
        HookVersion(
            number: row.unsigned("number"), parent: row.unsigned("parent"),
            values: try StoredForm.floats(row.bytes("parameters"), count: count, in: path),
            provenance: try decoded(HookVersion.Provenance.self, from: row.text("provenance")))
    }

    private func update(_ row: PostgreSQLRow, _ board: BoardID, _ delta: [UInt8], _ count: Int) throws -> GateUpdate {
        GateUpdate(
            board: board, number: row.unsigned("number"), baseVersion: row.unsigned("baseVersion"),
            delta: try StoredForm.floats(delta, count: count, in: path), samples: row.unsigned("samples"),
            loss: row.real("loss"), arrivedAtMilliseconds: row.unsigned("arrivedAtMilliseconds"))
    }
}
