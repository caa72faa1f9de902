/// What a person asks of a rollout: in which groups boards get the new version, and when that goes on, waits or is
/// taken back. Written as YAML, see `RolloutFile`; the rules are hawkBit's, the gates are not.
public struct RolloutPlan: Equatable, Codable, Sendable {
    public var name: String
    /// In the order in which they get the new version; what no rule takes is the last group.
    public var groups: [RolloutGroupRule]
    /// Share of a group's boards, those that are away left out, that must have the new version before it is watched
    /// and the next group may start; above 0, at most 1.
    public var successThreshold: Double
    /// Share of a group's boards whose failure stops the rollout; above 0, at most 1. One board is never below it
    /// where a group has fewer boards than its inverse.
    public var errorThreshold: Double
    /// Whether a second person must agree before the first group.
    public var needsApproval: Bool
    /// In which boards get the new version; `nil` is always. Boards are returned at any time.
    public var windows: [PolicyWindow]?
    /// For how long a group is watched once it has the new version.
    public var soakSeconds: Int
    /// How long a board may take, and how long boards that are away are waited for, in each group.
    public var waitSeconds: Int
    public var gates: RolloutGates

    public init(
        name: String, groups: [RolloutGroupRule] = [], successThreshold: Double = 1, errorThreshold: Double = 0.1,
        needsApproval: Bool = false, windows: [PolicyWindow]? = nil, soakSeconds: Int = 300, waitSeconds: Int = 600,
        gates: RolloutGates = RolloutGates()
    ) {
        self.name = name
        self.groups = groups
        self.successThreshold = successThreshold
        self.errorThreshold = errorThreshold
        self.needsApproval = needsApproval
        self.windows = windows
        self.soakSeconds = soakSeconds
        self.waitSeconds = waitSeconds
        self.gates = gates
    }

    public func isOpen(atMilliseconds now: UInt64) -> Bool {
        windows?.contains { $0.contains(secondsSince1970: Int64(clamping: now / 1_000)) } ?? true
    }
}

/// Which boards a group takes of those that no group before it took.
public enum RolloutGroupRule: Equatable, Codable, Sendable {
    case boards(Int)
    /// Of all boards of the rollout, above 0, at most 100; rounded up.
    case percent(Double)
    /// That carry all these labels.
    case selector([String: String])
}

extension RolloutGroupRule {
    /// Boards in groups, in the order of the rules and, within a group, of names; groups without a board are left out.
    public static func groups(
        of boards: [(id: BoardID, labels: [String: String])], by rules: [RolloutGroupRule]
    ) -> [[BoardID]] {
        var left = boards.sorted { $0.id < $1.id }
        var groups: [[BoardID]] = []
        for rule in rules {
            let taken: [BoardID]
            switch rule {
            case .boards(let count): taken = left.prefix(max(0, count)).map(\.id)
            case .percent(let percent):
                let count = (Double(boards.count) * percent / 100).rounded(.up)
                taken = left.prefix(max(0, Int(count))).map(\.id)
            case .selector(let labels):
                taken = left.filter { board in labels.allSatisfy { board.labels[$0.key] == $0.value } }.map(\.id)
            }
            let gone = Set(taken)
            left.removeAll { gone.contains($0.id) }
            groups.append(taken)
        }
        return (groups + [left.map(\.id)]).filter { !$0.isEmpty }
    }
}

/// What a group must keep, measured against its own past. `nil` does not ask.
///
/// Each board is compared with itself: only boards that measured on both sides count, with the same weight (the fewer
/// frames of the two sides), so that neither a slow board that came late nor a busy one that left shifts the mean.
public struct RolloutGates: Equatable, Codable, Sendable {
    /// Of the past that is compared with: before the group's start.
    public var pastSeconds: Int
    /// Of a model in the group, on either side, before there is a verdict on it.
    public var leastFrames: Int
    /// By how much the mean accuracy of the active points may fall, 0...1.
    public var accuracyDrop: Double?
    /// By how much the share of frames within the constraint may fall, 0...1.
    public var attainmentDrop: Double?
    /// Times the median latency of before.
    public var p50Ratio: Double?
    /// Times the 99th percentile of before.
    public var p99Ratio: Double?
    /// Starts of the agent beyond those that the past lets expect, on average over the group's boards.
    public var restartsPerBoard: Double?

    public init(
        pastSeconds: Int = 600, leastFrames: Int = 200, accuracyDrop: Double? = nil, attainmentDrop: Double? = nil,
        p50Ratio: Double? = nil, p99Ratio: Double? = nil, restartsPerBoard: Double? = nil
    ) {
        self.pastSeconds = pastSeconds
        self.leastFrames = leastFrames
        self.accuracyDrop = accuracyDrop
        self.attainmentDrop = attainmentDrop
        self.p50Ratio = p50Ratio
        self.p99Ratio = p99Ratio
        self.restartsPerBoard = restartsPerBoard
    }

    public var isEmpty: Bool {
        [accuracyDrop, attainmentDrop, p50Ratio, p99Ratio, restartsPerBoard].allSatisfy { $0 == nil }
    }
}
