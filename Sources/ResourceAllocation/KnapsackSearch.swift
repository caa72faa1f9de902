/// One run of the search of `MultipleChoiceKnapsack`. Costs are shares of the capacities here, so that all are 1;
/// resources that cannot run short cost nothing.
///
/// Passes of growing width: class by class every state is followed by every item, as far as the result fits and could
/// still be worth enough more than the best choice known, and the most promising states are kept, as many as the width
/// says. The last classes are not extended but completed from a table of their combinations. What a pass gives up
/// bounds what it may have missed, and a choice it finds helps the next to give up more.
struct KnapsackSearch {
    typealias Costs = MultipleChoiceKnapsack.Costs
    typealias Item = MultipleChoiceKnapsack.Item

    /// An item that no other of its class beats.
    struct Entry {
        var item: Item
        /// Of the first resource, in the caller's unit: what ties are broken by.
        var spent: Double
        /// Position among the caller's items.
        var choice: Int
        /// What it is worth less than its class's best at the dual's prices.
        var loss = 0.0
    }

    /// One item for each of the first classes.
    struct State {
        var item: Item
        var spent: Double
        var loss: Double
        /// No completion is worth more.
        var promise: Double
        /// Position of the previous class's state.
        var parent: Int
        /// Position of the item in its front.
        var entry: Int
    }

    /// A choice of one entry of every front.
    struct Choice {
        var entries: [Entry]
        var value: Double
        var spent: Double

        init(_ entries: [Entry]) {
            self.entries = entries
            value = entries.reduce(0) { $0 + $1.item.value }
            spent = entries.reduce(0) { $0 + $1.spent }
        }
    }

    static let all = Costs(repeating: 1)
    static let tolerance = MultipleChoiceKnapsack.tolerance
    private static let firstWidth = 96
    private static let growth = 4
    /// Classes that are completed from a table.
    private static let tailClasses = 2
    /// Up to this many combinations ties are worth a search of their own.
    private static let fewCombinations = 1e5

    /// The items of each class that no other beats, by rising weight; later by rising loss.
    var fronts: [[Entry]]
    /// The classes in the order in which they are decided, as positions in the caller's.
    private let order: [Int]
    private let limits: MultipleChoiceKnapsack.Limits
    let resources: [Int]
    /// What the values' sums are multiples of, beside a constant; 0 where there is no such step.
    private let step: Double
    var relaxations: [LinearRelaxation] = []
    /// Least costs of the classes from each on, resource by resource.
    private var least: [Costs] = []
    var incumbent: Choice?
    /// No choice is worth more.
    var bound = Double.infinity
    /// Bound at the dual's prices.
    var dualBound = Double.infinity
    /// No choice that this pass did not follow is worth more.
    private var missed = -Double.infinity
    private var explored = 0
    /// Combinations looked at and states compared.
    private var work = 0
    private(set) var gaveUp = false

    init(_ classes: [[Item]], capacity: Costs, limits: MultipleChoiceKnapsack.Limits) {
        self.limits = limits
        var scale = Costs.zero
        let rooms = MultipleChoiceKnapsack.room(in: capacity)
        for resource in 0..<Costs.scalarCount {
            let most = classes.reduce(0) { $0 + ($1.map { $0.costs[resource] }.max() ?? 0) }
            if most > rooms[resource] { scale[resource] = 1 / rooms[resource] }
        }
        let resources = (0..<Costs.scalarCount).filter { scale[$0] > 0 }
        self.resources = resources
        let fronts = classes.map { items in
            let entries = items.enumerated().map { index, item in
                Entry(item: Item(costs: item.costs * scale, value: item.value), spent: item.costs[0], choice: index)
            }
            return StateFront.undominated(
                entries.filter { Swift.all($0.item.costs .<= Self.all) }, resources: resources, item: { $0.item },
                rank: { $0.spent })
        }
        step = ValueStep.common(to: fronts.map { $0.map(\.item.value) })
        order = fronts.indices.sorted { (fronts[$0].count, $0) < (fronts[$1].count, $1) }
        self.fronts = order.map { fronts[$0] }
    }

    mutating func run() -> MultipleChoiceKnapsack.Solution? {
        guard prepare() else { return nil }
        var width = min(Self.firstWidth, limits.states)
        let combinations = fronts.reduce(1.0) { $0 * Double($1.count) }
        var keepsTies = combinations <= Self.fewCombinations
        while !isProven || keepsTies {
            pass(width: width, keepingTies: keepsTies)
            keepsTies = false
            guard width < limits.states, incumbent == nil || work < limits.work else { break }
            width = min(width * Self.growth, limits.states)
        }
        guard let found = incumbent.map(polished) else { return nil }
        var positions = Array(repeating: 0, count: order.count)
        for (index, place) in order.enumerated() { positions[place] = found.entries[index].choice }
        // Between two steps there is no value.
        let isBest = bound <= found.value + max(step - ValueStep.error, Self.tolerance)
        return .init(
            choice: positions, value: found.value, upperBound: isBest ? found.value : bound, exploredStates: explored)
    }

    /// Whether nothing is worth more than what is known by as much as matters.
    private var isProven: Bool { incumbent.map { bound <= $0.value + enough } ?? false }

    /// A choice that is not worth more by this much is not looked for.
    private var enough: Double { max(step - ValueStep.error, limits.tolerance, Self.tolerance) }

    /// Bounds, a first choice, and fewer items.
    /// - Returns: `false` when nothing fits.
    private mutating func prepare() -> Bool {
        guard fronts.allSatisfy({ !$0.isEmpty }) else { return false }
        addUpLeastCosts()
        guard Swift.all(least[0] .<= Self.all) else { return false }
        let dual = Multipliers(fronts.map { $0.map(\.item) }, capacity: Self.all)
        (bound, dualBound) = (dual.bound, dual.bound)
        if let choice = dual.choice { incumbent = improved(Choice(zip(fronts, choice).map { $0[$1] })) }
        weigh(at: dual.prices)
        if let choice = greedy(from: 0, left: Self.all, worthMoreThan: incumbent?.value ?? -.infinity) {
            incumbent = Choice(choice)
        }
        let worst = (incumbent?.value ?? -.infinity) - Self.tolerance
        for index in fronts.indices {
            let reduced = fronts[index].map { $0.item.value - ($0.item.costs * dual.prices).sum() }
            let highest = reduced.max() ?? 0
            for place in reduced.indices { fronts[index][place].loss = highest - reduced[place] }
            fronts[index].removeAll { dualBound - $0.loss < worst }
            fronts[index].sort { ($0.loss, $0.choice) < ($1.loss, $1.choice) }
        }
        guard fronts.allSatisfy({ !$0.isEmpty }) else { return false }
        weigh(at: dual.prices)
        bound = min(bound, upperValue(from: 0, left: Self.all))
        addUpLeastCosts()
        return true
    }

    /// Relaxations by each resource and by all at their prices.
    private mutating func weigh(at prices: Costs) {
        var weights = resources.map { resource in
            var weights = Costs.zero
            weights[resource] = 1
            return weights
        }
        if resources.count > 1, prices != .zero { weights.insert(prices, at: 0) }
        relaxations = weights.map { LinearRelaxation(fronts.map { $0.map(\.item) }, weights: $0) }
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

    private func greedy(from first: Int, left: Costs, worthMoreThan least: Double) -> [Entry]? {
        var best: (value: Double, steps: Int, relaxation: LinearRelaxation)?
        for relaxation in relaxations {
            guard let found = relaxation.greedy(from: first, left: left) else { continue }
            if found.value > best?.value ?? least { best = (found.value, found.steps, relaxation) }
        }
        guard let best else { return nil }
        return zip(fronts[first...], best.relaxation.picks(from: first, steps: best.steps)).map { $0[$1] }
    }
}

extension KnapsackSearch {
    /// Looks for a better choice among the most promising states, and for what no choice can exceed.
    private mutating func pass(width: Int, keepingTies: Bool) {
        (missed, gaveUp) = (-.infinity, false)
        let margin = keepingTies ? -Self.tolerance : enough
        let root = State(
            item: Item(costs: .zero, value: 0), spent: 0, loss: 0, promise: bound, parent: 0, entry: 0)
        var layers = [[root]]
        let head = max(0, fronts.count - Self.tailClasses)
        for index in 0..<head {
            var states = extend(layers[index], by: index, margin: margin)
            if index + 1 < head { states = thinned(states, to: width) } else { giveUp(&states, beyond: 16 * width) }
            layers.append(states)
            if index + 1 < head { complete(layers, from: index + 1) }
            if isProven, !keepingTies { return }
        }
        let tails = TailTable(Array(fronts[head...]), lossLimit: dualBound - (incumbent?.value ?? -.infinity))
        for state in layers[head].indices {
            if isProven, !keepingTies { return }
            finish(layers, state, with: tails, margin: margin)
        }
        bound = min(bound, max(missed, incumbent?.value ?? -.infinity))
    }

    /// Every state followed by every item, as far as the result fits and could still be best.
    private mutating func extend(_ states: [State], by index: Int, margin: Double) -> [State] {
        var next: [State] = []
        let worst = (incumbent?.value ?? -.infinity) + margin
        for (parent, state) in states.enumerated() {
            guard incumbent == nil || work < limits.work else {
                missed = max(missed, state.promise)
                continue
            }
            for (entry, item) in fronts[index].enumerated() {
                let loss = state.loss + item.loss
                let atPrices = dualBound - loss
                guard atPrices >= worst else {
                    missed = max(missed, atPrices)
                    break
                }
                (explored, work) = (explored + 1, work + 1)
                let costs = state.item.costs + item.item.costs
                let left = Self.all - costs
                guard Swift.all(least[index + 1] .<= left) else { continue }
                let value = state.item.value + item.item.value
                let promise = min(state.promise, atPrices, value + upperValue(from: index + 1, left: left))
                guard promise >= worst else {
                    missed = max(missed, promise)
                    continue
                }
                next.append(
                    State(
                        item: Item(costs: costs, value: value), spent: state.spent + item.spent, loss: loss,
                        promise: promise, parent: parent, entry: entry))
            }
        }
        return next
    }

    /// The most promising states that no other beats.
    private mutating func thinned(_ states: [State], to width: Int) -> [State] {
        var states = states
        work += states.count
        giveUp(&states, beyond: 4 * width)
        states = StateFront.undominated(states, resources: resources, item: { $0.item }, rank: { $0.spent })
        giveUp(&states, beyond: width)
        return states
    }

    /// Of states that promise the same but for what does not matter, such are kept as differ in value, and so in what
    /// they leave: one that the rest can use up is among them. Of those next to each other the one that takes least.
    private mutating func giveUp(_ states: inout [State], beyond width: Int) {
        guard states.count > width else { return }
        let unit = enough / 8
        let grades = states.map { ($0.promise / unit).rounded(.down) }
        let threshold = grades.sorted()[states.count - width]
        let weights = states.map { $0.item.costs.sum() }
        let equals = states.indices.filter { grades[$0] == threshold }
            .sorted { (states[$0].item.value, $0) < (states[$1].item.value, $1) }
        var kept = states.indices.filter { grades[$0] > threshold }
        let room = width - kept.count
        for place in 0..<room {
            let row = equals[place * equals.count / room..<(place + 1) * equals.count / room]
            if let least = row.min(by: { weights[$0] < weights[$1] }) { kept.append(least) }
        }
        gaveUp = true
        missed = max(missed, equals.reduce(-.infinity) { max($0, states[$1].promise) })
        states = kept.sorted().map { states[$0] }
    }

    /// Completes the last layer's states greedily.
    private mutating func complete(_ layers: [[State]], from first: Int) {
        for (position, state) in layers[first].enumerated() {
            let known = incumbent?.value ?? -.infinity
            guard
                let rest = greedy(
                    from: first, left: Self.all - state.item.costs,
                    worthMoreThan: known - state.item.value + Self.tolerance)
            else { continue }
            take(Choice(trace(layers, from: position) + rest))
        }
    }

    /// Completes a state of the last layer from the table.
    private mutating func finish(_ layers: [[State]], _ position: Int, with tails: TailTable, margin: Double) {
        let state = layers[layers.count - 1][position]
        guard incumbent == nil || work < limits.work else {
            missed = max(missed, state.promise)
            return
        }
        var index = tails.first(worthAtMost: state.promise - state.item.value + Self.tolerance)
        while index < tails.values.count {
            let known = incumbent?.value ?? -.infinity
            let value = state.item.value + tails.values[index]
            guard value >= known + margin else {
                missed = max(missed, value)
                return
            }
            (explored, work) = (explored + 1, work + 1)
            if Swift.all(state.item.costs + tails.costs[index] .<= Self.all) {
                take(Choice(trace(layers, from: position) + tails.entries(at: index)))
                if margin > 0 { return }
            }
            index += 1
        }
    }

    /// Keeps the better of what is known and a choice that fits.
    private mutating func take(_ choice: Choice) {
        if let incumbent {
            let gain = choice.value - incumbent.value
            guard gain > Self.tolerance || (gain >= -Self.tolerance && choice.spent < incumbent.spent) else { return }
        }
        incumbent = choice
    }

    /// The entries on the way to a state of the last layer.
    private func trace(_ layers: [[State]], from end: Int) -> [Entry] {
        var entries: [Entry] = []
        var position = end
        for index in (1..<layers.count).reversed() {
            let state = layers[index][position]
            entries.append(fronts[index - 1][state.entry])
            position = state.parent
        }
        return entries.reversed()
    }
}
