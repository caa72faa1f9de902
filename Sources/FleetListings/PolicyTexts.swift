public import AdminAPI

extension PolicyWithdrawal {
    /// As `shoal delete policy` says it.
    public var text: String {
        let models = changes.map { change in
            let names = change.models.map { "\($0.model)\($0.after == nil ? " without a policy" : "")" }
            let worse = change.infeasible.map { ", cannot meet: \($0)" }.joined()
            return "\n  \(change.board): \(names.joined(separator: ", "))\(worse)"
        }
        let more = changedBoards > changes.count ? "\n  and \(changedBoards - changes.count) more" : ""
        return "policy \(policy) version \(version) \(dryRun ? "would be" : "is") withdrawn; "
            + "\(changedBoards) of the \(boards.count) boards that it selected \(dryRun ? "would change" : "change")"
            + models.joined() + more
    }
}

extension ApplyResult {
    /// As `shoal apply` says it.
    public var text: String {
        let state = isUnchanged ? "is unchanged, version" : dryRun ? "would be version" : "is version"
        return "policy \(policy) \(state) \(version) on \(boards.count) boards: " + boards.joined(separator: ", ")
    }
}

extension PolicyView {
    /// As `shoal describe policy` says it.
    public var details: String {
        "policy \(name), version \(version), boards: \(boards.joined(separator: ", "))\n\n\(text)"
    }
}
