public import FleetModel
import GRDB

extension SQLiteFleetStore {
    public func telemetryHours(
        board: BoardID, sinceMilliseconds: UInt64, limit: Int
    ) async throws -> [TelemetryHour] {
        let since = try signed(sinceMilliseconds, "sinceMilliseconds")
        return try await read { [self] database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM telemetryHour WHERE board = ? AND startMilliseconds >= ?
                    ORDER BY startMilliseconds, model LIMIT ?
                    """, arguments: [board.rawValue, since, max(0, limit)]
            ).map(hour)
        }
    }

    private func hour(_ row: Row) throws -> TelemetryHour {
        guard let model = ModelName(row["model"]) else {
            throw FleetStoreFailure.corrupt(path: path, detail: "unreadable model name")
        }
        return TelemetryHour(
            model: model, startMilliseconds: row.unsigned("startMilliseconds"), windows: row.unsigned("windows"),
            frames: row.unsigned("frames"), dropped: row.unsigned("dropped"), violations: row.unsigned("violations"),
            labelled: row.unsigned("labelled"), correct: row.unsigned("correct"), switches: row.unsigned("switches"),
            p99Milliseconds: row["p99Milliseconds"], coveredMilliseconds: row.unsigned("coveredMilliseconds"))
    }

    // MARK: Hours

    /// - Parameter received: when the windows arrived, in milliseconds since 1970.
    func add(_ gathered: GatheredHours, _ received: Int64, to database: Database) throws {
        guard limits.hoursPerModel > 0 else { return }
        var grown: Set<HoursOfModel> = []
        for (key, hour) in gathered.sorted where try add(hour, of: key.board, to: database) {
            grown.insert(HoursOfModel(board: key.board.rawValue, model: key.model.rawValue))
            try database.cachedStatement(
                sql: """
                    INSERT INTO telemetryHourCount (board, model, hours) VALUES (?, ?, 1)
                    ON CONFLICT (board, model) DO UPDATE SET hours = hours + 1
                    """
            ).execute(arguments: [key.board.rawValue, key.model.rawValue])
        }
        let ahead = Int64(clamping: UInt64(received) + GatheredHours.aheadMilliseconds)
        for hours in grown { try forgetSurplus(of: hours, ahead: ahead, in: database) }
        for board in Set(grown.map(\.board)) { try forgetModels(of: board, in: database) }
    }

    /// - Returns: whether the hour is new.
    private func add(_ hour: TelemetryHour, of board: BoardID, to database: Database) throws -> Bool {
        let statement = try database.cachedStatement(
            sql: """
                INSERT INTO telemetryHour (board, model, startMilliseconds, windows, frames, dropped, violations,
                    labelled, correct, switches, p99Milliseconds, coveredMilliseconds)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (board, model, startMilliseconds) DO UPDATE SET windows = windows + excluded.windows,
                    frames = frames + excluded.frames, dropped = dropped + excluded.dropped,
                    violations = violations + excluded.violations, labelled = labelled + excluded.labelled,
                    correct = correct + excluded.correct, switches = switches + excluded.switches,
                    p99Milliseconds = max(p99Milliseconds, excluded.p99Milliseconds),
                    coveredMilliseconds = coveredMilliseconds + excluded.coveredMilliseconds
                RETURNING windows
                """)
        let windows = try Int64.fetchOne(
            statement,
            arguments: [
                board.rawValue, hour.model.rawValue, Int64(hour.startMilliseconds), Int64(hour.windows),
                Int64(hour.frames), Int64(hour.dropped), Int64(hour.violations), Int64(hour.labelled),
                Int64(hour.correct), Int64(hour.switches), hour.p99Milliseconds, Int64(hour.coveredMilliseconds),
            ])
        return windows == Int64(hour.windows)
    }

    private struct HoursOfModel: Hashable {
        var board: String
        var model: String
    }

    private func forgetSurplus(of hours: HoursOfModel, ahead: Int64, in database: Database) throws {
        let (board, model) = (hours.board, hours.model)
        let count =
            try Int.fetchOne(
                try database.cachedStatement(
                    sql: "SELECT hours FROM telemetryHourCount WHERE board = ? AND model = ?"),
                arguments: [board, model]) ?? 0
        var surplus = count - limits.hoursPerModel
        for (start, order) in [(ahead, "DESC"), (-1, "ASC")] where surplus > 0 {
            try database.execute(
                sql: """
                    DELETE FROM telemetryHour WHERE board = ?1 AND model = ?2 AND startMilliseconds IN (
                        SELECT startMilliseconds FROM telemetryHour
                        WHERE board = ?1 AND model = ?2 AND startMilliseconds > ?3
                        ORDER BY startMilliseconds \(order) LIMIT ?4)
                    """, arguments: [board, model, start, surplus])
            surplus -= database.changesCount
        }
        guard count > limits.hoursPerModel else { return }
        try database.execute(
            sql: "UPDATE telemetryHourCount SET hours = ? WHERE board = ? AND model = ?",
            arguments: [limits.hoursPerModel, board, model])
    }

    private func forgetModels(of board: String, in database: Database) throws {
        let count =
            try Int.fetchOne(
                try database.cachedStatement(sql: "SELECT count(*) FROM telemetryHourCount WHERE board = ?"),
                arguments: [board]) ?? 0
        guard count > limits.modelsWithHours else { return }
        let models = try String.fetchAll(
            database,
            sql: """
                SELECT model FROM telemetryHourCount AS counted WHERE board = ?1 ORDER BY (
                    SELECT max(startMilliseconds) FROM telemetryHour
                    WHERE board = ?1 AND model = counted.model), model LIMIT ?2
                """, arguments: [board, count - limits.modelsWithHours])
        for table in ["telemetryHour", "telemetryHourCount"] {
            for model in models {
                try database.execute(
                    sql: "DELETE FROM \(table) WHERE board = ? AND model = ?", arguments: [board, model])
            }
        }
    }

    // MARK: Age

    public func removeTelemetry(_ page: RetentionPage) async throws -> RemovedTelemetry {
        try page.checkRange()
        return try await write { [self] database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT id, receivedAtMilliseconds, board, incarnation, sequence,
                        coalesce(sequence <= contiguous, TRUE) AS isAcknowledged
                    FROM telemetry LEFT JOIN telemetryProgress USING (board, incarnation)
                    WHERE id > ? ORDER BY id LIMIT ?
                    """, arguments: [Int64(page.after), max(0, page.limit)])
            let received: [UInt64] = rows.map { $0.unsigned("receivedAtMilliseconds") }
            let old = zip(rows, received).filter { row, received in
                let isAcknowledged: Bool = row["isAcknowledged"]
                return isAcknowledged && received < page.receivedBeforeMilliseconds
            }.map(\.0)
            let removal = try database.cachedStatement(sql: "DELETE FROM telemetry WHERE id = ?")
            for row in old { try removal.execute(arguments: [row["id"] as Int64]) }
            for (board, removed) in Dictionary(grouping: old, by: { $0["board"] as String }) {
                try database.execute(
                    sql: "UPDATE telemetryRows SET rows = rows - ? WHERE board = ?",
                    arguments: [removed.count, board])
                try markRemoved(removed, of: board, in: database)
            }
            return RemovedTelemetry(
                records: old.count, next: page.next(last: rows.last?.unsigned("id"), received: received))
        }
    }

    /// - Parameter removed: rows of the board, with incarnation and sequence.
    func markRemoved(_ removed: [Row], of board: String, in database: Database) throws {
        var highest: [Int64: Int64] = [:]
        for row in removed {
            let (incarnation, sequence): (Int64, Int64) = (row["incarnation"], row["sequence"])
            highest[incarnation] = max(highest[incarnation] ?? 0, sequence)
        }
        for (incarnation, sequence) in highest {
            try database.cachedStatement(
                sql: """
                    UPDATE telemetryProgress SET removed = max(removed, min(contiguous, ?))
                    WHERE board = ? AND incarnation = ?
                    """
            ).execute(arguments: [sequence, board, incarnation])
        }
    }
}
