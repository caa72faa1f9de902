/// Bounds on a multiple-choice knapsack over its last classes, when items may be taken in fractions and the
/// resources are added up with weights.
///
/// A weighted sum of the resources that fits its weighted capacity is implied by all of them fitting (the surrogate
/// relaxation), so no weights exclude a solution; the tightest come from the Lagrangian dual (`Multipliers`). Each
/// class starts at its cheapest item by that sum; the steps along its upper convex hull, over all classes by falling
/// value per cost, are then bought until the capacity is used up (Sinha and Zoltners, Operations Research 1979). The
/// last step taken in part gives an upper bound; without it, a solution wherever every resource suffices.
struct LinearRelaxation {
    typealias Costs = MultipleChoiceKnapsack.Costs
    typealias Item = MultipleChoiceKnapsack.Item

    /// What the first n steps bring the last classes to, for n = 0, 1, ….
    private struct Suffix {
        var weighted: [Double]
        var values: [Double]
        var costs: [Costs]
    }

    private struct Step {
        var group: Int
        /// Position in its class of the item that it leads to.
        var item: Int
        var weighted: Double
        var value: Double
        var costs: Costs
    }

    let weights: Costs
    private var suffixes: [Suffix] = []
    private let steps: [Step]
    /// Position of each class's cheapest item.
    private let cheapest: [Int]

    /// - Parameter fronts: Items of each class, at least one each.
    init(_ fronts: [[Item]], weights: Costs) {
        self.weights = weights
        let places = fronts.map { Self.hull(of: $0, weights: weights) }
        let hulls = zip(fronts, places).map { front, places in places.map { front[$0] } }
        cheapest = places.map { $0[0] }
        var steps: [Step] = []
        for (group, hull) in hulls.enumerated() {
            for (index, (from, to)) in zip(hull, hull.dropFirst()).enumerated() {
                steps.append(
                    Step(
                        group: group, item: places[group][index + 1],
                        weighted: (to.costs * weights).sum() - (from.costs * weights).sum(),
                        value: to.value - from.value, costs: to.costs - from.costs))
            }
        }
        steps.sort {
            let (left, right) = ($0.value * $1.weighted, $1.value * $0.weighted)
            return left == right ? $0.group < $1.group : left > right
        }
        self.steps = steps
        for first in 0...fronts.count {
            var total = Item(costs: .zero, value: 0)
            for hull in hulls[first...] {
                total = Item(costs: total.costs + hull[0].costs, value: total.value + hull[0].value)
            }
            var suffix = Suffix(weighted: [(total.costs * weights).sum()], values: [total.value], costs: [total.costs])
            for step in steps where step.group >= first {
                suffix.weighted.append(suffix.weighted[suffix.weighted.count - 1] + step.weighted)
                total = Item(costs: total.costs + step.costs, value: total.value + step.value)
                suffix.values.append(total.value)
                suffix.costs.append(total.costs)
            }
            suffixes.append(suffix)
        }
    }

    /// No solution of the classes from `first` on within what is left is worth more; negative infinity when none fits.
    func upperValue(from first: Int, left: Costs) -> Double {
        suffixes[first].weighted.withUnsafeBufferPointer { weighted in
            suffixes[first].values.withUnsafeBufferPointer { values in
                let capacity = (left * weights).sum()
                let whole = Self.wholeSteps(weighted, capacity: capacity)
                guard whole >= 0 else { return -.infinity }
                guard whole + 1 < weighted.count else { return values[whole] }
                let share = (capacity - weighted[whole]) / (weighted[whole + 1] - weighted[whole])
                return values[whole] + share * (values[whole + 1] - values[whole])
            }
        }
    }

    /// The value of a solution of the classes from `first` on within what is left, and the steps that lead to it; `nil`
    /// when the steps found none.
    func greedy(from first: Int, left: Costs) -> (value: Double, steps: Int)? {
        var whole = suffixes[first].weighted.withUnsafeBufferPointer {
            Self.wholeSteps($0, capacity: (left * weights).sum())
        }
        // Some resource may be short although their sum is not: fewer steps may do.
        for _ in 0..<4 where whole >= 0 {
            if all(suffixes[first].costs[whole] .<= left) { return (suffixes[first].values[whole], whole) }
            whole -= 1
        }
        return nil
    }

    /// Positions of the items of the classes from `first` on after so many steps.
    func picks(from first: Int, steps count: Int) -> [Int] {
        var picks = Array(cheapest[first...])
        for step in steps.lazy.filter({ $0.group >= first }).prefix(count) { picks[step.group - first] = step.item }
        return picks
    }

    /// -1 when not even the cheapest fit.
    private static func wholeSteps(_ weighted: UnsafeBufferPointer<Double>, capacity: Double) -> Int {
        var (low, high) = (-1, weighted.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if weighted[middle] <= capacity { low = middle } else { high = middle - 1 }
        }
        return low
    }

    /// Positions of the items from which every step on is worth less per weighted cost than the step before.
    private static func hull(of front: [Item], weights: Costs) -> [Int] {
        let costs = front.map { ($0.costs * weights).sum() }
        let order = front.indices.sorted { (costs[$0], -front[$0].value, $0) < (costs[$1], -front[$1].value, $1) }
        var hull: [Int] = []
        for item in order where hull.last.map({ front[item].value > front[$0].value }) ?? true {
            while hull.count >= 2 {
                let (first, second) = (hull[hull.count - 2], hull[hull.count - 1])
                let isBelow =
                    (front[second].value - front[first].value) * (costs[item] - costs[second])
                    <= (front[item].value - front[second].value) * (costs[second] - costs[first])
                guard isBelow else { break }
                hull.removeLast()
            }
            hull.append(item)
        }
        return hull
    }
}
