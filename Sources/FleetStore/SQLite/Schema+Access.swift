extension Schema {
    /// What people changed. Triggers keep this program from changing entries; that nobody else did is what hashes tell.
    /// Only what lies before the base may go.
    static let audit = """
        CREATE TABLE audit (
            number INTEGER NOT NULL PRIMARY KEY,
            atMilliseconds INTEGER NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            target TEXT NOT NULL,
            "before" TEXT,
            "after" TEXT,
            hash TEXT NOT NULL
        ) STRICT;
        CREATE TABLE auditMark (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            baseNumber INTEGER NOT NULL,
            baseHash TEXT NOT NULL,
            number INTEGER NOT NULL,
            hash TEXT NOT NULL
        ) STRICT;
        INSERT INTO auditMark VALUES (1, 0, printf('%064d', 0), 0, printf('%064d', 0));
        CREATE TRIGGER auditIsNotChanged BEFORE UPDATE ON audit BEGIN
            SELECT RAISE(ABORT, 'entries of the audit log are not changed');
        END;
        CREATE TRIGGER auditIsNotCut BEFORE DELETE ON audit
        WHEN OLD.number > (SELECT baseNumber FROM auditMark) BEGIN
            SELECT RAISE(ABORT, 'entries of the audit log are not removed');
        END;
        """

    /// Tokens of people and programs, known by their hash alone.
    static let access = """
        CREATE TABLE accessToken (
            name TEXT NOT NULL PRIMARY KEY,
            hash BLOB NOT NULL UNIQUE,
            role TEXT NOT NULL,
            createdAtMilliseconds INTEGER NOT NULL,
            createdBy TEXT NOT NULL,
            expiresAtMilliseconds INTEGER
        ) STRICT;
        """
}
