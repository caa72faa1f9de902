public import FleetModel

/// What the policies in force mean for one board.
public struct AssignmentPlan: Sendable {
    /// In the order of model names; models without a policy are left as they are.
    public let models: [ModelAssignment]
    /// What the policies ask that cannot be met there; the least bad point is assigned all the same.
    public let unmet: [Unmet]
    /// The same in sentences.
    public var infeasible: [String] { unmet.map(\.reason) }

    public struct Unmet: Equatable, Sendable {
        /// `nil` when it concerns all models together.
        public let model: String?
        public let reason: String
    }

    /// What the board ran under the same policies when it described itself last.
    public struct Previous: Sendable {
        let board: BoardDescription
        let models: [ModelAssignment]

        public init(board: BoardDescription, models: [ModelAssignment]) { (self.board, self.models) = (board, models) }
    }

    /// - Parameters:
    ///   - reserve: Share of the CPU time that stays free where no policy says it.
    ///   - interference: What its models cost each other.
    ///   - previous: `nil` where more has changed than measurements, so that nothing is kept for its own sake.
    public init(
        for board: BoardDescription, policies: [Policy], reserve: Double, interference: Interference,
        previous: Previous? = nil
    ) {
        do {
            try board.validate()
        } catch {
            models = []
            unmet = [Unmet(model: nil, reason: "the board's description cannot be used: \(error)")]
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
        unmet = allocation.infeasible.map { Unmet(model: $0.model, reason: $0.description) }
    }

    /// What could not be met and now can, in sentences.
    ///
    /// A model that no policy rules any more is met by nothing: it is not told of, and where none is ruled, nothing is.
    public func feasible(after before: [Unmet]) -> [String] {
        guard !models.isEmpty else { return [] }
        var told: Set<String?> = []
        return before.filter { old in
            let isRuled = old.model.map { name in models.contains { $0.model == name } } ?? true
            return isRuled && !unmet.contains { $0.model == old.model } && told.insert(old.model).inserted
        }.map { old in
            guard let model = old.model else { return "feasible again; before: \(old.reason)" }
            let prefix = "model \(model): "
            let reason = old.reason.hasPrefix(prefix) ? String(old.reason.dropFirst(prefix.count)) : old.reason
            return "\(prefix)feasible again; before: \(reason)"
        }
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
