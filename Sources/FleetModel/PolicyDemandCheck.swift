/// Whether anything can hold a model to a policy's limits on memory and energy.
enum PolicyDemandCheck {
    private struct Limit {
        let field: String
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
                let silent = boards.filter { !states(limit.demand, $0.model) }.map(\.name).sorted()
                guard let first = silent.first else { return nil }
                let place =
                    silent.count == boards.count
                    ? "no point of it on a board that the policy selects states"
                    : "on \(silent.count) of the \(boards.count) boards that the policy selects, \(first) first, no "
                        + "point of it states"
                return PolicyFinding(
                    severity: .warning, model: model.model, field: "spec.models[\(index)].\(limit.field)",
                    reason: "model \(model.model): \(place) demand.\(limit.field), so that \(limit.text) binds nothing "
                        + "there")
            }
        }
    }

    private static func limits(of model: ModelPolicy) -> [Limit] {
        let memory = model.memoryBytes.map { limit in
            Limit(field: "memoryBytes", text: "the limit of \(limit) bytes") { Double($0.memoryBytes) }
        }
        let energy = model.energyMillijoules.map { limit in
            Limit(
                field: "energyMillijoules", text: "the limit of \(Figure.shown(limit)) mJ"
            ) { $0.energyMillijoules }
        }
        return [memory, energy].compactMap(\.self)
    }

    private static func states(_ demand: (PointDemand) -> Double, _ model: DeployedModel) -> Bool {
        model.points.contains { point in point.demand.map { demand($0) > 0 } ?? false }
    }
}
