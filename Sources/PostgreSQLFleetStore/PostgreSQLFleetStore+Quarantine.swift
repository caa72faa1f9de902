public import FleetModel
public import FleetStore

extension PostgreSQLSchema {
    /// Boards from which nothing is learned.
    static let quarantine = """
        CREATE TABLE quarantine (
            board TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES board (id),
            record TEXT NOT NULL
        );
        """
}

extension PostgreSQLFleetStore {
    public func saveQuarantine(_ entry: QuarantineRecord?, of board: BoardID) async throws {
        try await write(locking: [.boards]) { transaction in
            guard let entry else {
                try transaction.execute("DELETE FROM quarantine WHERE board = $1", .text(board.rawValue))
                return
            }
            guard try transaction.first("SELECT 1 FROM board WHERE id = $1", .text(board.rawValue)) != nil else {
                throw FleetStoreFailure.unknownBoard(board)
            }
            try transaction.execute(
                """
                INSERT INTO quarantine (board, record) VALUES ($1, $2)
                ON CONFLICT (board) DO UPDATE SET record = excluded.record
                """, .text(board.rawValue), .text(try StoredForm.json(entry)))
        }
    }

    public func quarantines() async throws -> [BoardID: QuarantineRecord] {
        try await read { [self] in
            try $0.rows("SELECT board, record FROM quarantine").reduce(into: [:]) {
                $0[try boardID($1.text("board"))] = try decoded(QuarantineRecord.self, from: $1.text("record"))
            }
        }
    }
}
