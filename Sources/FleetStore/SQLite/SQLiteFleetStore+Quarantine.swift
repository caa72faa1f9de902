public import FleetModel
import GRDB

extension SQLiteFleetStore {
    public func saveQuarantine(_ entry: QuarantineRecord?, of board: BoardID) async throws {
        try await write { [self] database in
            guard let entry else {
                try database.execute(sql: "DELETE FROM quarantine WHERE board = ?", arguments: [board.rawValue])
                return
            }
            let isKnown = try Int.fetchOne(
                database, sql: "SELECT count(*) FROM board WHERE id = ?", arguments: [board.rawValue])
            guard isKnown == 1 else { throw FleetStoreFailure.unknownBoard(board) }
            try database.execute(
                sql: "INSERT OR REPLACE INTO quarantine (board, record) VALUES (?, ?)",
                arguments: [board.rawValue, try encoded(entry)])
        }
    }

    public func quarantines() async throws -> [BoardID: QuarantineRecord] {
        try await read { [self] database in
            try Row.fetchAll(database, sql: "SELECT board, record FROM quarantine").reduce(into: [:]) {
                $0[try boardID($1["board"])] = try decoded(QuarantineRecord.self, from: $1["record"])
            }
        }
    }
}
