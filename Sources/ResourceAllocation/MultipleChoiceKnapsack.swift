/// Picks one item of every class so that the values sum highest while the costs in every resource stay within its
/// capacity. Exact.
///
/// Class by class, all reachable (costs, value) states are kept that no other state beats in all, and that could
/// still beat the best solution known: each state is bounded from above by linear relaxations of the classes to
/// come, and completed greedily to bound the optimum from below (after Pisinger, "A minimal algorithm for the
/// multiple-choice knapsack problem", EJOR 1995; with several resources the relaxation adds them up with the weights
/// of the Lagrangian dual). Items whose loss at those prices exceeds the gap between both bounds are removed first.
/// Keeping undominated states makes equal models cheap, where plain branch and bound would try their permutations.
///
/// The result depends on nothing but the items: states are processed in a fixed order, and of solutions with equal
/// value the one that costs least of the first resource wins.
public struct MultipleChoiceKnapsack: Sendable {
    /// What an item takes of up to four resources.
    public typealias Costs = SIMD4<Double>

    public struct Item: Equatable, Sendable {
        public var costs: Costs
        public var value: Double

        public init(costs: Costs, value: Double) {
            self.costs = costs
            self.value = value
        }

        /// An item that takes of the first resource only.
        public init(cost: Double, value: Double) { self.init(costs: Costs(cost, 0, 0, 0), value: value) }
    }

    public struct Solution: Equatable, Sendable {
        /// Position of the chosen item in each class.
        public var choice: [Int]
        public var value: Double
        /// No choice is worth more than this; equal to `value` when that is proven best.
        public var upperBound: Double
        public var exploredStates: Int

        public var isProvenOptimal: Bool { upperBound <= value }
    }

    /// States kept per class before the search gives up its proof; bounds memory against adversarial tables.
    public static let defaultStateLimit = 10_000
    /// Costs may exceed the capacity by this much and by this share of it, so that 0.1 + 0.2 fits 0.3 and what fits
    /// some hundred million bytes to the byte fits: rounding grows with what is added up.
    public static let tolerance = 1e-9
    /// What costs that are added up may come to within these capacities.
    static func room(in capacity: Costs) -> Costs { capacity * (1 + tolerance) + tolerance }

    private let classes: [[Item]]
    private let capacity: Costs

    /// - Precondition: costs and values are finite and not negative, no capacity is negative, no class is empty.
    public init(classes: [[Item]], capacity: Costs) {
        for items in classes {
            precondition(!items.isEmpty, "every class has an item")
            precondition(
                items.allSatisfy { item in
                    item.value.isFinite && item.value >= 0
                        && (0..<4).allSatisfy { item.costs[$0].isFinite && item.costs[$0] >= 0 }
                }, "costs and values are finite and not negative")
        }
        precondition((0..<4).allSatisfy { capacity[$0] >= 0 }, "capacities are not negative")
        self.classes = classes
        self.capacity = capacity
    }

    /// With one resource.
    public init(classes: [[Item]], capacity: Double) {
        self.init(classes: classes, capacity: Costs(capacity, .infinity, .infinity, .infinity))
    }

    /// The best choice, or `nil` when none fits. A choice that was not proven best within the limit of states comes
    /// with a bound on what it may miss; the limit is raised where it let nothing be found.
    /// - Precondition: `stateLimit` is positive.
    public func solve(stateLimit: Int = defaultStateLimit) -> Solution? {
        precondition(stateLimit > 0, "the search keeps at least one state")
        var limit = stateLimit
        while true {
            var search = KnapsackSearch(classes, capacity: capacity, stateLimit: limit)
            if let solution = search.run() { return solution }
            // Where states were given up, having found nothing proves nothing.
            guard search.gaveUp else { return nil }
            limit *= 8
        }
    }
}
