public import FleetModel
import GRDB

extension SQLiteFleetStore {
    public func saveSearch(_ search: SearchRecord) async throws {
        let number = try signed(search.number, "number")
        try await write { [self] database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO search (name, number, state, record) VALUES (?, ?, ?, ?)",
                arguments: [search.name, number, search.state.rawValue, try encoded(search)])
            try refuse(moreThan: limits.searches, of: "searches", in: "search", database)
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
