public import FleetModel

/// What the policies in force mean for one board: who rules which model, what is asked of the models, and what they may
/// use together. The coordinator and `shoal allocate` both decide by this.
///
/// Of reserves those of policies that rule a model on the board count, with the board's own; the larger of each kind.
public struct BoardRules: Equatable, Sendable {
    public var rules: [PolicySelection.Rule]
    public var requests: [AllocationRequest]
    public var budget: BoardBudget

    /// A board of a fleet. One that says nothing of its memory or power sets no limit to them.
    /// - Parameters:
    ///   - policies: in force now.
    ///   - interference: what its models cost each other.
    ///   - reserve: share of the CPU time that stays free where no policy says it.
    public init(
        for board: BoardDescription, policies: [Policy], interference: Interference,
        reserve: Double = BoardBudget.usualReserve
    ) {
        self.init(
            board, memoryBytes: board.memoryBytes == 0 ? nil : board.memoryBytes, modelBytes: [:], policies,
            interference,
            own: BoardReserve(), reserve)
    }

    /// A board as a file describes it: what neither it nor a policy keeps back, the models may have.
    public init(for board: BoardFile, policies: [Policy], reserve: Double = 0) {
        let bytes = board.models.map { ($0.name.rawValue, $0.memoryBytes) }
        self.init(
            board.description, memoryBytes: board.memoryBytes,
            modelBytes: Dictionary(bytes, uniquingKeysWith: { first, _ in first }), policies, board.interference,
            own: board.reserve, reserve)
    }

    private init(
        _ board: BoardDescription, memoryBytes: UInt64?, modelBytes: [String: UInt64], _ policies: [Policy],
        _ interference: Interference, own: BoardReserve, _ reserve: Double
    ) {
        let rules = PolicySelection.rules(for: board, policies: policies)
        let names = board.models.map(\.name.rawValue)
        requests = rules.compactMap { rule in
            guard let model = board.models.first(where: { $0.name.rawValue == rule.model.model }) else { return nil }
            return AllocationRequest(
                policy: rule.model, points: model.points, framesPerSecond: model.framesPerSecond,
                slowdown: interference.slowdown(of: rule.model.model, beside: names),
                memoryBytes: modelBytes[rule.model.model] ?? 0)
        }
        let ruling = Set(rules.map(\.policy))
        let kept = policies.filter { ruling.contains($0.name) }.reduce(own) { $0.joined(with: $1.reserve) }
        budget = BoardBudget(
            cores: board.cores, memoryBytes: memoryBytes, watts: board.watts, less: kept, cpuReserve: reserve)
        self.rules = rules
    }
}
