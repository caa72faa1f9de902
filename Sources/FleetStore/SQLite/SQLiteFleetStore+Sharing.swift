public import AuditLog
public import FleetModel
import Foundation
import GRDB
public import HookSharing

extension SQLiteFleetStore: SharingStore {
    public func saveSharing(_ state: SharingState) async throws {
        try await write { [self] database in try save(state, database) }
    }

    private func save(_ state: SharingState, _ database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO hookGroup (key, state) VALUES (?, ?)
                ON CONFLICT (key) DO UPDATE SET state = excluded.state
                """, arguments: [state.group.key, try encoded(state)])
        try refuse(moreThan: SharingLimits.groups, of: "groups that learn together", in: "hookGroup", database)
    }

    public func saveUpdate(_ update: GateUpdate, in group: SharingGroup) async throws {
        let (number, base) = (try signed(update.number, "number"), try signed(update.baseVersion, "baseVersion"))
        let samples = try signed(update.samples, "samples")
        let arrived = try signed(update.arrivedAtMilliseconds, "arrivedAtMilliseconds")
        try await write { database in
            let known = try Int.fetchOne(
                database, sql: "SELECT COUNT(*) FROM hookGroup WHERE key = ?", arguments: [group.key])
            guard known == 1 else { throw FleetStoreFailure.unknownGroup("\(group)") }
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO hookUpdate
                        ("group", board, number, baseVersion, samples, loss, arrivedAtMilliseconds, delta)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    group.key, update.board.rawValue, number, base, samples, update.loss, arrived,
                    update.delta.databaseBytes,
                ])
            let waiting = try Int.fetchOne(
                database, sql: "SELECT COUNT(*) FROM hookUpdate WHERE \"group\" = ? AND delta IS NOT NULL",
                arguments: [group.key])
            guard waiting ?? 0 <= SharingLimits.updates else {
                throw FleetStoreFailure.limitReached(what: "updates of a group", limit: SharingLimits.updates)
            }
        }
    }

    public func saveVersion(
        _ version: HookVersion, _ state: SharingState, merged: [BoardID: UInt64]
    ) async throws {
        let (number, parent) = (try signed(version.number, "number"), try signed(version.parent, "parent"))
        let current = try signed(state.current, "current")
        try await write { [self] database in
            try save(state, database)
            try forget(merged, state.group, database)
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO hookVersion ("group", number, parent, "values", provenance)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [
                    state.group.key, number, parent, version.values.databaseBytes, try encoded(version.provenance),
                ])
            let count = try Int.fetchOne(
                database, sql: "SELECT COUNT(*) FROM hookVersion WHERE \"group\" = ?", arguments: [state.group.key])
            try database.execute(
                sql: """
                    DELETE FROM hookVersion WHERE "group" = ?1 AND number IN (
                        SELECT number FROM hookVersion WHERE "group" = ?1 AND number != ?2 ORDER BY number LIMIT ?3)
                    """, arguments: [state.group.key, current, max(0, (count ?? 0) - SharingLimits.versions)])
        }
    }

    public func dropUpdates(
        _ merged: [BoardID: UInt64], _ state: SharingState, audit: AuditDraft?
    ) async throws {
        try await write { [self] database in
            try save(state, database)
            try forget(merged, state.group, database)
            try append(audit, database)
        }
    }

    /// What was learned goes; that there was an update of the number stays, so that it is not merged twice.
    private func forget(_ merged: [BoardID: UInt64], _ group: SharingGroup, _ database: Database) throws {
        for (board, number) in merged {
            try database.execute(
                sql: "UPDATE hookUpdate SET delta = NULL WHERE \"group\" = ? AND board = ? AND number <= ?",
                arguments: [group.key, board.rawValue, try signed(number, "number")])
        }
    }

    public func sharing() async throws -> [StoredSharing] {
        try await read { [self] database in
            try Row.fetchAll(database, sql: "SELECT * FROM hookGroup").map { row in
                let state = try decoded(SharingState.self, from: row["state"])
                var stored = StoredSharing(state: state)
                stored.versions = try Row.fetchAll(
                    database, sql: "SELECT * FROM hookVersion WHERE \"group\" = ? ORDER BY number",
                    arguments: [state.group.key]
                ).map { try version($0, state.parameterCount) }
                for row in try Row.fetchAll(
                    database, sql: "SELECT * FROM hookUpdate WHERE \"group\" = ? ORDER BY board",
                    arguments: [state.group.key])
                {
                    let board = try boardID(row["board"])
                    stored.numbers[board] = row.unsigned("number")
                    if let delta: Data = row["delta"] {
                        stored.updates.append(try update(row, board, delta, state.parameterCount))
                    }
                }
                return stored
            }.sorted { $0.state.group < $1.state.group }
        }
    }

    private func version(_ row: Row, _ count: Int) throws -> HookVersion {
        HookVersion(
            number: row.unsigned("number"), parent: row.unsigned("parent"),
            values: try floats(row["values"], count),
            provenance: try decoded(HookVersion.Provenance.self, from: row["provenance"]))
    }

    private func update(_ row: Row, _ board: BoardID, _ delta: Data, _ count: Int) throws -> GateUpdate {
        GateUpdate(
            board: board, number: row.unsigned("number"), baseVersion: row.unsigned("baseVersion"),
            delta: try floats(delta, count), samples: row.unsigned("samples"), loss: row["loss"],
            arrivedAtMilliseconds: row.unsigned("arrivedAtMilliseconds"))
    }

    private func floats(_ data: Data, _ count: Int) throws(FleetStoreFailure) -> [Float] {
        try StoredForm.floats([UInt8](data), count: count, in: path)
    }
}

extension SharingGroup {
    fileprivate var key: String { StoredForm.key(of: self) }
}

extension [Float] {
    fileprivate var databaseBytes: Data { Data(StoredForm.bytes(of: self)) }
}
