extension PostgreSQLSchema {
    /// Sums of windows by the hour, how many of them there are, and up to where an incarnation's records were removed.
    /// The windows that are there are added up once; of those that were removed before nothing is known.
    static let telemetryHours = """
        CREATE TABLE telemetryHour (
            board TEXT COLLATE "C" NOT NULL REFERENCES board (id),
            model TEXT COLLATE "C" NOT NULL,
            startMilliseconds BIGINT NOT NULL,
            windows BIGINT NOT NULL,
            frames BIGINT NOT NULL,
            dropped BIGINT NOT NULL,
            violations BIGINT NOT NULL,
            labelled BIGINT NOT NULL,
            correct BIGINT NOT NULL,
            switches BIGINT NOT NULL,
            p99Milliseconds DOUBLE PRECISION NOT NULL,
            coveredMilliseconds BIGINT NOT NULL,
            PRIMARY KEY (board, model, startMilliseconds)
        );
        CREATE TABLE telemetryHourCount (
            board TEXT COLLATE "C" NOT NULL REFERENCES board (id),
            model TEXT COLLATE "C" NOT NULL,
            hours BIGINT NOT NULL CHECK (hours >= 0),
            PRIMARY KEY (board, model)
        );
        INSERT INTO telemetryHour
        SELECT telemetry.board, measured.model, startMilliseconds - startMilliseconds % 3600000, count(*),
            sum(measured.frames), sum(measured.dropped), sum(least(measured.violations, measured.frames)),
            sum(measured.labelled), sum(measured.correct), sum(measured.switches), max(measured.p99Milliseconds),
            sum(durationMilliseconds)
        FROM telemetry JOIN modelTelemetry AS measured ON measured.telemetry = telemetry.id
        GROUP BY 1, 2, 3;
        INSERT INTO telemetryHourCount SELECT board, model, count(*) FROM telemetryHour GROUP BY board, model;
        ALTER TABLE telemetryProgress ADD COLUMN removed BIGINT NOT NULL DEFAULT 0;
        """
}
