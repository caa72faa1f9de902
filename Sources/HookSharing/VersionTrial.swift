public import FleetModel

/// How far a version that was merged and judged has come among the boards of its group: it is given to some of them
/// first, and to the next while the ones before do no worse than in their own past.
public struct VersionTrial: Equatable, Codable, Sendable {
    public var version: UInt64
    /// What boards have that are not reached yet, and what all go back to.
    public var before: UInt64
    /// Boards in the order in which they are reached; those that join later are with the last.
    public var groups: [[BoardID]]
    /// The group that is watched now; all before it use the version.
    public var current: Int

    public init(version: UInt64, before: UInt64, groups: [[BoardID]]) {
        (self.version, self.before, self.groups, current) = (version, before, groups, 0)
    }

    /// What the board is to use.
    public func target(of board: BoardID) -> UInt64 {
        groups.prefix(current + 1).contains { $0.contains(board) } ? version : before
    }

    /// The boards of the group that is watched.
    public var watched: [BoardID] { groups.indices.contains(current) ? groups[current] : [] }
    public var isLast: Bool { current + 1 >= groups.count }

    /// A tenth of the boards at first, then a half of all, then the others; at least one each.
    /// - Parameter boards: in the order in which they are reached.
    public static func groups(of boards: [BoardID]) -> [[BoardID]] {
        var groups: [[BoardID]] = []
        var taken = 0
        for share in [0.1, 0.5, 1] where taken < boards.count {
            let end = max(taken + 1, Int((share * Double(boards.count)).rounded(.up)))
            groups.append(Array(boards[taken..<min(end, boards.count)]))
            taken = min(end, boards.count)
        }
        return groups
    }
}
