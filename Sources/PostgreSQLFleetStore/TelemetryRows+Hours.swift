import FleetModel
import FleetStore

extension TelemetryRows {
    struct Hour: Encodable {
        /// Names one for ever.
        struct Place: Hashable {
            var board: String
            var model: String
            var startMilliseconds: UInt64

            init(_ board: String, _ model: String, _ startMilliseconds: UInt64) {
                (self.board, self.model, self.startMilliseconds) = (board, model, startMilliseconds)
            }

            init(_ row: PostgreSQLRow) {
                self.init(row.text("board"), row.text("model"), row.unsigned("startMilliseconds"))
            }
        }

        /// The columns in the order of the statement's list.
        static let columns = """
            "board" text, "model" text, "startMilliseconds" bigint, "windows" bigint, "frames" bigint,
            "dropped" bigint, "violations" bigint, "labelled" bigint, "correct" bigint, "switches" bigint,
            "p99Milliseconds" double precision, "coveredMilliseconds" bigint
            """

        var board: String
        var model: String
        var startMilliseconds: UInt64
        var windows: UInt64
        var frames: UInt64
        var dropped: UInt64
        var violations: UInt64
        var labelled: UInt64
        var correct: UInt64
        var switches: UInt64
        var p99Milliseconds: Double
        var coveredMilliseconds: UInt64

        var place: Place { Place(board, model, startMilliseconds) }

        init(_ key: GatheredHours.Key, _ hour: TelemetryHour) {
            board = key.board.rawValue
            model = key.model.rawValue
            startMilliseconds = key.startMilliseconds
            windows = hour.windows
            frames = hour.frames
            dropped = hour.dropped
            violations = hour.violations
            labelled = hour.labelled
            correct = hour.correct
            switches = hour.switches
            p99Milliseconds = hour.p99Milliseconds
            coveredMilliseconds = hour.coveredMilliseconds
        }
    }

    struct ModelHours: Encodable, Hashable {
        static let columns = "\"board\" text, \"model\" text, \"hours\" bigint"

        var board: String
        var model: String
        var hours: Int
    }
}
