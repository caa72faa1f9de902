import FleetStore

/// The tables. A migration that has been shipped is never edited; a change is a new one.
///
/// Names and keys compare byte by byte (`COLLATE "C"`), whatever the database's language is, so that lists are in the
/// order that every store gives them in.
enum PostgreSQLSchema {
    static let migrations: [(name: String, sql: String)] = [
        ("fleet", fleet), ("telemetry", telemetry), ("decisions", decisions), ("hookSharing", hookSharing),
        ("audit", audit), ("lease", lease), ("telemetryHours", telemetryHours),
        ("quarantine", quarantine), ("boardCare", boardCare), ("leader", leader), ("tokenLabels", tokenLabels),
        ("goodbye", goodbye),
    ]

    /// Applies what is missing, in one transaction under a lock, so that several coordinators may start at once.
    static func migrate(_ transaction: PostgreSQLTransaction, path: String) throws {
        try transaction.execute(
            """
            CREATE TABLE IF NOT EXISTS shoalMigration (
                number INTEGER NOT NULL PRIMARY KEY,
                name TEXT NOT NULL UNIQUE,
                appliedAt TIMESTAMPTZ NOT NULL DEFAULT now()
            )
            """)
        let applied = try transaction.rows("SELECT name FROM shoalMigration ORDER BY number").map { $0.text("name") }
        let known = migrations.map(\.name)
        guard applied.elementsEqual(known.prefix(applied.count)) else {
            throw FleetStoreFailure.newerSchema(path: path)
        }
        for (number, migration) in migrations.enumerated().dropFirst(applied.count) {
            try transaction.connection.run(migration.sql)
            try transaction.execute(
                "INSERT INTO shoalMigration (number, name) VALUES ($1, $2)", .count(number + 1),
                .text(migration.name))
        }
    }

    /// Those that a board must carry to enrol with the token, as JSON; NULL of tokens from before: none.
    private static let tokenLabels = "ALTER TABLE token ADD COLUMN labels TEXT"

    private static let fleet = """
        CREATE TABLE board (
            id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
            publicKey TEXT COLLATE "C" NOT NULL UNIQUE,
            description TEXT NOT NULL,
            enrolledAtMilliseconds BIGINT NOT NULL,
            lastSeenMilliseconds BIGINT NOT NULL,
            reportedGeneration BIGINT NOT NULL,
            incarnation BIGINT NOT NULL,
            revokedAtMilliseconds BIGINT
        );
        CREATE TABLE token (
            hash BYTEA NOT NULL PRIMARY KEY,
            expiresAtMilliseconds BIGINT NOT NULL,
            remainingUses BIGINT NOT NULL CHECK (remainingUses >= 0)
        );
        CREATE TABLE accessToken (
            name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
            hash BYTEA NOT NULL UNIQUE,
            role TEXT NOT NULL,
            createdAtMilliseconds BIGINT NOT NULL,
            createdBy TEXT NOT NULL,
            expiresAtMilliseconds BIGINT
        );
        CREATE TABLE policy (
            name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
            version BIGINT NOT NULL CHECK (version > 0),
            text TEXT NOT NULL,
            policy TEXT NOT NULL
        );
        CREATE TABLE assignment (
            board TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES board (id),
            generation BIGINT NOT NULL,
            assignment TEXT NOT NULL
        );
        CREATE TABLE event (
            id BIGINT NOT NULL PRIMARY KEY,
            kind TEXT NOT NULL,
            board TEXT,
            message TEXT NOT NULL,
            atMilliseconds BIGINT NOT NULL
        );
        """

    private static let telemetry = """
        CREATE TABLE telemetry (
            id BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            board TEXT COLLATE "C" NOT NULL REFERENCES board (id),
            incarnation BIGINT NOT NULL,
            sequence BIGINT NOT NULL,
            startMilliseconds BIGINT NOT NULL,
            durationMilliseconds BIGINT NOT NULL,
            generation BIGINT NOT NULL,
            receivedAtMilliseconds BIGINT NOT NULL,
            memoryBytes BIGINT NOT NULL,
            cpuLoad DOUBLE PRECISION,
            cpuFrequencyMegahertz DOUBLE PRECISION,
            temperatureCelsius DOUBLE PRECISION,
            droppedRecords BIGINT NOT NULL,
            UNIQUE (board, incarnation, sequence)
        );
        CREATE INDEX telemetryByTime ON telemetry (board, startMilliseconds, incarnation, sequence);
        CREATE INDEX telemetryByArrival ON telemetry (board, id);
        CREATE TABLE modelTelemetry (
            telemetry BIGINT NOT NULL REFERENCES telemetry (id) ON DELETE CASCADE,
            position BIGINT NOT NULL,
            model TEXT NOT NULL,
            frames BIGINT NOT NULL,
            dropped BIGINT NOT NULL,
            violations BIGINT NOT NULL,
            labelled BIGINT NOT NULL,
            correct BIGINT NOT NULL,
            switches BIGINT NOT NULL,
            activePoint BIGINT NOT NULL,
            p50Milliseconds DOUBLE PRECISION NOT NULL,
            p90Milliseconds DOUBLE PRECISION NOT NULL,
            p99Milliseconds DOUBLE PRECISION NOT NULL,
            constraintMilliseconds DOUBLE PRECISION NOT NULL,
            hooks TEXT,
            PRIMARY KEY (telemetry, position)
        );
        CREATE TABLE telemetryProgress (
            board TEXT COLLATE "C" NOT NULL REFERENCES board (id),
            incarnation BIGINT NOT NULL,
            contiguous BIGINT NOT NULL,
            passed BIGINT NOT NULL,
            dropped BIGINT NOT NULL,
            highest BIGINT NOT NULL,
            stored BIGINT NOT NULL,
            PRIMARY KEY (board, incarnation)
        );
        CREATE TABLE telemetryRows (
            board TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES board (id),
            rows BIGINT NOT NULL CHECK (rows >= 0)
        );
        """
}
