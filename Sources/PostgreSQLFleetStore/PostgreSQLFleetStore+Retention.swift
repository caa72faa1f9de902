public import FleetModel
public import FleetStore

extension PostgreSQLFleetStore {
    public func telemetryHours(
        board: BoardID, sinceMilliseconds: UInt64, limit: Int
    ) async throws -> [TelemetryHour] {
        let since = try signed(sinceMilliseconds, "sinceMilliseconds")
        return try await read { [self] transaction in
            try transaction.rows(
                """
                SELECT * FROM telemetryHour WHERE board = $1 AND startMilliseconds >= $2
                ORDER BY startMilliseconds, model LIMIT $3
                """, .text(board.rawValue), .integer(since), .count(max(0, limit))
            ).map(hour)
        }
    }

    private func hour(_ row: PostgreSQLRow) throws -> TelemetryHour {
        guard let model = ModelName(row.text("model")) else {
            throw FleetStoreFailure.corrupt(path: path, detail: "unreadable model name")
        }
        return TelemetryHour(
            model: model, startMilliseconds: row.unsigned("startMilliseconds"), windows: row.unsigned("windows"),
            frames: row.unsigned("frames"), dropped: row.unsigned("dropped"), violations: row.unsigned("violations"),
            labelled: row.unsigned("labelled"), correct: row.unsigned("correct"), switches: row.unsigned("switches"),
            p99Milliseconds: row.real("p99Milliseconds"), coveredMilliseconds: row.unsigned("coveredMilliseconds"))
    }

    // MARK: Hours

    /// - Parameter received: when the windows arrived, in milliseconds since 1970.
    func add(_ gathered: GatheredHours, _ received: Int64, _ transaction: PostgreSQLTransaction) throws {
        let hours = gathered.sorted.map { TelemetryRows.Hour($0.key, $0.hour) }
        guard !hours.isEmpty, limits.hoursPerModel > 0 else { return }
        let kept = try transaction.rows(
            """
            INSERT INTO telemetryHour (board, model, startMilliseconds, windows, frames, dropped, violations, labelled,
                correct, switches, p99Milliseconds, coveredMilliseconds)
            SELECT * FROM json_to_recordset($1::json) AS offered(\(TelemetryRows.Hour.columns))
            ON CONFLICT (board, model, startMilliseconds) DO UPDATE SET
                windows = telemetryHour.windows + excluded.windows, frames = telemetryHour.frames + excluded.frames,
                dropped = telemetryHour.dropped + excluded.dropped,
                violations = telemetryHour.violations + excluded.violations,
                labelled = telemetryHour.labelled + excluded.labelled,
                correct = telemetryHour.correct + excluded.correct,
                switches = telemetryHour.switches + excluded.switches,
                p99Milliseconds = greatest(telemetryHour.p99Milliseconds, excluded.p99Milliseconds),
                coveredMilliseconds = telemetryHour.coveredMilliseconds + excluded.coveredMilliseconds
            RETURNING board, model, startMilliseconds, windows
            """, .text(try StoredForm.json(hours)))
        let offered = Dictionary(uniqueKeysWithValues: hours.map { ($0.place, $0.windows) })
        let new = kept.filter { row in
            let windows: UInt64 = row.unsigned("windows")
            return offered[TelemetryRows.Hour.Place(row)] == windows
        }
        let ahead = Int64(clamping: UInt64(received) + GatheredHours.aheadMilliseconds)
        try count(new.map(TelemetryRows.Hour.Place.init), ahead: ahead, transaction)
    }

    /// - Parameter new: hours that were not there.
    private func count(
        _ new: [TelemetryRows.Hour.Place], ahead: Int64, _ transaction: PostgreSQLTransaction
    ) throws {
        let added = Dictionary(grouping: new) { TelemetryRows.ModelHours(board: $0.board, model: $0.model, hours: 0) }
            .map { TelemetryRows.ModelHours(board: $0.key.board, model: $0.key.model, hours: $0.value.count) }
        guard !added.isEmpty else { return }
        let counts = try transaction.rows(
            """
            INSERT INTO telemetryHourCount (board, model, hours)
            SELECT * FROM json_to_recordset($1::json) AS added(\(TelemetryRows.ModelHours.columns))
            ON CONFLICT (board, model) DO UPDATE SET hours = telemetryHourCount.hours + excluded.hours
            RETURNING board, model, hours
            """, .text(try StoredForm.json(added)))
        for row in counts {
            let surplus = row.integer("hours") - Int64(limits.hoursPerModel)
            if surplus > 0 { try forget(surplus, row.text("board"), row.text("model"), ahead: ahead, transaction) }
        }
        for board in Set(added.map(\.board)).sorted() { try forgetModels(of: board, transaction) }
    }

    private func forget(
        _ surplus: Int64, _ board: String, _ model: String, ahead: Int64, _ transaction: PostgreSQLTransaction
    ) throws {
        var left = surplus
        for (start, order) in [(ahead, "DESC"), (-1, "ASC")] where left > 0 {
            left -= Int64(
                try transaction.execute(
                    """
                    DELETE FROM telemetryHour WHERE board = $1 AND model = $2 AND startMilliseconds IN (
                        SELECT startMilliseconds FROM telemetryHour
                        WHERE board = $1 AND model = $2 AND startMilliseconds > $3
                        ORDER BY startMilliseconds \(order) LIMIT $4)
                    """, .text(board), .text(model), .integer(start), .integer(left)
                ).changed)
        }
        try transaction.execute(
            "UPDATE telemetryHourCount SET hours = hours - $3 WHERE board = $1 AND model = $2", .text(board),
            .text(model), .integer(surplus))
    }

    private func forgetModels(of board: String, _ transaction: PostgreSQLTransaction) throws {
        let counted = try transaction.first(
            "SELECT count(*) AS count FROM telemetryHourCount WHERE board = $1", .text(board))
        let surplus = (counted?.integer("count") ?? 0) - Int64(limits.modelsWithHours)
        guard surplus > 0 else { return }
        let models = try transaction.rows(
            """
            SELECT model FROM telemetryHourCount AS counted WHERE board = $1 ORDER BY (
                SELECT max(startMilliseconds) FROM telemetryHour WHERE board = $1 AND model = counted.model
            ), model LIMIT $2
            """, .text(board), .integer(surplus)
        ).map { $0.text("model") }
        for table in ["telemetryHour", "telemetryHourCount"] {
            for model in models {
                try transaction.execute(
                    "DELETE FROM \(table) WHERE board = $1 AND model = $2", .text(board), .text(model))
            }
        }
    }

    // MARK: Age

    public func removeTelemetry(_ page: RetentionPage) async throws -> RemovedTelemetry {
        try page.checkRange()
        return try await write { [self] transaction in
            let rows = try transaction.rows(
                "SELECT id, board, receivedAtMilliseconds FROM telemetry WHERE id > $1 ORDER BY id LIMIT $2",
                .integer(Int64(page.after)), .count(max(0, page.limit)))
            let received: [UInt64] = rows.map { $0.unsigned("receivedAtMilliseconds") }
            let old = zip(rows, received).filter { $0.1 < page.receivedBeforeMilliseconds }.map(\.0)
            let removed = try remove(old, transaction)
            return RemovedTelemetry(
                records: removed, next: page.next(last: rows.last?.unsigned("id"), received: received))
        }
    }

    /// What is above a gap stays. Others may have added to the boards' telemetry, or removed the oldest of it, before
    /// these are locked; what counts is what is there then.
    private func remove(_ old: [PostgreSQLRow], _ transaction: PostgreSQLTransaction) throws -> Int {
        guard !old.isEmpty else { return 0 }
        try lock(Set(old.map { $0.text("board") }).sorted().map(boardID), transaction)
        let removed = try transaction.rows(
            """
            DELETE FROM telemetry WHERE id IN (SELECT json_array_elements_text($1::json)::bigint)
                AND NOT EXISTS (
                    SELECT 1 FROM telemetryProgress AS kept
                    WHERE kept.board = telemetry.board AND kept.incarnation = telemetry.incarnation
                        AND kept.contiguous < telemetry.sequence)
            RETURNING board, incarnation, sequence
            """, .text(try StoredForm.json(old.map { $0.integer("id") })))
        for (board, rows) in Dictionary(grouping: removed, by: { $0.text("board") }) {
            try transaction.execute(
                "UPDATE telemetryRows SET rows = rows - $2 WHERE board = $1", .text(board), .count(rows.count))
        }
        try markRemoved(removed, transaction)
        return removed.count
    }

    /// - Parameter removed: rows with board, incarnation and sequence.
    func markRemoved(_ removed: [PostgreSQLRow], _ transaction: PostgreSQLTransaction) throws {
        let places = Dictionary(grouping: removed) {
            TelemetryRows.Place($0.text("board"), $0.integer("incarnation"), 0)
        }
        for (place, rows) in places {
            try transaction.execute(
                """
                UPDATE telemetryProgress SET removed = greatest(removed, least(contiguous, $3))
                WHERE board = $1 AND incarnation = $2
                """, .text(place.board), .integer(place.incarnation),
                .integer(rows.map { $0.integer("sequence") }.max() ?? 0))
        }
    }
}
