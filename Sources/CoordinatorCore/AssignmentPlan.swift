import FleetModel
import ResourceAllocation

/// What the policies in force mean for one board.
struct AssignmentPlan {
    /// In the order of model names; models without a policy are left as they are.
    let models: [ModelAssignment]
    /// Why the policies cannot all be met there; the least bad point is assigned all the same.
    let infeasible: [String]

    /// What the board ran under the same policies when it described itself last.
    struct Previous {
        let board: BoardDescription
        let models: [ModelAssignment]
    }

    /// - Parameters:
    ///   - reserve: Share of the CPU time that stays free where no policy says it.
    ///   - interference: What its models cost each other.
    ///   - previous: `nil` where more has changed than measurements, so that nothing is kept for its own sake.
    init(
        for board: BoardDescription, policies: [Policy], reserve: Double, interference: Interference,
        previous: Previous? = nil
    ) {
        do {
            try board.validate()
        } catch {
            (models, infeasible) = ([], ["the board's description cannot be used: \(error)"])
            return
        }
        let ruled = BoardRules(for: board, policies: policies, interference: interference, reserve: reserve)
        let rules = ruled.rules
        let allocation = Allocator.allocate(
            ruled.requests, within: ruled.budget, keeping: previous.map { Self.incumbents($0, on: board, rules) } ?? [:]
        )
        models = allocation.models.compactMap { share in
            guard let rule = rules.first(where: { $0.model.model == share.model }) else { return nil }
            let policy = policies.first { $0.name == rule.policy }
            return ModelAssignment(
                model: share.model, latency: rule.model.latency, lowestPoint: share.lowestPoint,
                highestPoint: share.highestPoint, preferredPoint: share.preferredPoint, priority: rule.model.priority,
                switchesPerMinute: policy?.switchesPerMinute, cpuShare: rule.model.cpuShare)
        }
        infeasible = allocation.infeasible.map(\.description)
    }

    /// Assignments of models that are asked the same and whose points are the same subnets; only figures may differ.
    private static func incumbents(
        _ previous: Previous, on board: BoardDescription, _ rules: [PolicySelection.Rule]
    ) -> [String: Allocator.Incumbent] {
        var incumbents: [String: Allocator.Incumbent] = [:]
        for model in previous.models {
            guard let old = previous.board.models.first(where: { $0.name.rawValue == model.model }),
                let new = board.models.first(where: { $0.name == old.name }),
                old.points.map(\.configuration) == new.points.map(\.configuration),
                let rule = rules.first(where: { $0.model.model == model.model })?.model,
                rule.latency == model.latency, rule.priority == model.priority,
                old.framesPerSecond == new.framesPerSecond, old.points.indices.contains(model.highestPoint),
                (model.lowestPoint...model.highestPoint).contains(model.preferredPoint)
            else { continue }
            incumbents[model.model] = Allocator.Incumbent(
                envelope: model.lowestPoint...model.highestPoint, preferredPoint: model.preferredPoint)
        }
        return incumbents
    }
}
