import GRDB

/// The tables. A migration that has been shipped is never edited; a change is a new one.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(sql: fleet)
            try database.execute(sql: telemetry)
        }
        // What hooks did, as JSON; NULL where a model has none.
        migrator.registerMigration("2") { database in
            try database.execute(sql: "ALTER TABLE modelTelemetry ADD COLUMN hooks TEXT")
        }
        migrator.registerMigration("search") { database in try database.execute(sql: search) }
        migrator.registerMigration("hookSharing") { try $0.execute(sql: hookSharing) }
        migrator.registerMigration("measuredSubnets") { try $0.execute(sql: measuredSubnets) }
        migrator.registerMigration("audit") { try $0.execute(sql: audit) }
        migrator.registerMigration("access") { try $0.execute(sql: access) }
        migrator.registerMigration("rollouts") { try $0.execute(sql: rollouts) }
        migrator.registerMigration("telemetryHours") { try $0.execute(sql: telemetryHours) }
        migrator.registerMigration("quarantine") { try $0.execute(sql: quarantine) }
        migrator.registerMigration("boardCare") { try $0.execute(sql: boardCare) }
        // Those that a board must carry to enrol with the token, as JSON; NULL of tokens from before: none.
        migrator.registerMigration("tokenLabels") { try $0.execute(sql: "ALTER TABLE token ADD COLUMN labels TEXT") }
        migrator.registerMigration("goodbye") { try $0.execute(sql: goodbye) }
        return migrator
    }

    private static let fleet = """
        CREATE TABLE board (
            id TEXT NOT NULL PRIMARY KEY,
            publicKey TEXT NOT NULL UNIQUE,
            description TEXT NOT NULL,
            enrolledAtMilliseconds INTEGER NOT NULL,
            lastSeenMilliseconds INTEGER NOT NULL,
            reportedGeneration INTEGER NOT NULL,
            incarnation INTEGER NOT NULL,
            revokedAtMilliseconds INTEGER
        ) STRICT;
        CREATE TABLE token (
            hash BLOB NOT NULL PRIMARY KEY,
            expiresAtMilliseconds INTEGER NOT NULL,
            remainingUses INTEGER NOT NULL CHECK (remainingUses >= 0)
        ) STRICT;
        CREATE TABLE policy (
            name TEXT NOT NULL PRIMARY KEY,
            version INTEGER NOT NULL CHECK (version > 0),
            text TEXT NOT NULL,
            policy TEXT NOT NULL
        ) STRICT;
        CREATE TABLE assignment (
            board TEXT NOT NULL PRIMARY KEY REFERENCES board (id),
            generation INTEGER NOT NULL,
            assignment TEXT NOT NULL
        ) STRICT;
        CREATE TABLE event (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            board TEXT,
            message TEXT NOT NULL,
            atMilliseconds INTEGER NOT NULL
        ) STRICT;
        """

    private static let telemetry = """
        CREATE TABLE telemetry (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            board TEXT NOT NULL REFERENCES board (id),
            incarnation INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            startMilliseconds INTEGER NOT NULL,
            durationMilliseconds INTEGER NOT NULL,
            generation INTEGER NOT NULL,
            receivedAtMilliseconds INTEGER NOT NULL,
            memoryBytes INTEGER NOT NULL,
            cpuLoad REAL,
            cpuFrequencyMegahertz REAL,
            temperatureCelsius REAL,
            droppedRecords INTEGER NOT NULL,
            UNIQUE (board, incarnation, sequence)
        ) STRICT;
        CREATE INDEX telemetryByTime ON telemetry (board, startMilliseconds, incarnation, sequence);
        CREATE INDEX telemetryByArrival ON telemetry (board, id);
        CREATE TABLE modelTelemetry (
            telemetry INTEGER NOT NULL REFERENCES telemetry (id) ON DELETE CASCADE,
            position INTEGER NOT NULL,
            model TEXT NOT NULL,
            frames INTEGER NOT NULL,
            dropped INTEGER NOT NULL,
            violations INTEGER NOT NULL,
            labelled INTEGER NOT NULL,
            correct INTEGER NOT NULL,
            switches INTEGER NOT NULL,
            activePoint INTEGER NOT NULL,
            p50Milliseconds REAL NOT NULL,
            p90Milliseconds REAL NOT NULL,
            p99Milliseconds REAL NOT NULL,
            constraintMilliseconds REAL NOT NULL,
            PRIMARY KEY (telemetry, position)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE telemetryProgress (
            board TEXT NOT NULL REFERENCES board (id),
            incarnation INTEGER NOT NULL,
            contiguous INTEGER NOT NULL,
            passed INTEGER NOT NULL,
            dropped INTEGER NOT NULL,
            highest INTEGER NOT NULL,
            stored INTEGER NOT NULL,
            PRIMARY KEY (board, incarnation)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE telemetryRows (
            board TEXT NOT NULL PRIMARY KEY REFERENCES board (id),
            rows INTEGER NOT NULL CHECK (rows >= 0)
        ) STRICT, WITHOUT ROWID;
        """

    /// Boards from which nothing is learned.
    private static let quarantine = """
        CREATE TABLE quarantine (
            board TEXT NOT NULL PRIMARY KEY REFERENCES board (id),
            record TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    /// A subnet measured again replaces what was measured of it before.
    private static let measuredSubnets = """
        CREATE TABLE measuredSubnet (
            board TEXT NOT NULL,
            supernetSHA256 TEXT NOT NULL,
            configuration TEXT NOT NULL,
            atMilliseconds INTEGER NOT NULL,
            measurement TEXT NOT NULL,
            PRIMARY KEY (board, supernetSHA256, configuration)
        ) STRICT;
        CREATE INDEX measuredSubnetByTime ON measuredSubnet (atMilliseconds);
        """

    private static let search = """
        CREATE TABLE search (
            name TEXT NOT NULL PRIMARY KEY,
            number INTEGER NOT NULL UNIQUE,
            state TEXT NOT NULL,
            record TEXT NOT NULL
        ) STRICT;
        """
}
