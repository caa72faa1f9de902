extension Schema {
    /// A rollout without its boards, which have rows of their own: only those that changed are written.
    static let rollouts = """
        CREATE TABLE rollout (
            name TEXT NOT NULL PRIMARY KEY,
            number INTEGER NOT NULL UNIQUE,
            isOver INTEGER NOT NULL,
            record TEXT NOT NULL
        ) STRICT;
        CREATE TABLE rolloutBoard (
            rollout TEXT NOT NULL REFERENCES rollout (name) ON DELETE CASCADE,
            board TEXT NOT NULL,
            record TEXT NOT NULL,
            PRIMARY KEY (rollout, board)
        ) STRICT, WITHOUT ROWID;
        """
}
