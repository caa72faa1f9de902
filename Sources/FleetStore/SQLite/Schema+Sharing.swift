extension Schema {
    /// Gates that boards learn together. A row of `hookUpdate` is a board's last update; without `delta` it was merged.
    static let hookSharing = """
        CREATE TABLE hookGroup (
            key TEXT NOT NULL PRIMARY KEY,
            state TEXT NOT NULL
        ) STRICT;
        CREATE TABLE hookVersion (
            "group" TEXT NOT NULL REFERENCES hookGroup (key),
            number INTEGER NOT NULL,
            parent INTEGER NOT NULL,
            "values" BLOB NOT NULL,
            provenance TEXT NOT NULL,
            PRIMARY KEY ("group", number)
        ) STRICT;
        CREATE TABLE hookUpdate (
            "group" TEXT NOT NULL REFERENCES hookGroup (key),
            board TEXT NOT NULL,
            number INTEGER NOT NULL,
            baseVersion INTEGER NOT NULL,
            samples INTEGER NOT NULL,
            loss REAL NOT NULL,
            arrivedAtMilliseconds INTEGER NOT NULL,
            delta BLOB,
            PRIMARY KEY ("group", board)
        ) STRICT;
        """
}
