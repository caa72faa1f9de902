extension Session {
    /// The vector that the plan's last layer read in the session's last run: the pooled features of a classifier.
    /// - Returns: `nil` where the last operation reads a map, or the plan needs a larger arena.
    public func features(of plan: Plan) -> UnsafeBufferPointer<Float>? {
        guard let last = plan.operations.last, last.input.pixels == 1, plan.arenaCount <= arena.count else {
            return nil
        }
        return UnsafeBufferPointer(start: arena.base + last.inputOffset, count: last.input.channels)
    }
}
