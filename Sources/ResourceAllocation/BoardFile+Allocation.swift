public import FleetModel

extension BoardFile {
    /// Share of the CPU time that stays free where neither the board nor a policy says it.
    public static let defaultReserve = 0.0

    /// What the policies in force for the board ask of its models, which interfere with each other.
    public func requests(for rules: [PolicySelection.Rule]) -> [AllocationRequest] {
        let names = models.map(\.name.rawValue)
        return rules.compactMap { rule in
            guard let model = models.first(where: { $0.name.rawValue == rule.model.model }) else { return nil }
            return AllocationRequest(
                policy: rule.model, points: model.points, framesPerSecond: model.framesPerSecond,
                slowdown: interference.slowdown(of: rule.model.model, beside: names), memoryBytes: model.memoryBytes)
        }
    }

    /// What the models may use together, under what board and policies reserve.
    public func budget(under policies: [Policy]) -> BoardBudget {
        BoardBudget(
            cores: cores, memoryBytes: memoryBytes, watts: watts,
            less: policies.reduce(reserve) { $0.joined(with: $1.reserve) }, cpuReserve: Self.defaultReserve)
    }
}
