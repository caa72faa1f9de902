import FleetModel
import ResourceAllocation

/// What the policies in force mean for one board.
struct AssignmentPlan {
    /// In the order of model names; models without a policy are left as they are.
    let models: [ModelAssignment]
    /// Why the policies cannot all be met there; the least bad point is assigned all the same.
    let infeasible: [String]

    init(for board: BoardDescription, policies: [Policy], reserve: Double) {
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

extension TelemetryRecord {
    /// Whether a board in this state can have measured this; the codec has refused what no board can.
    func isPlausible(on state: BoardState) -> Bool {
        let points = Dictionary(uniqueKeysWithValues: state.board.models.map { ($0.name, $0.points.count) })
        return incarnation > 0 && incarnation <= state.incarnation && sequence > 0
            && models.allSatisfy { model in
                model.correct <= model.labelled && model.labelled <= model.frames && model.violations <= model.frames
                    && points[model.model].map { model.activePoint < $0 } ?? false
            }
    }
}
