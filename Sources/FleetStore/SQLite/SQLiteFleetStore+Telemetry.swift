public import FleetModel
import Foundation
import GRDB

extension SQLiteFleetStore {
    public func appendTelemetry(
        _ batches: [(BoardID, [TelemetryRecord])], receivedAtMilliseconds: UInt64
    ) async throws -> [DurableTelemetry] {
        let received = try signed(receivedAtMilliseconds, "receivedAtMilliseconds")
        return try await write { [self] database in
            var progress: [TelemetryKey: TelemetryProgress] = [:]
            var hours = GatheredHours()
            for (board, records) in batches {
                try requireBoard(board, in: database)
                var added = 0
                for record in records {
                    try record.checkRange()
                    let key = TelemetryKey(board: board, incarnation: record.incarnation)
                    var followed = try progress[key] ?? self.progress(key, in: database)
                    if try followed.mayBeNew(record) && insert(record, of: board, received, into: database) {
                        followed.recordStored(record)
                        hours.add(record, of: board)
                        added += 1
                    }
                    progress[key] = followed
                }
                try countRows(added, of: board, in: database)
            }
            let durable = try progress.keys.sorted().map { key in
                var followed = progress[key] ?? TelemetryProgress()
                try followed.advance { try nextSequence(key, above: $0, in: database) }
                try save(followed, key, in: database)
                return DurableTelemetry(key, followed)
            }
            for board in Set(progress.keys.map(\.board)) { try forgetOldest(of: board, in: database) }
            try add(hours, received, to: database)
            return durable
        }
    }

    public func telemetry(
        board: BoardID, sinceMilliseconds: UInt64, limit: Int
    ) async throws -> [StoredTelemetry] {
        let since = try signed(sinceMilliseconds, "sinceMilliseconds")
        return try await read { [self] database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM telemetry WHERE board = ? AND startMilliseconds >= ?
                    ORDER BY startMilliseconds DESC, incarnation DESC, sequence DESC LIMIT ?
                    """, arguments: [board.rawValue, since, max(0, limit)])
            return try rows.reversed().map { try stored($0, in: database) }
        }
    }

    public func telemetryCounts() async throws -> [TelemetryCount] {
        try await read { [self] database in
            // Two statements, for there may be ten thousand boards and a page that asks every second.
            var incarnations: [String: [TelemetryCount.Incarnation]] = [:]
            let kept = try Row.fetchCursor(
                database, sql: "SELECT * FROM telemetryProgress ORDER BY board, incarnation")
            while let row = try kept.next() {
                incarnations[row["board"], default: []].append(
                    .init(
                        incarnation: row.unsigned("incarnation"), highest: row.unsigned("highest"),
                        gaps: TelemetryProgress(row).gaps))
            }
            return try Row.fetchAll(database, sql: "SELECT * FROM telemetryRows ORDER BY board").map { row in
                let name: String = row["board"]
                return TelemetryCount(
                    board: try boardID(name), rows: row["rows"], incarnations: incarnations[name] ?? [])
            }
        }
    }

    // MARK: Writing

    func requireBoard(_ board: BoardID, in database: Database) throws {
        let found = try Bool.fetchOne(
            try database.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM board WHERE id = ?)"),
            arguments: [board.rawValue])
        guard found == true else { throw FleetStoreFailure.unknownBoard(board) }
    }

    /// `false` when the record was there.
    private func insert(
        _ record: TelemetryRecord, of board: BoardID, _ received: Int64, into database: Database
    ) throws -> Bool {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO telemetry (board, incarnation, sequence, startMilliseconds, durationMilliseconds,
                    generation, receivedAtMilliseconds, memoryBytes, cpuLoad, cpuFrequencyMegahertz,
                    temperatureCelsius, droppedRecords)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (board, incarnation, sequence) DO NOTHING
                """)
        try statement.execute(arguments: [
            board.rawValue, Int64(record.incarnation), Int64(record.sequence), Int64(record.startMilliseconds),
            record.durationMilliseconds, Int64(record.generation), received, Int64(record.board.memoryBytes),
            record.board.cpuLoad, record.board.cpuFrequencyMegahertz, record.board.temperatureCelsius,
            Int64(record.board.droppedRecords),
        ])
        guard database.changesCount == 1 else { return false }
        let row = database.lastInsertedRowID
        for (position, model) in record.models.enumerated() {
            try insert(model, at: position, row, into: database)
        }
        return true
    }

    private func insert(_ model: ModelTelemetry, at position: Int, _ row: Int64, into database: Database) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO modelTelemetry (telemetry, position, model, frames, dropped, violations, labelled,
                    correct, switches, activePoint, p50Milliseconds, p90Milliseconds, p99Milliseconds,
                    constraintMilliseconds, hooks)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try statement.execute(arguments: [
            row, position, model.model.rawValue, model.frames, model.dropped, model.violations, model.labelled,
            model.correct, model.switches, model.activePoint, model.p50Milliseconds, model.p90Milliseconds,
            model.p99Milliseconds, model.constraintMilliseconds,
            try model.hooks.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) },
        ])
    }

    private func countRows(_ added: Int, of board: BoardID, in database: Database) throws {
        guard added > 0 else { return }
        try database.cachedStatement(
            sql: """
                INSERT INTO telemetryRows (board, rows) VALUES (?, ?)
                ON CONFLICT (board) DO UPDATE SET rows = rows + excluded.rows
                """
        ).execute(arguments: [board.rawValue, added])
    }

    private func forgetOldest(of board: BoardID, in database: Database) throws {
        let rows =
            try Int.fetchOne(
                try database.cachedStatement(sql: "SELECT rows FROM telemetryRows WHERE board = ?"),
                arguments: [board.rawValue]) ?? 0
        if rows > limits.telemetryPerBoard {
            let removed = try Row.fetchAll(
                database,
                sql: """
                    DELETE FROM telemetry
                    WHERE id IN (SELECT id FROM telemetry WHERE board = ? ORDER BY id LIMIT ?)
                    RETURNING incarnation, sequence
                    """, arguments: [board.rawValue, rows - limits.telemetryPerBoard])
            try markRemoved(removed, of: board.rawValue, in: database)
            try database.execute(
                sql: "UPDATE telemetryRows SET rows = ? WHERE board = ?",
                arguments: [limits.telemetryPerBoard, board.rawValue])
        }
        try database.cachedStatement(
            sql: """
                DELETE FROM telemetryProgress WHERE board = ?1 AND incarnation NOT IN (
                    SELECT incarnation FROM telemetryProgress WHERE board = ?1 ORDER BY incarnation DESC LIMIT ?2)
                """
        ).execute(arguments: [board.rawValue, limits.incarnationsPerBoard])
    }

    // MARK: Progress

    private func progress(_ key: TelemetryKey, in database: Database) throws -> TelemetryProgress {
        let row = try Row.fetchOne(
            try database.cachedStatement(
                sql: "SELECT * FROM telemetryProgress WHERE board = ? AND incarnation = ?"),
            arguments: [key.board.rawValue, Int64(key.incarnation)])
        return row.map(TelemetryProgress.init) ?? TelemetryProgress()
    }

    private func nextSequence(
        _ key: TelemetryKey, above sequence: UInt64, in database: Database
    ) throws -> UInt64? {
        let statement = try database.cachedStatement(
            sql: """
                SELECT sequence FROM telemetry WHERE board = ? AND incarnation = ? AND sequence > ?
                ORDER BY sequence LIMIT 1
                """)
        return try Int64.fetchOne(
            statement, arguments: [key.board.rawValue, Int64(key.incarnation), Int64(sequence)]
        ).map(UInt64.init)
    }

    private func save(_ progress: TelemetryProgress, _ key: TelemetryKey, in database: Database) throws {
        try database.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO telemetryProgress
                    (board, incarnation, contiguous, passed, dropped, highest, stored, removed)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            key.board.rawValue, Int64(key.incarnation), Int64(progress.contiguous), Int64(progress.passed),
            Int64(progress.dropped), Int64(progress.highest), Int64(progress.stored), Int64(progress.removed),
        ])
    }

    // MARK: Reading

    private func stored(_ row: Row, in database: Database) throws -> StoredTelemetry {
        let models = try Row.fetchAll(
            try database.cachedStatement(sql: "SELECT * FROM modelTelemetry WHERE telemetry = ? ORDER BY position"),
            arguments: [row["id"] as Int64])
        let record = TelemetryRecord(
            incarnation: row.unsigned("incarnation"), sequence: row.unsigned("sequence"),
            startMilliseconds: row.unsigned("startMilliseconds"),
            durationMilliseconds: row.unsigned("durationMilliseconds"), generation: row.unsigned("generation"),
            models: try models.map(modelTelemetry),
            board: BoardTelemetry(
                memoryBytes: row.unsigned("memoryBytes"), cpuLoad: row["cpuLoad"],
                cpuFrequencyMegahertz: row["cpuFrequencyMegahertz"], temperatureCelsius: row["temperatureCelsius"],
                droppedRecords: row.unsigned("droppedRecords")))
        return StoredTelemetry(record: record, receivedAtMilliseconds: row.unsigned("receivedAtMilliseconds"))
    }

    private func hooks(_ text: String?) throws -> HookTelemetry? {
        guard let text else { return nil }
        do { return try JSONDecoder().decode(HookTelemetry.self, from: Data(text.utf8)) } catch {
            throw FleetStoreFailure.corrupt(path: path, detail: "unreadable telemetry of hooks")
        }
    }

    private func modelTelemetry(_ row: Row) throws -> ModelTelemetry {
        guard let name = ModelName(row["model"]) else {
            throw FleetStoreFailure.corrupt(path: path, detail: "unreadable model name")
        }
        return ModelTelemetry(
            model: name, frames: row.unsigned("frames"), dropped: row.unsigned("dropped"),
            violations: row.unsigned("violations"), labelled: row.unsigned("labelled"),
            correct: row.unsigned("correct"), switches: row.unsigned("switches"),
            activePoint: row.unsigned("activePoint"), p50Milliseconds: row["p50Milliseconds"],
            p90Milliseconds: row["p90Milliseconds"], p99Milliseconds: row["p99Milliseconds"],
            constraintMilliseconds: row["constraintMilliseconds"], hooks: try hooks(row["hooks"]))
    }
}

extension TelemetryProgress {
    init(_ row: Row) {
        self.init(
            contiguous: row.unsigned("contiguous"), passed: row.unsigned("passed"), dropped: row.unsigned("dropped"),
            highest: row.unsigned("highest"), stored: row.unsigned("stored"), removed: row.unsigned("removed"))
    }
}
