import FleetModel

/// Which resources do not suffice for a board's models together, and what runs all the same.
struct Shortage {
    private typealias Costs = MultipleChoiceKnapsack.Costs

    private struct Resource {
        let index: Int
        let constraint: Infeasibility.Constraint
        /// What is needed at least, and what there is.
        let sentence: (Double) -> String
    }

    let infeasibility: Infeasibility
    private let candidates: [Candidate]
    private let capacity: Costs
    /// The resources that bind, as positions among the costs.
    private let binding: [Int]

    /// For each model the position among its permitted points of the one that takes least of what is short, as shares
    /// of the capacities; ties go to the more accurate. Where the other resources would not suffice then, the choice
    /// that takes least of what is short while they do, if there is one.
    var leastBad: [Int] {
        let overloads = candidates.map { candidate in
            candidate.points.indices.map { position in
                let costs = candidate.item(position).costs
                return binding.reduce(0) { $0 + costs[$1] / max(capacity[$1], 1e-9) }
            }
        }
        let least = zip(candidates, overloads).map { candidate, overload in
            candidate.points.indices.min {
                (overload[$0], -candidate.item($0).value) < (overload[$1], -candidate.item($1).value)
            } ?? 0
        }
        var others = capacity
        for index in binding { others[index] = .infinity }
        let costs = zip(candidates, least).reduce(Costs.zero) { $0 + $1.0.item($1.1).costs }
        guard !all(costs .<= MultipleChoiceKnapsack.room(in: others)) else { return least }
        let classes = zip(candidates, overloads).map { candidate, overload in
            let most = overload.max() ?? 0
            return candidate.points.indices.map {
                MultipleChoiceKnapsack.Item(costs: candidate.item($0).costs, value: most - overload[$0])
            }
        }
        return MultipleChoiceKnapsack(classes: classes, capacity: others).solve()?.choice ?? least
    }

    /// - Precondition: no choice of permitted points fits.
    init(of candidates: [Candidate], within budget: BoardBudget) {
        let capacity = budget.capacity
        let resources = Self.resources(of: budget)
        let least = resources.map { resource in
            candidates.reduce(0) { sum, candidate in
                sum + (candidate.points.indices.map { candidate.item($0).costs[resource.index] }.min() ?? 0)
            }
        }
        let room = MultipleChoiceKnapsack.room(in: capacity)
        let short = resources.indices.filter { least[$0] > room[resources[$0].index] }
        let binding = short.isEmpty ? Self.together(resources.map(\.index), candidates, capacity) : short
        if short.isEmpty {
            let names = binding.map { "\(resources[$0].constraint)" }.joined(separator: " and ")
            infeasibility = Infeasibility(
                constraint: .combined, model: nil,
                reason: "\(names): each would suffice alone, but no choice of permitted points fits them together")
        } else {
            infeasibility = Infeasibility(
                constraint: resources[short[0]].constraint, model: nil,
                reason: short.map { resources[$0].sentence(least[$0]) }.joined(separator: "; "))
        }
        (self.candidates, self.capacity) = (candidates, capacity)
        self.binding = binding.map { resources[$0].index }
    }

    private static func resources(of budget: BoardBudget) -> [Resource] {
        var resources = [
            Resource(index: 0, constraint: .cpu) {
                let texts = Figure.texts($0, budget.usableCores, places: 3)
                return "CPU: the cheapest permitted points need \(texts.first) cores together, the budget is "
                    + "\(texts.second) (\(Figure.shown(budget.cores, places: 3)) cores "
                    + "less \(Figure.percent(budget.reserve)) % reserve)"
            }
        ]
        if let memory = budget.memoryBytes {
            resources.append(
                Resource(index: 1, constraint: .memory) {
                    "memory: the smallest permitted points need \(Figure.shown($0)) bytes together, "
                        + "the budget is \(memory)"
                })
        }
        if let watts = budget.watts {
            resources.append(
                Resource(index: 2, constraint: .power) {
                    let texts = Figure.texts($0, watts, places: 3)
                    return "power: the permitted points of least energy need \(texts.first) W together, the "
                        + "budget is \(texts.second) W"
                })
        }
        return resources
    }

    /// The fewest resources that no choice fits together; the first such in order.
    private static func together(_ indices: [Int], _ candidates: [Candidate], _ capacity: Costs) -> [Int] {
        for pair in [[0, 1], [0, 2], [1, 2]] where (pair.max() ?? 0) < indices.count {
            var limits = Costs(repeating: .infinity)
            for place in pair { limits[indices[place]] = capacity[indices[place]] }
            if Candidate.solve(candidates, capacity: limits) == nil { return pair }
        }
        return Array(indices.indices)
    }
}
