/// Picks one item of every class so that the values sum highest while the costs in every resource stay within its
/// capacity. Exact, or with a bound on what a better choice could be worth more.
///
/// Class by class, reachable (costs, value) states are kept that no other state beats in all, and that could still
/// beat the best solution known: each state is bounded from above by linear relaxations of the classes to come, and
/// completed greedily to bound the optimum from below (after Pisinger, "A minimal algorithm for the multiple-choice
/// knapsack problem", EJOR 1995; with several resources the relaxation adds them up with the weights of the Lagrangian
/// dual). Items whose loss at those prices exceeds the gap between both bounds are removed first. Keeping undominated
/// states makes equal models cheap, where plain branch and bound would try their permutations.
///
/// Where values follow costs nearly in a line, no state beats another and every bound is close, so that this alone
/// proves nothing in useful time. Three things decide there: passes that keep few states find a choice near the bound;
/// a choice within a tolerance of the bound is good enough; and values that are rounded, or counted on so many
/// pictures, leave no room between two steps (`ValueStep`). A limit on work ends what is left, with the gap proven.
///
/// The result depends on nothing but the items: states are processed in a fixed order. Of solutions with equal value
/// the one that costs least of the first resource wins, as far as the tolerance and the limits let it be found.
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
        /// Whether no choice is worth more by as much as the tolerance.
        public internal(set) var isProvenOptimal = false
    }

    /// When a search ends.
    struct Limits: Sendable {
        /// States kept per class.
        var states: Int
        /// Combinations looked at and states compared; nothing ends before a choice is found.
        var work: Int
        /// A choice is proven best when none is worth more by this much.
        var tolerance: Double
    }

    /// States kept per class before the search gives up its proof; bounds memory against adversarial tables.
    public static let defaultStateLimit = 10_000
    /// Combinations and states that the search looks at for each item before it gives up its proof; bounds time.
    public static let workPerItem = 800
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

    /// The best choice, or `nil` when none fits. A choice that was not proven best within the limits comes with a bound
    /// on what it may miss; the limit of states is raised where it let nothing be found.
    /// - Parameter tolerance: What a better choice has to be worth more, in the unit of the values; what remains of it
    ///   is part of the bound.
    /// - Precondition: `stateLimit` is positive, `tolerance` is not negative.
    public func solve(stateLimit: Int = defaultStateLimit, tolerance: Double = 0) -> Solution? {
        precondition(stateLimit > 0, "the search keeps at least one state")
        precondition(tolerance >= 0, "the tolerance is not negative")
        let work = Self.workPerItem * classes.reduce(0) { $0 + $1.count }
        var limits = Limits(states: stateLimit, work: work, tolerance: tolerance)
        while true {
            var search = KnapsackSearch(classes, capacity: capacity, limits: limits)
            if var solution = search.run() {
                solution.isProvenOptimal = solution.upperBound - solution.value <= tolerance + Self.tolerance
                return solution
            }
            // Where states were given up, having found nothing proves nothing.
            guard search.gaveUp else { return nil }
            limits.states *= 8
        }
    }
}
