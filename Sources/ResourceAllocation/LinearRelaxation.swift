/// Bounds on a multiple-choice knapsack over some classes, when items may be taken in fractions.
///
/// Each class starts at its cheapest item; the steps along its upper convex hull, over all classes by falling value
/// per cost, are then bought until the capacity is used up (Sinha and Zoltners, Operations Research 1979). The last
/// step taken in part gives an upper bound; without it, a solution.
struct LinearRelaxation {
    /// Cost of the cheapest items together.
    let cheapest: Double
    private let baseValue: Double
    /// Cost and value of the first n steps, for n = 0, 1, ….
    private let costs: [Double]
    private let values: [Double]

    /// The relaxation of all classes, of all but the first, …, of none.
    /// - Parameter fronts: Items of each class by rising cost and value, at least one each.
    static func suffixes(of fronts: [[MultipleChoiceKnapsack.Item]]) -> [LinearRelaxation] {
        (0...fronts.count).map { LinearRelaxation(Array(fronts[$0...])) }
    }

    private init(_ fronts: [[MultipleChoiceKnapsack.Item]]) {
        cheapest = fronts.reduce(0) { $0 + $1[0].cost }
        baseValue = fronts.reduce(0) { $0 + $1[0].value }
        let steps = fronts.flatMap { front in
            let hull = Self.hull(of: front)
            return zip(hull, hull.dropFirst()).map {
                MultipleChoiceKnapsack.Item(cost: $1.cost - $0.cost, value: $1.value - $0.value)
            }
        }
        let order = steps.indices.sorted {
            let (left, right) = (steps[$0].value * steps[$1].cost, steps[$1].value * steps[$0].cost)
            return left == right ? $0 < $1 : left > right
        }
        var (costs, values) = ([0.0], [0.0])
        for index in order {
            costs.append(costs[costs.count - 1] + steps[index].cost)
            values.append(values[values.count - 1] + steps[index].value)
        }
        (self.costs, self.values) = (costs, values)
    }

    /// No solution within the capacity is worth more.
    /// - Precondition: the cheapest items fit.
    func upperValue(capacity: Double) -> Double {
        let whole = wholeSteps(capacity: capacity)
        guard whole + 1 < costs.count else { return baseValue + values[whole] }
        let share = (capacity - cheapest - costs[whole]) / (costs[whole + 1] - costs[whole])
        return baseValue + values[whole] + max(0, share) * (values[whole + 1] - values[whole])
    }

    /// A solution within the capacity is worth this much.
    /// - Precondition: the cheapest items fit.
    func greedyValue(capacity: Double) -> Double { baseValue + values[wholeSteps(capacity: capacity)] }

    private func wholeSteps(capacity: Double) -> Int {
        let room = capacity - cheapest
        var (low, high) = (0, costs.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if costs[middle] <= room { low = middle } else { high = middle - 1 }
        }
        return low
    }

    /// The items from which every step on is worth less per cost than the step before.
    private static func hull(of front: [MultipleChoiceKnapsack.Item]) -> [MultipleChoiceKnapsack.Item] {
        var hull: [MultipleChoiceKnapsack.Item] = []
        for item in front {
            while hull.count >= 2 {
                let (first, second) = (hull[hull.count - 2], hull[hull.count - 1])
                let isBelow =
                    (second.value - first.value) * (item.cost - second.cost)
                    <= (item.value - second.value) * (second.cost - first.cost)
                guard isBelow else { break }
                hull.removeLast()
            }
            hull.append(item)
        }
        return hull
    }
}
