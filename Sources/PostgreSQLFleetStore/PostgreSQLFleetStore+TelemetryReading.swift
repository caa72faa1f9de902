public import FleetModel
public import FleetStore

extension PostgreSQLFleetStore {
    public func telemetry(
        board: BoardID, sinceMilliseconds: UInt64, limit: Int
    ) async throws -> [StoredTelemetry] {
        let since = try signed(sinceMilliseconds, "sinceMilliseconds")
        return try await read { [self] transaction in
            let rows = try transaction.rows(
                """
                SELECT * FROM telemetry WHERE board = $1 AND startMilliseconds >= $2
                ORDER BY startMilliseconds DESC, incarnation DESC, sequence DESC LIMIT $3
                """, .text(board.rawValue), .integer(since), .count(max(0, limit)))
            let models = try Dictionary(
                grouping: transaction.rows(
                    """
                    SELECT * FROM modelTelemetry
                    WHERE telemetry IN (SELECT json_array_elements_text($1::json)::bigint)
                    ORDER BY telemetry, position
                    """, .text(try StoredForm.json(rows.map { $0.integer("id") })))
            ) { $0.integer("telemetry") }
            return try rows.reversed().map { try stored($0, models[$0.integer("id")] ?? []) }
        }
    }

    public func telemetryCounts() async throws -> [TelemetryCount] {
        try await read { [self] transaction in
            let incarnations = try Dictionary(
                grouping: transaction.rows("SELECT * FROM telemetryProgress ORDER BY board, incarnation")
            ) { $0.text("board") }
            return try transaction.rows("SELECT board, rows FROM telemetryRows ORDER BY board").map { row in
                TelemetryCount(
                    board: try boardID(row.text("board")), rows: Int(row.integer("rows")),
                    incarnations: (incarnations[row.text("board")] ?? []).map {
                        .init(
                            incarnation: $0.unsigned("incarnation"), highest: $0.unsigned("highest"),
                            gaps: TelemetryProgress($0).gaps)
                    })
            }
        }
    }

    private func stored(_ row: PostgreSQLRow, _ models: [PostgreSQLRow]) throws -> StoredTelemetry {
        let record = TelemetryRecord(
            incarnation: row.unsigned("incarnation"), sequence: row.unsigned("sequence"),
            startMilliseconds: row.unsigned("startMilliseconds"),
            durationMilliseconds: row.unsigned("durationMilliseconds"), generation: row.unsigned("generation"),
            models: try models.map(modelTelemetry),
            board: BoardTelemetry(
                memoryBytes: row.unsigned("memoryBytes"), cpuLoad: row.optionalReal("cpuLoad"),
                cpuFrequencyMegahertz: row.optionalReal("cpuFrequencyMegahertz"),
                temperatureCelsius: row.optionalReal("temperatureCelsius"),
                droppedRecords: row.unsigned("droppedRecords")))
        return StoredTelemetry(record: record, receivedAtMilliseconds: row.unsigned("receivedAtMilliseconds"))
    }

    private func modelTelemetry(_ row: PostgreSQLRow) throws -> ModelTelemetry {
        guard let name = ModelName(row.text("model")) else {
            throw FleetStoreFailure.corrupt(path: path, detail: "unreadable model name")
        }
        return ModelTelemetry(
            model: name, frames: row.unsigned("frames"), dropped: row.unsigned("dropped"),
            violations: row.unsigned("violations"), labelled: row.unsigned("labelled"),
            correct: row.unsigned("correct"), switches: row.unsigned("switches"),
            activePoint: row.unsigned("activePoint"), p50Milliseconds: row.real("p50Milliseconds"),
            p90Milliseconds: row.real("p90Milliseconds"), p99Milliseconds: row.real("p99Milliseconds"),
            constraintMilliseconds: row.real("constraintMilliseconds"),
            hooks: try row.optionalText("hooks").map { try decoded(HookTelemetry.self, from: $0) })
    }
}
