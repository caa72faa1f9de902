extension Schema {
    /// Sums of windows by the hour, how many of them there are, and up to where an incarnation's records were removed.
    /// The windows that are there are added up once; of those that were removed before nothing is known.
    static let telemetryHours = """
        CREATE TABLE telemetryHour (
            board TEXT NOT NULL REFERENCES board (id),
            model TEXT NOT NULL,
            startMilliseconds INTEGER NOT NULL,
            windows INTEGER NOT NULL,
            frames INTEGER NOT NULL,
            dropped INTEGER NOT NULL,
            violations INTEGER NOT NULL,
            labelled INTEGER NOT NULL,
            correct INTEGER NOT NULL,
            switches INTEGER NOT NULL,
            p99Milliseconds REAL NOT NULL,
            coveredMilliseconds INTEGER NOT NULL,
            PRIMARY KEY (board, model, startMilliseconds)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE telemetryHourCount (
            board TEXT NOT NULL REFERENCES board (id),
            model TEXT NOT NULL,
            hours INTEGER NOT NULL CHECK (hours >= 0),
            PRIMARY KEY (board, model)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO telemetryHour
        SELECT window.board, measured.model, window.startMilliseconds - window.startMilliseconds % 3600000, count(*),
            sum(measured.frames), sum(measured.dropped), sum(min(measured.violations, measured.frames)),
            sum(measured.labelled), sum(measured.correct), sum(measured.switches), max(measured.p99Milliseconds),
            sum(window.durationMilliseconds)
        FROM telemetry AS window JOIN modelTelemetry AS measured ON measured.telemetry = window.id
        GROUP BY 1, 2, 3;
        INSERT INTO telemetryHourCount SELECT board, model, count(*) FROM telemetryHour GROUP BY board, model;
        ALTER TABLE telemetryProgress ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;
        """
}
