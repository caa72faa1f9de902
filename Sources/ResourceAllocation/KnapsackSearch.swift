/// One run of the search of `MultipleChoiceKnapsack`. Costs are shares of the capacities here, so that all are 1;
/// resources that cannot run short cost nothing.
struct KnapsackSearch {
    typealias Costs = MultipleChoiceKnapsack.Costs
    typealias Item = MultipleChoiceKnapsack.Item

    private struct State {
        var item: Item
        /// Position of the previous class's state.
        var parent: Int
        /// Position of the chosen item in its class.
        var choice: Int
    }

    /// With several resources a state is compared with this many kept before it, those nearest in cost; beyond,
    /// comparing costs more than the states that it saves.
    private static let comparisons = 128
    private static let all = Costs(repeating: 1)
    private static let tolerance = MultipleChoiceKnapsack.tolerance

    /// The items of each class that no other beats, by rising weight.
    private var fronts: [[State]]
    /// The classes in the order in which they are decided, as positions in the caller's.
    private let order: [Int]
    private let stateLimit: Int
    private let resources: [Int]
    private var relaxations: [LinearRelaxation] = []
    /// Least costs of the classes from each on, resource by resource.
    private var least: [Costs] = []
    private var incumbent: [Int]?
    /// Value of a choice that exists.
    private var best = -Double.infinity
    /// No choice among the states given up is worth more.
    private var missed = -Double.infinity
    private var explored = 0
    private(set) var gaveUp = false

    init(_ classes: [[Item]], capacity: Costs, stateLimit: Int) {
        self.stateLimit = stateLimit
        var scale = Costs.zero
        let rooms = MultipleChoiceKnapsack.room(in: capacity)
        for resource in 0..<Costs.scalarCount {
            let most = classes.reduce(0) { $0 + ($1.map { $0.costs[resource] }.max() ?? 0) }
            if most > rooms[resource] { scale[resource] = 1 / rooms[resource] }
        }
        let resources = (0..<Costs.scalarCount).filter { scale[$0] > 0 }
        self.resources = resources
        let scaled = classes.map { items in
            items.enumerated().map { index, item in
                State(item: Item(costs: item.costs * scale, value: item.value), parent: 0, choice: index)
            }
            .filter { Swift.all($0.item.costs .<= Self.all) }
        }
        // Ties go to less of the first resource, even where that cannot run short.
        let fronts = zip(scaled, classes).map { states, items in
            Self.undominated(states, resources: resources) { items[$0.choice].costs[0] }
        }
        order = fronts.indices.sorted { (fronts[$1].count, $0) < (fronts[$0].count, $1) }
        self.fronts = order.map { fronts[$0] }
    }

    mutating func run() -> MultipleChoiceKnapsack.Solution? {
        guard prepare() else { return nil }
        var layers = [[State(item: Item(costs: .zero, value: 0), parent: 0, choice: 0)]]
        for index in fronts.indices {
            var layer = extend(layers[index], by: index)
            if layer.count > stateLimit { layer = thinned(layer, before: index + 1) }
            layers.append(layer)
        }
        let last = layers[layers.count - 1]
        var found = incumbent
        if let end = last.indices.max(by: { last[$0].item.value < last[$1].item.value }) {
            let known = incumbent.map { worth(of: $0) } ?? -.infinity
            if last[end].item.value >= known - Self.tolerance { found = trace(layers, from: end) }
        }
        guard let choice = found else { return nil }
        let value = worth(of: choice)
        var positions = Array(repeating: 0, count: order.count)
        for (index, place) in order.enumerated() { positions[place] = fronts[index][choice[index]].choice }
        return .init(
            choice: positions, value: value, upperBound: missed > value + Self.tolerance ? missed : value,
            exploredStates: explored)
    }
}

extension KnapsackSearch {
    private func worth(of choice: [Int]) -> Double { zip(fronts, choice).reduce(0) { $0 + $1.0[$1.1].item.value } }

    /// Bounds, a first choice, and fewer items.
    /// - Returns: `false` when nothing fits.
    private mutating func prepare() -> Bool {
        guard fronts.allSatisfy({ !$0.isEmpty }) else { return false }
        addUpLeastCosts()
        guard Swift.all(least[0] .<= Self.all) else { return false }
        let items = fronts.map { $0.map(\.item) }
        let dual = Multipliers(items, capacity: Self.all)
        incumbent = dual.choice
        if let choice = dual.choice { improve(choice) }
        var weights = resources.map { resource in
            var weights = Costs.zero
            weights[resource] = 1
            return weights
        }
        if resources.count > 1, dual.prices != .zero { weights.insert(dual.prices, at: 0) }
        relaxations = weights.map { LinearRelaxation(items, weights: $0) }
        best = max(best, greedyValue(from: 0, left: Self.all))
        removeItems(prices: dual.prices, bound: dual.bound)
        guard fronts.allSatisfy({ !$0.isEmpty }) else { return false }
        relaxations = weights.map { LinearRelaxation(fronts.map { $0.map(\.item) }, weights: $0) }
        addUpLeastCosts()
        return true
    }

    private mutating func addUpLeastCosts() {
        var sums = [Costs.zero]
        for front in fronts.reversed() {
            let least = front.reduce(Costs(repeating: .infinity)) { pointwiseMin($0, $1.item.costs) }
            sums.append(sums[sums.count - 1] + least)
        }
        least = sums.reversed()
    }

    private func upperValue(from first: Int, left: Costs) -> Double {
        guard !relaxations.isEmpty else { return fronts[first...].reduce(0) { $0 + ($1.map(\.item.value).max() ?? 0) } }
        return relaxations.reduce(.infinity) { min($0, $1.upperValue(from: first, left: left)) }
    }

    private func greedyValue(from first: Int, left: Costs) -> Double {
        relaxations.reduce(-.infinity) { max($0, $1.greedyValue(from: first, left: left)) }
    }

    /// Exchanges one item, then one for another, while the choice gains by it.
    private mutating func improve(_ start: [Int]) {
        var choice = start
        var used = zip(fronts, choice).reduce(Costs.zero) { $0 + $1.0[$1.1].item.costs }
        var isBetter = true
        while isBetter {
            isBetter = false
            for (first, front) in fronts.enumerated() {
                for candidate in front.indices where candidate != choice[first] {
                    let gain = front[candidate].item.value - front[choice[first]].item.value
                    let costs = used - front[choice[first]].item.costs + front[candidate].item.costs
                    let partner =
                        Swift.all(costs .<= Self.all)
                        ? (gain > 1e-12 ? (first, candidate) : nil)
                        : exchange(beside: first, choice, gain: gain, costs: costs)
                    guard let partner else { continue }
                    used = costs
                    choice[first] = candidate
                    if partner.0 != first {
                        used +=
                            fronts[partner.0][partner.1].item.costs - fronts[partner.0][choice[partner.0]].item.costs
                        choice[partner.0] = partner.1
                    }
                    isBetter = true
                }
            }
        }
        incumbent = choice
        best = worth(of: choice)
    }

    /// Another class's item that makes room and leaves some of the gain.
    private func exchange(beside first: Int, _ choice: [Int], gain: Double, costs: Costs) -> (Int, Int)? {
        guard gain > 1e-12 else { return nil }
        for (second, front) in fronts.enumerated() where second != first {
            let old = front[choice[second]].item
            for (index, state) in front.enumerated()
            where gain + state.item.value - old.value > 1e-12
                && Swift.all(costs - old.costs + state.item.costs .<= Self.all)
            {
                return (second, index)
            }
        }
        return nil
    }

    /// At the dual's prices every choice with the item is worth at most the bound less what the item loses against its
    /// class's best.
    private mutating func removeItems(prices: Costs, bound: Double) {
        for index in fronts.indices {
            let reduced = fronts[index].map { $0.item.value - ($0.item.costs * prices).sum() }
            let highest = reduced.max() ?? 0
            let kept = reduced.indices.filter { bound - (highest - reduced[$0]) >= best - Self.tolerance }
            if let choice = incumbent?[index] { incumbent?[index] = kept.firstIndex(of: choice) ?? -1 }
            fronts[index] = kept.map { fronts[index][$0] }
        }
        if incumbent?.contains(-1) ?? false { incumbent = nil }
    }

    /// Every state followed by every item, as far as the result fits and could still be best.
    private mutating func extend(_ states: [State], by index: Int) -> [State] {
        var next: [State] = []
        for (parent, state) in states.enumerated() {
            for (choice, item) in fronts[index].enumerated() {
                let costs = state.item.costs + item.item.costs
                let left = Self.all - costs
                guard Swift.all(least[index + 1] .<= left) else { continue }
                explored += 1
                let value = state.item.value + item.item.value
                guard value + upperValue(from: index + 1, left: left) >= best - Self.tolerance else { continue }
                best = max(best, value + greedyValue(from: index + 1, left: left))
                next.append(State(item: Item(costs: costs, value: value), parent: parent, choice: choice))
            }
        }
        return Self.undominated(next, resources: resources) { $0.item.costs[0] }
    }

    /// The most promising states. `best` falls back to what is known to exist without the others.
    private mutating func thinned(_ states: [State], before first: Int) -> [State] {
        let promise = states.map { $0.item.value + upperValue(from: first, left: Self.all - $0.item.costs) }
        let ranked = states.indices.sorted { (promise[$1], $0) < (promise[$0], $1) }
        let kept = ranked.prefix(stateLimit).sorted()
        gaveUp = true
        missed = max(missed, ranked.dropFirst(stateLimit).first.map { promise[$0] } ?? missed)
        let reached = kept.map {
            states[$0].item.value + greedyValue(from: first, left: Self.all - states[$0].item.costs)
        }
        best = max(reached.max() ?? -.infinity, incumbent.map { worth(of: $0) } ?? -.infinity)
        return kept.map { states[$0] }
    }

    /// Follows a last state back to the item of every class.
    private func trace(_ layers: [[State]], from end: Int) -> [Int] {
        var choice: [Int] = []
        var position = end
        for layer in layers.dropFirst().reversed() {
            choice.append(layer[position].choice)
            position = layer[position].parent
        }
        return choice.reversed()
    }

    /// Without the states that another beats or equals in value and every resource; of equals, the one with the least
    /// `rank`, then the first, stays.
    private static func undominated(
        _ states: [State], resources: [Int], rank: (State) -> Double
    ) -> [State] {
        let weights = states.map { $0.item.costs.sum() }
        let ranks = states.map(rank)
        let order = states.indices.sorted {
            (weights[$0], -states[$0].item.value, ranks[$0], $0) < (weights[$1], -states[$1].item.value, ranks[$1], $1)
        }
        var front: [State] = []
        guard resources.count > 1 else {
            for index in order where states[index].item.value > front.last?.item.value ?? -1 {
                front.append(states[index])
            }
            return front
        }
        for index in order {
            let item = states[index].item
            let isBeaten = front.suffix(comparisons).contains {
                $0.item.value >= item.value && Swift.all($0.item.costs .<= item.costs)
            }
            if !isBeaten { front.append(states[index]) }
        }
        return front
    }
}
