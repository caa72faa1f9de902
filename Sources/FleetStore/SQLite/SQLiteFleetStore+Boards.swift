public import AuditLog
public import FleetModel
import GRDB

extension SQLiteFleetStore {
    public func saveBoard(_ board: BoardRecord, audit: AuditDraft?) async throws {
        try await write { [self] database in
            try save(board, in: database)
            try refuse(moreThan: limits.boards, of: "boards", in: "board", database)
            try append(audit, database)
        }
    }

    public func saveGreetings(_ greetings: [BoardGreeting]) async throws {
        try await write { [self] database in
            let statement = try database.cachedStatement(
                sql: """
                    UPDATE board SET description = ?, lastSeenMilliseconds = ?, reportedGeneration = ?,
                        incarnation = ?, hasLeft = ?
                    WHERE id = ?
                    """)
            for greeting in greetings {
                try greeting.checkRange()
                try statement.execute(arguments: [
                    try encoded(greeting.description), Int64(greeting.lastSeenMilliseconds),
                    Int64(greeting.reportedGeneration), Int64(greeting.incarnation), greeting.hasLeft,
                    greeting.id.rawValue,
                ])
                guard database.changesCount == 1 else { throw FleetStoreFailure.unknownBoard(greeting.id) }
            }
        }
    }

    public func board(_ id: BoardID) async throws -> BoardRecord? {
        try await read { [self] database in
            try Row.fetchOne(database, sql: "SELECT * FROM board WHERE id = ?", arguments: [id.rawValue])
                .map(boardRecord)
        }
    }

    public func boards() async throws -> [BoardRecord] {
        try await read { [self] database in
            try Row.fetchAll(database, sql: "SELECT * FROM board ORDER BY id").map(boardRecord)
        }
    }

    public func allowList() async throws -> [String: BoardID] {
        try await read { [self] database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT publicKey, keyRotation, id FROM board WHERE revokedAtMilliseconds IS NULL")
            return try rows.reduce(into: [:]) { list, row in
                let board = try boardID(row["id"])
                list[row["publicKey"]] = board
                if let next = try keyRotation(row)?.nextKey { list[next] = board }
            }
        }
    }

    // MARK: Enrolment

    public func addToken(_ token: EnrolmentToken, atMilliseconds now: UInt64, audit: AuditDraft?) async throws {
        try await write { [self] database in
            try database.execute(
                sql: "DELETE FROM token WHERE remainingUses = 0 OR expiresAtMilliseconds <= ?",
                arguments: [Int64(clamping: now)])
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO token (hash, expiresAtMilliseconds, remainingUses, labels)
                    VALUES (?, ?, ?, ?)
                    """,
                arguments: [
                    token.hash.databaseBytes, try signed(token.expiresAtMilliseconds, "expiresAtMilliseconds"),
                    token.remainingUses, token.labels.isEmpty ? nil : try encoded(token.labels),
                ])
            try refuse(moreThan: limits.tokens, of: "tokens", in: "token", database)
            try append(audit, database)
        }
    }

    public func redeemToken(hash: [UInt8], atMilliseconds now: UInt64) async throws -> Bool {
        try await write { [self] in try redeem(hash, for: nil, at: now, in: $0) == .enrolled }
    }

    public func enrol(
        _ requests: [EnrolmentRequest], atMilliseconds now: UInt64
    ) async throws -> [EnrolmentOutcome] {
        try await write { [self] database in
            let enrolled = try requests.map { request in
                let outcome = try redeem(request.tokenHash, for: request.board.description, at: now, in: database)
                guard outcome == .enrolled else { return outcome }
                try save(request.board, in: database)
                try append(request.audit, database)
                return outcome
            }
            try refuse(moreThan: limits.boards, of: "boards", in: "board", database)
            return enrolled
        }
    }

    private func redeem(
        _ hash: [UInt8], for board: BoardDescription?, at now: UInt64, in database: Database
    ) throws -> EnrolmentOutcome {
        let row = try Row.fetchOne(
            database,
            sql: "SELECT * FROM token WHERE hash = ? AND remainingUses > 0 AND expiresAtMilliseconds > ?",
            arguments: [hash.databaseBytes, Int64(clamping: now)])
        guard let row else { return .tokenRefused }
        let token = EnrolmentToken(
            hash: hash, expiresAtMilliseconds: row.unsigned("expiresAtMilliseconds"),
            remainingUses: row["remainingUses"],
            labels: try (row["labels"] as String?).map { try decoded([String: String].self, from: $0) } ?? [:])
        let missing = token.missing(on: board)
        guard missing.isEmpty else { return .labelsMissing(missing) }
        try database.execute(
            sql: "UPDATE token SET remainingUses = remainingUses - 1 WHERE hash = ?", arguments: [hash.databaseBytes])
        return .enrolled
    }

    // MARK: Rows

    private func save(_ board: BoardRecord, in database: Database) throws {
        try board.checkRange()
        let other = try String.fetchOne(
            try database.cachedStatement(sql: "SELECT id FROM board WHERE publicKey = ? AND id <> ?"),
            arguments: [board.publicKey, board.id.rawValue])
        if let other { throw FleetStoreFailure.keyInUse(by: try boardID(other)) }
        try database.cachedStatement(
            sql: """
                INSERT INTO board (id, publicKey, description, enrolledAtMilliseconds, lastSeenMilliseconds,
                    reportedGeneration, incarnation, revokedAtMilliseconds, drainedAtMilliseconds,
                    keySinceMilliseconds, keyRotation, hasLeft)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET publicKey = excluded.publicKey, description = excluded.description,
                    enrolledAtMilliseconds = excluded.enrolledAtMilliseconds,
                    lastSeenMilliseconds = excluded.lastSeenMilliseconds,
                    reportedGeneration = excluded.reportedGeneration, incarnation = excluded.incarnation,
                    revokedAtMilliseconds = excluded.revokedAtMilliseconds,
                    drainedAtMilliseconds = excluded.drainedAtMilliseconds,
                    keySinceMilliseconds = excluded.keySinceMilliseconds, keyRotation = excluded.keyRotation,
                    hasLeft = excluded.hasLeft
                """
        ).execute(arguments: [
            board.id.rawValue, board.publicKey, try encoded(board.description),
            Int64(board.enrolledAtMilliseconds), Int64(board.lastSeenMilliseconds),
            Int64(board.reportedGeneration), Int64(board.incarnation), board.revokedAtMilliseconds.map(Int64.init),
            board.drainedAtMilliseconds.map(Int64.init), board.keySinceMilliseconds.map(Int64.init),
            try board.keyRotation.map { try encoded($0) }, board.hasLeft,
        ])
    }

    /// Undoes the transaction that put one too many into the table.
    func refuse(moreThan limit: Int, of what: String, in table: String, _ database: Database) throws {
        let count = try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table)") ?? 0
        guard count <= limit else { throw FleetStoreFailure.limitReached(what: what, limit: limit) }
    }

    private func boardRecord(_ row: Row) throws -> BoardRecord {
        func time(_ column: String) -> UInt64? { (row[column] as Int64?).map(UInt64.init) }
        return BoardRecord(
            description: try decoded(BoardDescription.self, from: row["description"]), publicKey: row["publicKey"],
            enrolledAtMilliseconds: row.unsigned("enrolledAtMilliseconds"),
            lastSeenMilliseconds: row.unsigned("lastSeenMilliseconds"),
            reportedGeneration: row.unsigned("reportedGeneration"), incarnation: row.unsigned("incarnation"),
            revokedAtMilliseconds: time("revokedAtMilliseconds"),
            drainedAtMilliseconds: time("drainedAtMilliseconds"), keySinceMilliseconds: time("keySinceMilliseconds"),
            keyRotation: try keyRotation(row), hasLeft: row["hasLeft"])
    }

    private func keyRotation(_ row: Row) throws -> BoardKeyRotation? {
        let text: String? = row["keyRotation"]
        return try text.map { try decoded(BoardKeyRotation.self, from: $0) }
    }
}
