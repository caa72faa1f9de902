/// Whether anything can hold models to a policy's limits and reserves of memory and energy.
enum PolicyDemandCheck {
    private struct Limit {
        let field: String
        /// Of a point's demand, in the sentence.
        let stated: String
        /// What the policy asks, in the sentence.
        let text: String
        let demand: (PointDemand) -> Double
    }

    /// A limit is kept by choosing points that ask for no more; a point that states no demand asks for nothing, so
    /// that all limits are met. Where no point of the model states any on a selected board, that is warned about.
    static func findings(for policy: Policy, on selected: [BoardDescription]) -> [PolicyFinding] {
        policy.models.enumerated().flatMap { index, model in
            let boards = selected.compactMap { board in
                board.models.first { $0.name.rawValue == model.model }.map { (name: board.id.rawValue, model: $0) }
            }
            return limits(of: model).compactMap { limit -> PolicyFinding? in
                let silent = boards.filter { !states(limit.demand, $0.model) }.map(\.name)
                return reason(limit, "it", silent, of: boards.count).map { reason in
                    PolicyFinding(
                        severity: .warning, model: model.model, field: "spec.models[\(index)].\(limit.field)",
                        reason: "model \(model.model): \(reason)")
                }
            }
        }
    }

    /// A reserve is kept by what the ruled models of a board ask for together. Where no point of any of them states a
    /// demand, on a board that has something to reserve, that is warned about, too.
    static func findings(
        forReserveOf policy: Policy, on selected: [BoardDescription], others: [Policy]
    ) -> [PolicyFinding] {
        guard let reserve = policy.reserve else { return [] }
        let others = others.filter { $0.name != policy.name }
        let always = others.filter { $0.isInForce(whenever: policy) }
        return limits(of: reserve).compactMap { limit, has -> PolicyFinding? in
            let boards = selected.filter(has).compactMap { board -> (name: String, states: Bool)? in
                // A policy's reserve counts where it rules a model, and binds all models that are ruled there.
                let rules = PolicySelection.rules(for: board, policies: always + [policy])
                guard rules.contains(where: { $0.policy == policy.name }) else { return nil }
                let ruled = Set(PolicySelection.rules(for: board, policies: others + [policy]).map(\.model.model))
                let models = board.models.filter { ruled.contains($0.name.rawValue) }
                return (board.id.rawValue, models.contains { states(limit.demand, $0) })
            }
            let silent = boards.filter { !$0.states }.map(\.name)
            return reason(limit, "any ruled model", silent, of: boards.count).map { reason in
                PolicyFinding(
                    severity: .warning, model: nil, field: "spec.reserve.\(limit.field)",
                    reason: "policy \(policy.name): \(reason)")
            }
        }
    }

    private static func reason(_ limit: Limit, _ owner: String, _ silent: [String], of count: Int) -> String? {
        guard let first = silent.min() else { return nil }
        let place =
            silent.count == count
            ? "no point of \(owner) on a board that the policy selects states"
            : "on \(silent.count) of the \(count) boards that the policy selects, \(first) first, no "
                + "point of \(owner) states"
        return "\(place) demand.\(limit.stated), so that \(limit.text) binds nothing there"
    }

    /// Those asked for, with the boards that have something of it.
    private static func limits(of reserve: BoardReserve) -> [(Limit, has: (BoardDescription) -> Bool)] {
        var limits: [(Limit, has: (BoardDescription) -> Bool)] = []
        if reserve.memoryBytes > 0 {
            let text = "the reserve of \(reserve.memoryBytes) bytes"
            let limit = Limit(field: "memoryBytes", stated: "memoryBytes", text: text) { Double($0.memoryBytes) }
            limits.append((limit, { $0.memoryBytes > 0 }))
        }
        if reserve.watts > 0 {
            let text = "the reserve of \(Figure.shown(reserve.watts, places: 3)) W"
            let limit = Limit(field: "watts", stated: "energyMillijoules", text: text) { $0.energyMillijoules }
            limits.append((limit, { $0.watts != nil }))
        }
        return limits
    }

    private static func limits(of model: ModelPolicy) -> [Limit] {
        let memory = model.memoryBytes.map { limit in
            Limit(field: "memoryBytes", stated: "memoryBytes", text: "the limit of \(limit) bytes") {
                Double($0.memoryBytes)
            }
        }
        let energy = model.energyMillijoules.map { limit in
            Limit(
                field: "energyMillijoules", stated: "energyMillijoules",
                text: "the limit of \(Figure.shown(limit)) mJ"
            ) { $0.energyMillijoules }
        }
        return [memory, energy].compactMap(\.self)
    }

    private static func states(_ demand: (PointDemand) -> Double, _ model: DeployedModel) -> Bool {
        model.points.contains { point in point.demand.map { demand($0) > 0 } ?? false }
    }
}
