public import AuditLog
public import FleetModel
import GRDB

extension SQLiteFleetStore {
    public func saveSearch(_ search: SearchRecord, audit: AuditDraft?) async throws {
        let number = try signed(search.number, "number")
        try await write { [self] database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO search (name, number, state, record) VALUES (?, ?, ?, ?)",
                arguments: [search.name, number, search.state.rawValue, try encoded(search)])
            try refuse(moreThan: limits.searches, of: "searches", in: "search", database)
            try append(audit, database)
        }
    }

    public func removeSearch(_ name: String) async throws {
        try await write { database in
            try database.execute(sql: "DELETE FROM search WHERE name = ?", arguments: [name])
        }
    }

    public func searches() async throws -> [SearchRecord] {
        try await read { [self] database in
            try Row.fetchAll(database, sql: "SELECT record FROM search ORDER BY number").map { row in
                try decoded(SearchRecord.self, from: row["record"])
            }
        }
    }
}

extension SQLiteFleetStore {
    public func saveMeasurement(_ measurement: MeasuredSubnet) async throws {
        let at = try signed(measurement.atMilliseconds, "atMilliseconds")
        let limit = limits.measuredSubnets
        try await write { [self] database in
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO measuredSubnet
                    (board, supernetSHA256, configuration, atMilliseconds, measurement) VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [
                    measurement.board.rawValue, measurement.supernetSHA256, "\(measurement.configuration)", at,
                    try encoded(measurement),
                ])
            try database.execute(
                sql: """
                    DELETE FROM measuredSubnet WHERE rowid IN
                    (SELECT rowid FROM measuredSubnet ORDER BY atMilliseconds DESC, rowid DESC LIMIT -1 OFFSET ?)
                    """, arguments: [limit])
        }
    }

    public func measurements() async throws -> [MeasuredSubnet] {
        try await read { [self] database in
            try Row.fetchAll(
                database, sql: "SELECT measurement FROM measuredSubnet ORDER BY atMilliseconds, rowid"
            ).map { try decoded(MeasuredSubnet.self, from: $0["measurement"]) }
        }
    }
}
