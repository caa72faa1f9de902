public import AuditLog
public import FleetModel
public import FleetStore

extension PostgreSQLFleetStore {
    public func saveBoard(_ board: BoardRecord, audit: AuditDraft?) async throws {
        try await write(locking: [.boards] + auditLock(audit)) { [self] in
            try save(board, $0)
            try $0.refuse(moreThan: limits.boards, of: "boards", in: "board")
            try append(audit, $0)
        }
    }

    public func saveGreetings(_ greetings: [BoardGreeting]) async throws {
        try await write { [self] transaction in
            try lock(greetings.map(\.id), transaction)
            for greeting in greetings {
                try greeting.checkRange()
                try transaction.execute(
                    """
                    UPDATE board SET description = $2, lastSeenMilliseconds = $3, reportedGeneration = $4,
                        incarnation = $5, hasLeft = $6
                    WHERE id = $1
                    """, .text(greeting.id.rawValue), .text(try StoredForm.json(greeting.description)),
                    .integer(Int64(greeting.lastSeenMilliseconds)), .integer(Int64(greeting.reportedGeneration)),
                    .integer(Int64(greeting.incarnation)), .boolean(greeting.hasLeft))
            }
        }
    }

    public func board(_ id: BoardID) async throws -> BoardRecord? {
        try await read { [self] in
            try $0.first("SELECT * FROM board WHERE id = $1", .text(id.rawValue)).map(boardRecord)
        }
    }

    public func boards() async throws -> [BoardRecord] {
        try await read { [self] in try $0.rows("SELECT * FROM board ORDER BY id").map(boardRecord) }
    }

    public func allowList() async throws -> [String: BoardID] {
        try await read { [self] in
            let rows = try $0.rows(
                "SELECT publicKey, keyRotation, id FROM board WHERE revokedAtMilliseconds IS NULL")
            return try rows.reduce(into: [:]) { list, row in
                let board = try boardID(row.text("id"))
                list[row.text("publicKey")] = board
                if let next = try keyRotation(row)?.nextKey { list[next] = board }
            }
        }
    }

    // MARK: Enrolment

    public func addToken(_ token: EnrolmentToken, atMilliseconds now: UInt64, audit: AuditDraft?) async throws {
        let expires = try signed(token.expiresAtMilliseconds, "expiresAtMilliseconds")
        let labels: String? = token.labels.isEmpty ? nil : try StoredForm.json(token.labels)
        try await write(locking: [.tokens] + auditLock(audit)) { [self] transaction in
            try transaction.execute(
                "DELETE FROM token WHERE remainingUses = 0 OR expiresAtMilliseconds <= $1",
                .integer(Int64(clamping: now)))
            try transaction.execute(
                """
                INSERT INTO token (hash, expiresAtMilliseconds, remainingUses, labels) VALUES ($1, $2, $3, $4)
                ON CONFLICT (hash) DO UPDATE SET expiresAtMilliseconds = excluded.expiresAtMilliseconds,
                    remainingUses = excluded.remainingUses, labels = excluded.labels
                """, .bytes(token.hash), .integer(expires), .integer(Int64(token.remainingUses)),
                .optional(labels))
            try transaction.refuse(moreThan: limits.tokens, of: "tokens", in: "token")
            try append(audit, transaction)
        }
    }

    public func redeemToken(hash: [UInt8], atMilliseconds now: UInt64) async throws -> Bool {
        try await write { [self] in try redeem(hash, for: nil, at: now, $0) == .enrolled }
    }

    public func enrol(
        _ requests: [EnrolmentRequest], atMilliseconds now: UInt64
    ) async throws -> [EnrolmentOutcome] {
        let audits = auditLock(requests.lazy.compactMap(\.audit).first)
        return try await write(locking: [.boards] + audits) { [self] transaction in
            let enrolled = try requests.map { request in
                let outcome = try redeem(request.tokenHash, for: request.board.description, at: now, transaction)
                guard outcome == .enrolled else { return outcome }
                try save(request.board, transaction)
                try append(request.audit, transaction)
                return outcome
            }
            try transaction.refuse(moreThan: limits.boards, of: "boards", in: "board")
            return enrolled
        }
    }

    /// Whoever comes second waits for the row, and then sees what the first left of it.
    private func redeem(
        _ hash: [UInt8], for board: BoardDescription?, at now: UInt64, _ transaction: PostgreSQLTransaction
    ) throws -> EnrolmentOutcome {
        let row = try transaction.first(
            "SELECT * FROM token WHERE hash = $1 AND remainingUses > 0 AND expiresAtMilliseconds > $2 FOR UPDATE",
            .bytes(hash), .integer(Int64(clamping: now)))
        guard let row else { return .tokenRefused }
        let token = EnrolmentToken(
            hash: hash, expiresAtMilliseconds: row.unsigned("expiresAtMilliseconds"),
            remainingUses: row.unsigned("remainingUses"),
            labels: try row.optionalText("labels").map { try decoded([String: String].self, from: $0) } ?? [:])
        let missing = token.missing(on: board)
        guard missing.isEmpty else { return .labelsMissing(missing) }
        try transaction.execute("UPDATE token SET remainingUses = remainingUses - 1 WHERE hash = $1", .bytes(hash))
        return .enrolled
    }

    // MARK: Rows

    private func save(_ board: BoardRecord, _ transaction: PostgreSQLTransaction) throws {
        try board.checkRange()
        let other = try transaction.first(
            "SELECT id FROM board WHERE publicKey = $1 AND id <> $2", .text(board.publicKey), .text(board.id.rawValue))
        if let other { throw FleetStoreFailure.keyInUse(by: try boardID(other.text("id"))) }
        try transaction.execute(
            """
            INSERT INTO board (id, publicKey, description, enrolledAtMilliseconds, lastSeenMilliseconds,
                reportedGeneration, incarnation, revokedAtMilliseconds, drainedAtMilliseconds, keySinceMilliseconds,
                keyRotation, hasLeft)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (id) DO UPDATE SET publicKey = excluded.publicKey, description = excluded.description,
                enrolledAtMilliseconds = excluded.enrolledAtMilliseconds,
                lastSeenMilliseconds = excluded.lastSeenMilliseconds,
                reportedGeneration = excluded.reportedGeneration, incarnation = excluded.incarnation,
                revokedAtMilliseconds = excluded.revokedAtMilliseconds,
                drainedAtMilliseconds = excluded.drainedAtMilliseconds,
                keySinceMilliseconds = excluded.keySinceMilliseconds, keyRotation = excluded.keyRotation,
                hasLeft = excluded.hasLeft
            """, .text(board.id.rawValue), .text(board.publicKey), .text(try StoredForm.json(board.description)),
            .integer(Int64(board.enrolledAtMilliseconds)), .integer(Int64(board.lastSeenMilliseconds)),
            .integer(Int64(board.reportedGeneration)), .integer(Int64(board.incarnation)),
            .optional(board.revokedAtMilliseconds.map(Int64.init)),
            .optional(board.drainedAtMilliseconds.map(Int64.init)),
            .optional(board.keySinceMilliseconds.map(Int64.init)),
            .optional(try board.keyRotation.map { try StoredForm.json($0) }), .boolean(board.hasLeft))
    }

    private func boardRecord(_ row: PostgreSQLRow) throws -> BoardRecord {
        BoardRecord(
            description: try decoded(BoardDescription.self, from: row.text("description")),
            publicKey: row.text("publicKey"), enrolledAtMilliseconds: row.unsigned("enrolledAtMilliseconds"),
            lastSeenMilliseconds: row.unsigned("lastSeenMilliseconds"),
            reportedGeneration: row.unsigned("reportedGeneration"), incarnation: row.unsigned("incarnation"),
            revokedAtMilliseconds: row.optionalUnsigned("revokedAtMilliseconds"),
            drainedAtMilliseconds: row.optionalUnsigned("drainedAtMilliseconds"),
            keySinceMilliseconds: row.optionalUnsigned("keySinceMilliseconds"), keyRotation: try keyRotation(row),
            hasLeft: row.boolean("hasLeft"))
    }

    private func keyRotation(_ row: PostgreSQLRow) throws -> BoardKeyRotation? {
        try row.optionalText("keyRotation").map { try decoded(BoardKeyRotation.self, from: $0) }
    }
}
