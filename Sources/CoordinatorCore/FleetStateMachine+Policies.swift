public import FleetModel

/// The policies as boards should know them: those of all boards, and those of boards that try others.
public struct PolicySets: Equatable, Sendable {
    public var everywhere: [Policy]
    /// No board is in two.
    public var trials: [Trial]

    public struct Trial: Equatable, Sendable {
        /// All that rule these boards, with those that they try.
        public var policies: [Policy]
        public var boards: Set<BoardID>

        public init(_ policies: [Policy], boards: Set<BoardID>) { (self.policies, self.boards) = (policies, boards) }
    }

    public init(everywhere: [Policy], trials: [Trial] = []) { (self.everywhere, self.trials) = (everywhere, trials) }

    /// Models that a policy names, for any board.
    public var models: Set<ModelName> {
        Set(([everywhere] + trials.map(\.policies)).joined().flatMap { $0.models.compactMap { ModelName($0.model) } })
    }

    /// Whole, with what they say of other models.
    public func policies(naming model: ModelName, of policies: [Policy]) -> [Policy] {
        policies.filter { policy in policy.models.contains { $0.model == model.rawValue } }
    }
}

extension FleetStateMachine {
    /// Whether in force now or not: boards look at the clock themselves while they are alone.
    public var policySets: PolicySets {
        var trying: [BoardID: [Int]] = [:]
        for (index, trial) in trials.enumerated() {
            for board in trial.boards { trying[board, default: []].append(index) }
        }
        let groups = Dictionary(grouping: trying.keys) { trying[$0] ?? [] }
        return PolicySets(
            everywhere: policies,
            trials: groups.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { indices, boards in
                let tried = indices.map { trials[$0].policy }
                let names = Set(tried.map(\.name))
                return .init(policies.filter { !names.contains($0.name) } + tried, boards: Set(boards))
            })
    }
}
