public import FleetListings
public import FleetModel
public import Foundation
import ResourceAllocation
import SearchSpace

/// How one board is shared among its models, as `shoal allocate` says it.
public struct AllocationReport: Encodable, Sendable {
    /// `null` where the board or the point says nothing.
    struct Assigned: Encodable, Sendable {
        var model: String
        var policy: String
        /// Position in the board's file, from 0.
        var point: Int
        var name: String?
        var subnet: SubnetConfiguration?
        var resolution: Int?
        var precision: String?
        var threads: Int
        var hookBudget: Double?
        var accuracy: Double
        /// At the constraint's percentile, beside the neighbours.
        var latencyMilliseconds: Double
        var constraintMilliseconds: Double
        var percentile: Double
        var slowdown: Double
        var cores: Double
        /// Of the board's CPU time.
        var cpuShare: Double
        var memoryBytes: UInt64
        var watts: Double
        var priority: Int
        /// The points that the policy permits lie between these.
        var lowestPoint: Int
        var highestPoint: Int
    }

    struct Usage: Encodable, Sendable {
        private enum CodingKeys: String, CodingKey { case used, budget }

        var used: Double
        /// `null` where it is no constraint.
        var budget: Double?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(used, forKey: .used)
            try container.encode(budget, forKey: .budget)
        }
    }

    var board: String
    /// When the policies are looked at, since 1970.
    var atMilliseconds: Int64
    /// Policies that are not in force then.
    var outsideWindows: [String]
    var assignments: [Assigned]
    var objective: Double
    var upperBound: Double
    /// Share of the upper bound that a better choice could gain at most; 0 when proven best.
    var gap: Double
    var isProvenOptimal: Bool
    var infeasible: [Infeasibility]
    /// Models on the board that no policy rules; nothing is assigned to them or counted for them.
    var unruled: [String]
    var cores: Usage
    var memoryBytes: Usage
    var watts: Usage
    var exploredStates: Int
    var solveMilliseconds: Double

    /// - Parameters:
    ///   - at: when, by the clock that windows are read by; policies outside of theirs leave their models to others.
    ///   - stateLimit: states that the search keeps before it gives up its proof.
    ///   - repeats: how often to solve; the fastest time counts.
    public init(_ board: BoardFile, _ policies: [Policy], at: Date, stateLimit: Int, repeats: Int) {
        let seconds = Int64(at.timeIntervalSince1970.rounded(.down))
        let ruled = BoardRules(
            for: board, policies: policies.filter { $0.isInForce(atSecondsSince1970: seconds) })
        let (rules, requests, budget) = (ruled.rules, ruled.requests, ruled.budget)
        func solve() -> (Allocation, Duration) {
            let start = ContinuousClock.now
            let allocation = Allocator.allocate(requests, within: budget, stateLimit: stateLimit)
            return (allocation, start.duration(to: .now))
        }
        let first = solve()
        let allocation = first.0
        var elapsed = first.1
        for _ in 1..<repeats { elapsed = min(elapsed, solve().1) }
        let assigned = allocation.models.compactMap { share in
            Self.assigned(share, board, rules, requests)
        }
        self.board = board.name
        atMilliseconds = seconds * 1_000
        outsideWindows = policies.filter { !$0.isInForce(atSecondsSince1970: seconds) }.map(\.name).sorted()
        assignments = assigned
        objective = allocation.objective
        upperBound = allocation.upperBound
        gap = allocation.upperBound > 0 ? 1 - allocation.objective / allocation.upperBound : 0
        isProvenOptimal = allocation.isProvenOptimal
        infeasible = allocation.infeasible
        unruled = board.models.map(\.name.rawValue).filter { name in !rules.contains { $0.model.model == name } }
        cores = Usage(used: allocation.cores, budget: budget.usableCores)
        memoryBytes = Usage(
            used: allocation.models.reduce(0) { $0 + Double($1.memoryBytes) },
            budget: budget.memoryBytes.map { Double($0) })
        watts = Usage(used: allocation.models.reduce(0) { $0 + $1.watts }, budget: budget.watts)
        exploredStates = allocation.exploredStates
        solveMilliseconds = elapsed / .milliseconds(1)
    }

    private static func assigned(
        _ share: ModelAllocation, _ board: BoardFile, _ rules: [PolicySelection.Rule], _ requests: [AllocationRequest]
    ) -> Assigned? {
        guard let model = board.models.first(where: { $0.name.rawValue == share.model }),
            let rule = rules.first(where: { $0.model.model == share.model }),
            let request = requests.first(where: { $0.policy.model == share.model })
        else { return nil }
        let point = model.points[share.preferredPoint]
        let configuration = point.configuration
        return Assigned(
            model: share.model, policy: rule.policy, point: share.preferredPoint,
            name: model.pointNames[share.preferredPoint], subnet: configuration.depths.isEmpty ? nil : configuration,
            resolution: configuration.resolution > 0 ? configuration.resolution : nil,
            precision: point.demand?.precision, threads: point.demand?.threads ?? 1,
            hookBudget: point.demand?.hookBudget, accuracy: point.accuracy,
            latencyMilliseconds: share.latencyMilliseconds, constraintMilliseconds: rule.model.latency.milliseconds,
            percentile: rule.model.latency.percentile, slowdown: request.slowdown, cores: share.cores,
            cpuShare: share.cores / board.cores, memoryBytes: share.memoryBytes, watts: share.watts,
            priority: rule.model.priority, lowestPoint: share.lowestPoint, highestPoint: share.highestPoint)
    }

    /// What stands below the table.
    public var lines: [String] {
        let proof = isProvenOptimal ? "proven best" : "at most \((100 * gap).text(2)) % from the best"
        let outside = outsideWindows.map {
            "policy \($0) is outside its windows at \(timeText(UInt64(max(0, atMilliseconds))))"
        }
        let unassigned = unruled.map { "model \($0) has no policy and is not assigned" }
        return outside + unassigned + infeasible.map { "infeasible: \($0.reason)" } + [
            "objective \(objective.text(4)), \(proof), \(solveMilliseconds.text(2)) ms"
        ]
    }
}

extension AllocationReport {
    /// What speaks against the policies on this board.
    /// - Parameters:
    ///   - text: that the policies were read from.
    ///   - file: names the text.
    /// - Throws: the first of it that is almost certainly a mistake; what is not is returned.
    public static func warnings(
        _ policies: [Policy], _ text: String, file: String, on board: BoardFile
    ) throws(PolicyRefusal) -> [PolicyRefusal] {
        var warnings: [PolicyRefusal] = []
        for policy in policies {
            for finding in PolicyCheck.findings(for: policy, boards: [board.report], others: policies) {
                let refusal = finding.refusal(of: policy.name, in: text, file: file)
                guard finding.severity == .warning else { throw refusal }
                warnings.append(refusal)
            }
        }
        return warnings
    }
}

/// A moment as people give it.
public enum AllocationTime {
    public static let advice = "--at: give a time with its zone, as in 2026-03-01T22:30:00+01:00"

    /// - Parameter text: as `InstantText` reads it; `nil` is now.
    /// - Returns: `nil` for anything else, a day that its month does not have included.
    public static func parse(_ text: String?) -> Date? {
        guard let text else { return Date() }
        return InstantText.seconds(text).map { Date(timeIntervalSince1970: $0) }
    }
}

extension FleetListing where Value == AllocationReport {
    public static var allocation: Self {
        Self(["MODEL", "POINT", "ACCURACY %", "LATENCY ms", "CONSTRAINT ms", "CORES", "PRIORITY"]) {
            $0.assignments.map { model in
                [
                    model.model, model.name ?? "\(model.point)", (100 * model.accuracy).text(2),
                    model.latencyMilliseconds.text(2), model.constraintMilliseconds.text(2), model.cores.text(3),
                    "\(model.priority)",
                ]
            }
        }
    }
}

extension Double {
    /// With as many decimal places, or as many as a value other than 0 needs to be told from it.
    fileprivate func text(_ places: Int) -> String {
        let text = String(format: "%.\(places)f", self)
        return self != 0 && Double(text) == 0 ? Figure.shown(self, places: places) : text
    }
}
