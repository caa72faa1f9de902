import FleetModel
import FleetStore

/// Rows as `json_to_recordset` reads them: one statement takes any number of them, so that a transaction of a thousand
/// boards asks its server no more often than one of a single board. Numbers were tested against the columns' range.
enum TelemetryRows {
    struct Place: Hashable, Sendable {
        var board: String
        var incarnation: Int64
        var sequence: Int64

        init(_ board: BoardID, _ record: TelemetryRecord) {
            self.init(board.rawValue, Int64(record.incarnation), Int64(record.sequence))
        }

        init(_ board: String, _ incarnation: Int64, _ sequence: Int64) {
            (self.board, self.incarnation, self.sequence) = (board, incarnation, sequence)
        }
    }

    struct Record: Encodable {
        /// The columns in the order of the statement's list.
        static let columns = """
            "board" text, "incarnation" bigint, "sequence" bigint, "startMilliseconds" bigint,
            "durationMilliseconds" bigint, "generation" bigint, "memoryBytes" bigint, "cpuLoad" double precision,
            "cpuFrequencyMegahertz" double precision, "temperatureCelsius" double precision, "droppedRecords" bigint
            """

        var board: String
        var incarnation: UInt64
        var sequence: UInt64
        var startMilliseconds: UInt64
        var durationMilliseconds: UInt32
        var generation: UInt64
        var memoryBytes: UInt64
        var cpuLoad: Double?
        var cpuFrequencyMegahertz: Double?
        var temperatureCelsius: Double?
        var droppedRecords: UInt64

        init(_ board: BoardID, _ record: TelemetryRecord) {
            self.board = board.rawValue
            incarnation = record.incarnation
            sequence = record.sequence
            startMilliseconds = record.startMilliseconds
            durationMilliseconds = record.durationMilliseconds
            generation = record.generation
            memoryBytes = record.board.memoryBytes
            cpuLoad = record.board.cpuLoad
            cpuFrequencyMegahertz = record.board.cpuFrequencyMegahertz
            temperatureCelsius = record.board.temperatureCelsius
            droppedRecords = record.board.droppedRecords
        }
    }

    struct Model: Encodable {
        static let columns = """
            "telemetry" bigint, "position" bigint, "model" text, "frames" bigint, "dropped" bigint,
            "violations" bigint, "labelled" bigint, "correct" bigint, "switches" bigint, "activePoint" bigint,
            "p50Milliseconds" double precision, "p90Milliseconds" double precision,
            "p99Milliseconds" double precision, "constraintMilliseconds" double precision, "hooks" text
            """

        var telemetry: Int64
        var position: Int
        var model: String
        var frames: UInt32
        var dropped: UInt32
        var violations: UInt32
        var labelled: UInt32
        var correct: UInt32
        var switches: UInt32
        var activePoint: UInt32
        var p50Milliseconds: Double
        var p90Milliseconds: Double
        var p99Milliseconds: Double
        var constraintMilliseconds: Double
        var hooks: String?

        init(_ model: ModelTelemetry, at position: Int, of telemetry: Int64) throws {
            self.telemetry = telemetry
            self.position = position
            self.model = model.model.rawValue
            frames = model.frames
            dropped = model.dropped
            violations = model.violations
            labelled = model.labelled
            correct = model.correct
            switches = model.switches
            activePoint = model.activePoint
            p50Milliseconds = model.p50Milliseconds
            p90Milliseconds = model.p90Milliseconds
            p99Milliseconds = model.p99Milliseconds
            constraintMilliseconds = model.constraintMilliseconds
            hooks = try model.hooks.map { try StoredForm.json($0) }
        }
    }

    struct Progress: Encodable {
        static let columns = """
            "board" text, "incarnation" bigint, "contiguous" bigint, "passed" bigint, "dropped" bigint,
            "highest" bigint, "stored" bigint, "removed" bigint
            """

        var board: String
        var incarnation: UInt64
        var contiguous: UInt64
        var passed: UInt64
        var dropped: UInt64
        var highest: UInt64
        var stored: UInt64
        var removed: UInt64

        init(_ key: TelemetryKey, _ progress: TelemetryProgress) {
            board = key.board.rawValue
            incarnation = key.incarnation
            contiguous = progress.contiguous
            passed = progress.passed
            dropped = progress.dropped
            highest = progress.highest
            stored = progress.stored
            removed = progress.removed
        }
    }

    struct Count: Encodable {
        static let columns = "\"board\" text, \"count\" bigint"

        var board: String
        var count: Int
    }
}

extension TelemetryProgress {
    init(_ row: PostgreSQLRow) {
        self.init(
            contiguous: row.unsigned("contiguous"), passed: row.unsigned("passed"), dropped: row.unsigned("dropped"),
            highest: row.unsigned("highest"), stored: row.unsigned("stored"), removed: row.unsigned("removed"))
    }
}
