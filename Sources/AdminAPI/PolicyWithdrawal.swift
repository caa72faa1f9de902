/// A policy that is taken back, or would be: boards return to the policies that remain, or to themselves.
public struct PolicyWithdrawal: Codable, Equatable, Sendable {
    public var policy: String
    /// That it had.
    public var version: Int
    public var dryRun: Bool
    /// Boards that it selected.
    public var boards: [String]
    /// How many are told something else.
    public var changedBoards: Int
    /// Of these the first by name, at most `PolicyPreview.boardLimit`.
    public var changes: [PolicyPreview.Change]

    public init(
        policy: String, version: Int, dryRun: Bool, boards: [String], changedBoards: Int,
        changes: [PolicyPreview.Change]
    ) {
        (self.policy, self.version, self.dryRun) = (policy, version, dryRun)
        (self.boards, self.changedBoards, self.changes) = (boards, changedBoards, changes)
    }
}

extension Schema {
    static var withdrawals: [String: Schema] {
        [
            "PolicyWithdrawal": .object([
                "policy": .string, "version": .integer, "dryRun": .boolean, "boards": .array(.string),
                "changedBoards": .integer, "changes": .array(.reference("PolicyChange")),
            ])
        ]
    }
}
