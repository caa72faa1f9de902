/// Picks one item of every class so that the values sum highest while the costs stay within a capacity. Exact.
///
/// Class by class, all reachable (cost, value) states are kept that no other state beats in both, and that could
/// still beat the best solution known: each state is bounded from above by the linear relaxation of the classes to
/// come, and completed greedily to bound the optimum from below (after Pisinger, "A minimal algorithm for the
/// multiple-choice knapsack problem", EJOR 1995; the core is left out because boards have few models). Keeping
/// undominated states makes equal models cheap, where plain branch and bound would try all their permutations.
///
/// The result depends on nothing but the items: states are processed in a fixed order, and of solutions with equal
/// value the one of least cost wins.
public struct MultipleChoiceKnapsack: Sendable {
    public struct Item: Equatable, Sendable {
        public var cost: Double
        public var value: Double

        public init(cost: Double, value: Double) {
            self.cost = cost
            self.value = value
        }
    }

    public struct Solution: Equatable, Sendable {
        /// Position of the chosen item in each class.
        public var choice: [Int]
        public var isProvenOptimal: Bool
        public var exploredStates: Int
    }

    /// States kept per class before the search gives up its proof; bounds memory against adversarial tables.
    public static let defaultStateLimit = 100_000
    /// Costs may exceed the capacity by this much, so that 0.1 + 0.2 fits 0.3.
    public static let tolerance = 1e-9

    private struct State {
        var cost: Double
        var value: Double
        /// Position of the previous class's state.
        var parent: Int
        /// Position of the chosen item in its class.
        var item: Int
    }

    /// The items of each class that no other beats, by rising cost and value, with their positions.
    private let fronts: [[State]]
    private let capacity: Double

    /// - Precondition: costs and values are finite and not negative, and no class is empty.
    public init(classes: [[Item]], capacity: Double) {
        for items in classes {
            precondition(!items.isEmpty, "every class has an item")
            precondition(
                items.allSatisfy { $0.cost.isFinite && $0.cost >= 0 && $0.value.isFinite && $0.value >= 0 },
                "costs and values are finite and not negative")
        }
        fronts = classes.map { items in
            Self.undominated(
                items.enumerated().map { State(cost: $1.cost, value: $1.value, parent: 0, item: $0) })
        }
        self.capacity = capacity + Self.tolerance
    }

    /// The best choice, or `nil` when even the cheapest items exceed the capacity.
    /// - Precondition: `stateLimit` is positive.
    public func solve(stateLimit: Int = defaultStateLimit) -> Solution? {
        precondition(stateLimit > 0, "the search keeps at least one state")
        let relaxations = LinearRelaxation.suffixes(
            of: fronts.map { front in front.map { Item(cost: $0.cost, value: $0.value) } })
        guard relaxations[0].cheapest <= capacity else { return nil }
        var layers = [[State(cost: 0, value: 0, parent: 0, item: 0)]]
        var best = relaxations[0].greedyValue(capacity: capacity)
        var explored = 0
        var isProven = true
        for (front, rest) in zip(fronts, relaxations.dropFirst()) {
            var layer = extend(layers[layers.count - 1], by: front, rest: rest, best: &best, explored: &explored)
            if layer.count > stateLimit {
                layer = thinned(layer, rest: rest, to: stateLimit, best: &best)
                isProven = false
            }
            layers.append(layer)
        }
        return Solution(choice: trace(layers), isProvenOptimal: isProven, exploredStates: explored)
    }

    /// Every state followed by every item, as far as the result fits and could still be best. `best` stays the value
    /// of a completion of some state kept.
    private func extend(
        _ states: [State], by front: [State], rest: LinearRelaxation, best: inout Double, explored: inout Int
    ) -> [State] {
        var next: [State] = []
        for (parent, state) in states.enumerated() {
            for item in front {
                let (cost, value) = (state.cost + item.cost, state.value + item.value)
                guard cost + rest.cheapest <= capacity else { break }
                explored += 1
                guard value + rest.upperValue(capacity: capacity - cost) >= best - Self.tolerance else { continue }
                best = max(best, value + rest.greedyValue(capacity: capacity - cost))
                next.append(State(cost: cost, value: value, parent: parent, item: item.item))
            }
        }
        return Self.undominated(next)
    }

    /// The most promising states. `best` falls back to what they can reach, so that one of them always survives.
    private func thinned(
        _ states: [State], rest: LinearRelaxation, to limit: Int, best: inout Double
    ) -> [State] {
        let promise = states.map { $0.value + rest.upperValue(capacity: capacity - $0.cost) }
        let kept = states.indices.sorted { (promise[$1], $0) < (promise[$0], $1) }.prefix(limit).sorted()
        best = kept.map { states[$0].value + rest.greedyValue(capacity: capacity - states[$0].cost) }.max() ?? best
        return kept.map { states[$0] }
    }

    /// Follows the most valuable last state back to the item of every class.
    private func trace(_ layers: [[State]]) -> [Int] {
        var choice: [Int] = []
        var position = layers[layers.count - 1].count - 1
        for layer in layers.dropFirst().reversed() {
            choice.append(layer[position].item)
            position = layer[position].parent
        }
        return choice.reversed()
    }

    /// By rising cost and value, without those that another beats or equals in both; of equals, the first stays.
    private static func undominated(_ states: [State]) -> [State] {
        let order = states.indices.sorted {
            (states[$0].cost, -states[$0].value, $0) < (states[$1].cost, -states[$1].value, $1)
        }
        var front: [State] = []
        for index in order where states[index].value > (front.last?.value ?? -1) { front.append(states[index]) }
        return front
    }
}
