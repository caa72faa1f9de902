/// Prices of the resources at which taking every class's best item by value less price comes closest to the optimum
/// from above: an approximate minimum of the Lagrangian dual of a multiple-choice knapsack, by subgradient steps
/// (Fisher, Management Science 1981). Any prices bound the optimum; better prices bound it more closely.
struct Multipliers {
    typealias Costs = MultipleChoiceKnapsack.Costs
    typealias Item = MultipleChoiceKnapsack.Item

    private static let iterations = 60
    private static let refinements = 30

    private(set) var prices = Costs.zero
    /// No solution is worth more.
    private(set) var bound = Double.infinity
    /// Most valuable choice met on the way that fits; `nil` when none did.
    private(set) var choice: [Int]?

    /// - Parameters:
    ///   - fronts: Items of each class, at least one each.
    ///   - capacity: Positive, or 0 where no item costs anything of that resource.
    init(_ fronts: [[Item]], capacity: Costs) {
        var prices = Costs.zero
        var best = -Double.infinity
        var scale = 1.0
        var step = 0.0
        var sinceBetter = 0
        for iteration in 0..<Self.iterations {
            let (picks, used, value) = Self.picks(fronts, prices: prices)
            let bound = value + (prices * (capacity - used)).sum()
            if bound < self.bound - 1e-12 {
                (self.bound, self.prices, sinceBetter) = (bound, prices, 0)
            } else {
                sinceBetter += 1
                if sinceBetter >= 4 { (scale, sinceBetter) = (scale / 2, 0) }
            }
            if all(used .<= capacity), value > best { (best, choice) = (value, picks) }
            let excess = used - capacity
            let length = (excess * excess).sum()
            if iteration == 0 { step = all(used .<= capacity) ? 0 : 1 }
            guard step > 0, length > 0 else { break }
            let target = max(best, 0)
            let distance = scale * max(bound - target, 1e-9 * abs(bound)) / length
            prices = (prices + distance * excess).clamped(lowerBound: .zero, upperBound: Costs(repeating: .infinity))
        }
        if choice == nil { raise(fronts, capacity: capacity) }
        refine(fronts, capacity: capacity)
    }

    /// Moves one price at a time to where the bound is least: there the resource turns from overdrawn to left over.
    private mutating func refine(_ fronts: [[Item]], capacity: Costs) {
        // Twice: the last price may move where the first is best.
        for resource in [0, 1].flatMap({ _ in 0..<Costs.scalarCount }) where prices[resource] > 0 {
            var (low, high) = (prices, prices)
            low[resource] *= 0.8
            high[resource] *= 1.25
            for _ in 0..<Self.refinements {
                var middle = low
                middle[resource] = (low[resource] + high[resource]) / 2
                let (picks, used, value) = Self.picks(fronts, prices: middle)
                let bound = value + (middle * (capacity - used)).sum()
                if bound < self.bound { (self.bound, prices) = (bound, middle) }
                if all(used .<= capacity), value > worth(of: choice, fronts) { choice = picks }
                if used[resource] > capacity[resource] { low = middle } else { high = middle }
            }
        }
    }

    private func worth(of choice: [Int]?, _ fronts: [[Item]]) -> Double {
        choice.map { zip(fronts, $0).reduce(0) { $0 + $1.0[$1.1].value } } ?? -.infinity
    }

    /// At high enough prices most problems are met; the lowest such multiple brings a first choice.
    private mutating func raise(_ fronts: [[Item]], capacity: Costs) {
        var prices = self.prices
        for _ in 0..<Self.iterations where choice == nil {
            let (picks, used, _) = Self.picks(fronts, prices: prices)
            if all(used .<= capacity) { choice = picks }
            prices = (prices * 1.25).replacing(with: prices * 1.5 + 1e-6, where: used .> capacity)
        }
    }

    private static func picks(_ fronts: [[Item]], prices: Costs) -> ([Int], Costs, Double) {
        var picks: [Int] = []
        picks.reserveCapacity(fronts.count)
        var (used, value) = (Costs.zero, 0.0)
        for front in fronts {
            var (pick, highest) = (0, -Double.infinity)
            for (index, item) in front.enumerated() {
                let reduced = item.value - (item.costs * prices).sum()
                if reduced > highest { (pick, highest) = (index, reduced) }
            }
            picks.append(pick)
            used += front[pick].costs
            value += front[pick].value
        }
        return (picks, used, value)
    }
}
