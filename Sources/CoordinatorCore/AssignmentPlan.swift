import FleetModel
import ResourceAllocation

/// What the policies in force mean for one board.
struct AssignmentPlan {
    /// In the order of model names; models without a policy are left as they are.
    let models: [ModelAssignment]
    /// Why the policies cannot all be met there; the least bad point is assigned all the same.
    let infeasible: [String]

    init(for board: BoardDescription, policies: [Policy], reserve: Double) {
        do {
            try board.validate()
        } catch {
            (models, infeasible) = ([], ["the board's description cannot be used: \(error)"])
            return
        }
        let rules = PolicySelection.rules(for: board, policies: policies)
        let requests = rules.compactMap { rule -> AllocationRequest? in
            guard let model = board.models.first(where: { $0.name.rawValue == rule.model.model }) else { return nil }
            return AllocationRequest(
                policy: rule.model, points: model.points, framesPerSecond: model.framesPerSecond)
        }
        let allocation = Allocator.allocate(requests, within: CPUBudget(cores: board.cores, reserve: reserve))
        models = allocation.models.compactMap { share in
            guard let rule = rules.first(where: { $0.model.model == share.model }) else { return nil }
            return ModelAssignment(
                model: share.model, latency: rule.model.latency, lowestPoint: share.lowestPoint,
                highestPoint: share.highestPoint, preferredPoint: share.preferredPoint, priority: rule.model.priority)
        }
        infeasible = allocation.infeasible.map(\.description)
    }
}
