extension String {
    /// The text, or as much of its beginning as leaves room for "..." within so many bytes of UTF-8.
    /// - Precondition: three bytes are allowed at least.
    public func cut(toBytes limit: Int) -> String {
        precondition(limit >= 3, "\(limit) bytes hold no sign of a cut")
        guard utf8.count > limit else { return self }
        var kept = prefix(limit)
        while kept.utf8.count > limit - 3 { kept.removeLast() }
        return kept + "..."
    }
}
