extension Schema {
    /// Boards that are to be left alone, since when their keys are theirs, and changes of keys (JSON) that go on.
    static let boardCare = """
        ALTER TABLE board ADD COLUMN drainedAtMilliseconds INTEGER;
        ALTER TABLE board ADD COLUMN keySinceMilliseconds INTEGER;
        ALTER TABLE board ADD COLUMN keyRotation TEXT;
        """

    /// Boards that said goodbye, and no hello since; of those from before it is not known.
    static let goodbye = "ALTER TABLE board ADD COLUMN hasLeft INTEGER NOT NULL DEFAULT 0"
}
