extension PostgreSQLSchema {
    /// Searches, what boards measured for them, and rollouts. A configuration is too long to be part of a key; its sum
    /// is in its place. That there is one row for each is the rule of the one method that writes them.
    static let decisions = """
        CREATE TABLE search (
            name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
            number BIGINT NOT NULL UNIQUE,
            state TEXT NOT NULL,
            record TEXT NOT NULL
        );
        CREATE TABLE measuredSubnet (
            id BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            board TEXT NOT NULL,
            supernetSHA256 TEXT NOT NULL,
            configuration TEXT NOT NULL,
            atMilliseconds BIGINT NOT NULL,
            measurement TEXT NOT NULL
        );
        CREATE INDEX measuredSubnetByWhat ON measuredSubnet (board, supernetSHA256, md5(configuration));
        CREATE INDEX measuredSubnetByTime ON measuredSubnet (atMilliseconds, id);
        CREATE TABLE rollout (
            name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
            number BIGINT NOT NULL UNIQUE,
            isOver BOOLEAN NOT NULL,
            record TEXT NOT NULL
        );
        CREATE TABLE rolloutBoard (
            rollout TEXT COLLATE "C" NOT NULL REFERENCES rollout (name) ON DELETE CASCADE,
            board TEXT COLLATE "C" NOT NULL,
            record TEXT NOT NULL,
            PRIMARY KEY (rollout, board)
        );
        """

    /// Gates that boards learn together. A row of `hookUpdate` is a board's last update; without `delta` it was merged.
    static let hookSharing = """
        CREATE TABLE hookGroup (
            key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
            state TEXT NOT NULL
        );
        CREATE TABLE hookVersion (
            hookGroup TEXT COLLATE "C" NOT NULL REFERENCES hookGroup (key),
            number BIGINT NOT NULL,
            parent BIGINT NOT NULL,
            parameters BYTEA NOT NULL,
            provenance TEXT NOT NULL,
            PRIMARY KEY (hookGroup, number)
        );
        CREATE TABLE hookUpdate (
            hookGroup TEXT COLLATE "C" NOT NULL REFERENCES hookGroup (key),
            board TEXT COLLATE "C" NOT NULL,
            number BIGINT NOT NULL,
            baseVersion BIGINT NOT NULL,
            samples BIGINT NOT NULL,
            loss DOUBLE PRECISION NOT NULL,
            arrivedAtMilliseconds BIGINT NOT NULL,
            delta BYTEA,
            PRIMARY KEY (hookGroup, board)
        );
        """

    /// What people changed. Triggers keep this program from changing entries; that nobody else did is what hashes tell.
    /// Only what lies before the base may go.
    static let audit = """
        CREATE TABLE audit (
            number BIGINT NOT NULL PRIMARY KEY,
            atMilliseconds BIGINT NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            target TEXT NOT NULL,
            before TEXT,
            after TEXT,
            hash TEXT NOT NULL
        );
        CREATE TABLE auditMark (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            baseNumber BIGINT NOT NULL,
            baseHash TEXT NOT NULL,
            number BIGINT NOT NULL,
            hash TEXT NOT NULL
        );
        INSERT INTO auditMark VALUES (1, 0, repeat('0', 64), 0, repeat('0', 64));
        CREATE FUNCTION refuseAuditChange() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'entries of the audit log are neither changed nor removed';
        END $$;
        CREATE FUNCTION keepAudit() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.number > (SELECT baseNumber FROM auditMark) THEN
                RAISE EXCEPTION 'entries of the audit log are not removed';
            END IF;
            RETURN OLD;
        END $$;
        CREATE TRIGGER auditIsNotChanged BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION refuseAuditChange();
        CREATE TRIGGER auditIsNotCut BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION keepAudit();
        CREATE TRIGGER auditIsNotEmptied BEFORE TRUNCATE ON audit EXECUTE FUNCTION refuseAuditChange();
        """

    /// Rises each time that a coordinator takes the fleet over.
    static let lease = """
        CREATE TABLE lease (
            one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
            epoch BIGINT NOT NULL
        );
        INSERT INTO lease VALUES (1, 0);
        """
}
