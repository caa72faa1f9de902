public import FleetModel
public import FleetStore

extension PostgreSQLFleetStore {
    /// Sequences that are read at once to see how far an incarnation's records are whole.
    private static let sequencesAtOnce = 64

    public func appendTelemetry(
        _ batches: [(BoardID, [TelemetryRecord])], receivedAtMilliseconds: UInt64
    ) async throws -> [DurableTelemetry] {
        let received = try signed(receivedAtMilliseconds, "receivedAtMilliseconds")
        return try await write { [self] transaction in
            try lock(batches.map(\.0), transaction)
            for record in batches.lazy.flatMap(\.1) { try record.checkRange() }
            var progress = try progress(of: batches, transaction)
            let offered = batches.flatMap { board, records in
                records.filter {
                    progress[TelemetryKey(board: board, incarnation: $0.incarnation)]?.mayBeNew($0) ?? true
                }.map { (board, $0) }
            }
            let inserted = try insert(offered, received, transaction)
            var hours = GatheredHours()
            for (board, record) in inserted {
                progress[TelemetryKey(board: board, incarnation: record.incarnation)]?.recordStored(record)
                hours.add(record, of: board)
            }
            try advance(&progress, transaction)
            try save(progress, transaction)
            try forgetOldest(added: inserted.map(\.0), transaction)
            try add(hours, received, transaction)
            return progress.sorted { $0.key < $1.key }.map { DurableTelemetry($0.key, $0.value) }
        }
    }

    // MARK: Writing

    /// Holds the boards until the end of the transaction; always in one order, so that no two transactions can wait
    /// for each other. Rows that refer to them can be written meanwhile, these themselves cannot.
    func lock(_ boards: [BoardID], _ transaction: PostgreSQLTransaction) throws {
        let found = try transaction.rows(
            """
            SELECT id FROM board WHERE id IN (SELECT json_array_elements_text($1::json)) ORDER BY id
            FOR NO KEY UPDATE
            """, .text(try StoredForm.json(boards.map(\.rawValue))))
        let known = Set(found.map { $0.text("id") })
        if let absent = boards.first(where: { !known.contains($0.rawValue) }) {
            throw FleetStoreFailure.unknownBoard(absent)
        }
    }

    /// - Returns: the records that were not there.
    private func insert(
        _ offered: [(BoardID, TelemetryRecord)], _ received: Int64, _ transaction: PostgreSQLTransaction
    ) throws -> [(BoardID, TelemetryRecord)] {
        guard !offered.isEmpty else { return [] }
        let rows = try transaction.rows(
            """
            INSERT INTO telemetry (board, incarnation, sequence, startMilliseconds, durationMilliseconds, generation,
                memoryBytes, cpuLoad, cpuFrequencyMegahertz, temperatureCelsius, droppedRecords,
                receivedAtMilliseconds)
            SELECT offered.*, $2::bigint FROM json_to_recordset($1::json) AS offered(\(TelemetryRows.Record.columns))
            ON CONFLICT (board, incarnation, sequence) DO NOTHING
            RETURNING id, board, incarnation, sequence
            """, .text(try StoredForm.json(offered.map { TelemetryRows.Record($0.0, $0.1) })), .integer(received))
        var numbers: [TelemetryRows.Place: Int64] = [:]
        for row in rows {
            let place = TelemetryRows.Place(row.text("board"), row.integer("incarnation"), row.integer("sequence"))
            numbers[place] = row.integer("id")
        }
        var inserted: [(BoardID, TelemetryRecord)] = []
        var models: [TelemetryRows.Model] = []
        for (board, record) in offered {
            // Of two of one place, the first was taken.
            guard let number = numbers.removeValue(forKey: .init(board, record)) else { continue }
            inserted.append((board, record))
            for (position, model) in record.models.enumerated() {
                models.append(try TelemetryRows.Model(model, at: position, of: number))
            }
        }
        try insert(models, transaction)
        return inserted
    }

    private func insert(_ models: [TelemetryRows.Model], _ transaction: PostgreSQLTransaction) throws {
        guard !models.isEmpty else { return }
        try transaction.execute(
            """
            INSERT INTO modelTelemetry (telemetry, position, model, frames, dropped, violations, labelled, correct,
                switches, activePoint, p50Milliseconds, p90Milliseconds, p99Milliseconds, constraintMilliseconds, hooks)
            SELECT * FROM json_to_recordset($1::json) AS offered(\(TelemetryRows.Model.columns))
            """, .text(try StoredForm.json(models)))
    }

    private func forgetOldest(added: [BoardID], _ transaction: PostgreSQLTransaction) throws {
        let counts = Dictionary(grouping: added, by: \.rawValue).map {
            TelemetryRows.Count(board: $0.key, count: $0.value.count)
        }
        guard !counts.isEmpty else { return }
        let json = PostgreSQLValue.text(try StoredForm.json(counts))
        let rows = try transaction.rows(
            """
            INSERT INTO telemetryRows (board, rows)
            SELECT * FROM json_to_recordset($1::json) AS added(\(TelemetryRows.Count.columns))
            ON CONFLICT (board) DO UPDATE SET rows = telemetryRows.rows + excluded.rows
            RETURNING board, rows
            """, json)
        for row in rows {
            let surplus = row.integer("rows") - Int64(limits.telemetryPerBoard)
            if surplus > 0 { try forget(surplus, of: row.text("board"), transaction) }
        }
        try transaction.execute(
            """
            DELETE FROM telemetryProgress AS old USING (
                SELECT board, incarnation, row_number() OVER (PARTITION BY board ORDER BY incarnation DESC) AS place
                FROM telemetryProgress
                WHERE board IN
                    (SELECT "board" FROM json_to_recordset($1::json) AS added(\(TelemetryRows.Count.columns)))
            ) AS placed
            WHERE placed.place > $2 AND old.board = placed.board AND old.incarnation = placed.incarnation
            """, json, .count(limits.incarnationsPerBoard))
    }

    private func forget(_ surplus: Int64, of board: String, _ transaction: PostgreSQLTransaction) throws {
        let removed = try transaction.rows(
            """
            DELETE FROM telemetry WHERE id IN (SELECT id FROM telemetry WHERE board = $1 ORDER BY id LIMIT $2)
            RETURNING board, incarnation, sequence
            """, .text(board), .integer(surplus))
        try markRemoved(removed, transaction)
        try transaction.execute(
            "UPDATE telemetryRows SET rows = rows - $2 WHERE board = $1", .text(board), .integer(surplus))
    }

    // MARK: Progress

    private func progress(
        of batches: [(BoardID, [TelemetryRecord])], _ transaction: PostgreSQLTransaction
    ) throws -> [TelemetryKey: TelemetryProgress] {
        let keys = Set(
            batches.flatMap { board, records in
                records.map { TelemetryKey(board: board, incarnation: $0.incarnation) }
            })
        var progress = Dictionary(uniqueKeysWithValues: keys.map { ($0, TelemetryProgress()) })
        let rows = try transaction.rows(
            """
            SELECT kept.* FROM telemetryProgress AS kept
            JOIN json_to_recordset($1::json) AS wanted(\(TelemetryRows.Progress.columns))
                ON kept.board = wanted."board" AND kept.incarnation = wanted."incarnation"
            """, .text(try StoredForm.json(progress.map { TelemetryRows.Progress($0.key, $0.value) })))
        for row in rows {
            let key = TelemetryKey(
                board: try boardID(row.text("board")), incarnation: row.unsigned("incarnation"))
            progress[key] = TelemetryProgress(row)
        }
        return progress
    }

    private func advance(
        _ progress: inout [TelemetryKey: TelemetryProgress], _ transaction: PostgreSQLTransaction
    ) throws {
        var open = Array(progress.keys)
        while !open.isEmpty {
            let following = try sequences(
                following: open.compactMap { key in progress[key].map { (key, $0) } }, transaction)
            open = open.filter { key in
                guard let sequences = following[key] else { return false }
                progress[key]?.advance { contiguous in sequences.first { $0 > contiguous } }
                // All that was read is behind it, so there may be more.
                return sequences.count == Self.sequencesAtOnce && progress[key]?.contiguous == sequences.last
            }
        }
    }

    /// The lowest stored sequences above what is contiguous, rising.
    private func sequences(
        following progress: [(TelemetryKey, TelemetryProgress)], _ transaction: PostgreSQLTransaction
    ) throws -> [TelemetryKey: [UInt64]] {
        let rows = try transaction.rows(
            """
            SELECT wanted."board" AS board, wanted."incarnation" AS incarnation, following.sequence
            FROM json_to_recordset($1::json) AS wanted(\(TelemetryRows.Progress.columns))
            CROSS JOIN LATERAL (
                SELECT sequence FROM telemetry
                WHERE telemetry.board = wanted."board" AND telemetry.incarnation = wanted."incarnation"
                    AND telemetry.sequence > wanted."contiguous"
                ORDER BY sequence LIMIT $2
            ) AS following
            ORDER BY following.sequence
            """, .text(try StoredForm.json(progress.map { TelemetryRows.Progress($0.0, $0.1) })),
            .count(Self.sequencesAtOnce))
        return try rows.reduce(into: [:]) { found, row in
            let key = TelemetryKey(
                board: try boardID(row.text("board")), incarnation: row.unsigned("incarnation"))
            found[key, default: []].append(row.unsigned("sequence"))
        }
    }

    private func save(
        _ progress: [TelemetryKey: TelemetryProgress], _ transaction: PostgreSQLTransaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO telemetryProgress (board, incarnation, contiguous, passed, dropped, highest, stored, removed)
            SELECT * FROM json_to_recordset($1::json) AS advanced(\(TelemetryRows.Progress.columns))
            ON CONFLICT (board, incarnation) DO UPDATE SET contiguous = excluded.contiguous,
                passed = excluded.passed, dropped = excluded.dropped, highest = excluded.highest,
                stored = excluded.stored, removed = excluded.removed
            """, .text(try StoredForm.json(progress.map { TelemetryRows.Progress($0.key, $0.value) })))
    }
}
