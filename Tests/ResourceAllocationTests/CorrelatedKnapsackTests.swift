import ResourceAllocation
import SearchSpace
import Testing

/// Values that follow costs nearly in a line: no state beats another there, and every bound is close.
@Suite struct CorrelatedKnapsackTests {
    private typealias Item = MultipleChoiceKnapsack.Item
    private typealias Costs = MultipleChoiceKnapsack.Costs

    enum Family: CaseIterable { case line, rounded, identical, identicalRounded, fewPriorities, pictures }

    private static func classes(
        _ family: Family, _ count: Int, items: Int, resources: Int, using generator: inout some RandomNumberGenerator
    ) -> [[Item]] {
        func table() -> [Item] {
            (0..<items).map { _ in
                let cost = Double.random(in: 1...25, using: &generator)
                var costs = Costs(cost, 0, 0, 0)
                if resources > 1 { costs[1] = cost * .random(in: 0.9...1.1, using: &generator) }
                if resources > 2 { costs[2] = .random(in: 1...64, using: &generator) }
                let value = 0.5 + cost / 60
                switch family {
                case .rounded, .identicalRounded:
                    return Item(costs: costs, value: 10 * (value * 1e4).rounded() / 1e4)
                case .pictures: return Item(costs: costs, value: 10 * (value * 3_925).rounded() / 3_925)
                default: return Item(costs: costs, value: 10 * value)
                }
            }
        }
        let first = table()
        return (0..<count).map { _ in
            let isSame = family == .identical || family == .identicalRounded
            let drawn: Double = [1.0, 5, 10].randomElement(using: &generator) ?? 1
            let weight = family == .fewPriorities ? drawn : 1
            return (isSame ? first : table()).map { Item(costs: $0.costs, value: $0.value * weight) }
        }
    }

    private static func capacity(_ classes: [[Item]], using generator: inout some RandomNumberGenerator) -> Costs {
        var mean = Costs.zero
        for items in classes { for item in items { mean += item.costs / Double(items.count) } }
        return (0..<4).reduce(into: Costs(repeating: .infinity)) { capacity, resource in
            if mean[resource] > 0 { capacity[resource] = mean[resource] * .random(in: 0.6...1.1, using: &generator) }
        }
    }

    private static func combinations(of classes: [[Item]]) -> [Item] {
        classes.reduce([Item(costs: .zero, value: 0)]) { sums, items in
            sums.flatMap { sum in items.map { Item(costs: sum.costs + $0.costs, value: sum.value + $0.value) } }
        }
    }

    @Test(arguments: Family.allCases, [UInt64(1), 2, .random(in: 0...UInt64.max)])
    func equalsExhaustiveSearch(family: Family, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var solved = 0
        for round in 0..<30 {
            let classes = Self.classes(
                family, .random(in: 1...5, using: &generator), items: .random(in: 1...6, using: &generator),
                resources: 1 + round % 3, using: &generator)
            let capacity = Self.capacity(classes, using: &generator)
            let solution = MultipleChoiceKnapsack(classes: classes, capacity: capacity).solve()
            let fitting = Self.combinations(of: classes).filter { all($0.costs .<= capacity * (1 + 1e-9)) }
            let best = fitting.map(\.value).max()
            #expect((solution == nil) == (best == nil), "seed \(seed)")
            guard let solution, let best else { continue }
            solved += 1
            #expect(abs(solution.value - best) < 1e-7 && solution.isProvenOptimal, "seed \(seed)")
            // Of equals the one that takes least of the first resource.
            let least = fitting.filter { $0.value >= best - 1e-9 }.map { $0.costs[0] }.min() ?? 0
            let spent = zip(classes, solution.choice).reduce(0) { $0 + $1.0[$1.1].costs[0] }
            #expect(spent <= least + 1e-6, "seed \(seed)")
        }
        #expect(solved > 10, "seed \(seed): \(solved)")
    }

    /// Eight tables of forty whole costs, values in proportion: a table of all sums that can be reached knows the best.
    @Test(arguments: [UInt64(1), 2, .random(in: 0...UInt64.max)], [false, true])
    func equalsTheTableOfReachableSums(seed: UInt64, isSame: Bool) throws {
        var generator = SeededGenerator(seed: seed)
        let first = (0..<40).map { _ in Int.random(in: 1...2_500, using: &generator) * 7 }
        let tables = (0..<8).map { _ in
            isSame ? first : (0..<40).map { _ in Int.random(in: 1...2_500, using: &generator) * 7 }
        }
        let mean = tables.reduce(0) { $0 + $1.reduce(0, +) / $1.count }
        let capacity = Int(Double(mean) * .random(in: 0.5...1.2, using: &generator))
        var isReached = [true] + Array(repeating: false, count: capacity)
        for table in tables {
            var next = Array(repeating: false, count: capacity + 1)
            for sum in isReached.indices where isReached[sum] {
                for cost in table where sum + cost <= capacity { next[sum + cost] = true }
            }
            isReached = next
        }
        let best = try #require(isReached.lastIndex(of: true), "seed \(seed)")
        let classes = tables.map { $0.map { Item(cost: Double($0), value: Double($0) / 100) } }
        let solution = try #require(
            MultipleChoiceKnapsack(classes: classes, capacity: Double(capacity)).solve(), "seed \(seed)")
        #expect(abs(solution.value - Double(best) / 100) < 1e-6, "seed \(seed)")
        #expect(solution.isProvenOptimal && solution.upperBound == solution.value, "seed \(seed)")
    }

    /// The bound holds without a tolerance too, and is as close as asked for.
    @Test(arguments: Family.allCases, [UInt64(1), 2, .random(in: 0...UInt64.max)])
    func boardSizedProblemsAreProvenToTheTolerance(family: Family, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let tolerance = 8 * 10 * 1e-6
        for _ in 0..<4 {
            let classes = Self.classes(family, 8, items: 40, resources: 1, using: &generator)
            let capacity = Self.capacity(classes, using: &generator)
            let solution = try #require(
                MultipleChoiceKnapsack(classes: classes, capacity: capacity).solve(tolerance: tolerance))
            var sum = Item(costs: .zero, value: 0)
            for (items, place) in zip(classes, solution.choice) {
                sum = Item(costs: sum.costs + items[place].costs, value: sum.value + items[place].value)
            }
            #expect(abs(sum.value - solution.value) < 1e-9, "seed \(seed)")
            #expect(all(sum.costs .<= capacity * (1 + 1e-8)), "seed \(seed)")
            #expect(solution.upperBound >= solution.value, "seed \(seed)")
            #expect(
                solution.isProvenOptimal == (solution.upperBound - solution.value <= tolerance + 1e-9), "seed \(seed)")
            // Nearly all are proven; that all are would be too much to ask of any seed.
            if seed < 3 { #expect(solution.isProvenOptimal, "seed \(seed)") }
        }
    }

    /// Whatever the tables, the search ends: what it looks at is limited for each item.
    @Test(arguments: Family.allCases, [UInt64(1), .random(in: 0...UInt64.max)])
    func workIsLimitedAndTheBoundStands(family: Family, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let classes = Self.classes(family, 8, items: 40, resources: 3, using: &generator)
        let capacity = Self.capacity(classes, using: &generator)
        let knapsack = MultipleChoiceKnapsack(classes: classes, capacity: capacity)
        let exact = try #require(knapsack.solve(), "seed \(seed)")
        let rough = try #require(knapsack.solve(tolerance: 8e-3), "seed \(seed)")
        #expect(exact.exploredStates <= (MultipleChoiceKnapsack.workPerItem + 1) * 320, "seed \(seed)")
        #expect(rough.value <= exact.upperBound + 1e-9 && exact.value <= rough.upperBound + 1e-9, "seed \(seed)")
        #expect(rough.isProvenOptimal && rough.upperBound - rough.value <= 8e-3 + 1e-9, "seed \(seed)")
        #expect(knapsack.solve(tolerance: 8e-3) == rough, "seed \(seed)")
    }

    /// Each resource would suffice alone. More states stay open than the first passes keep, which proves nothing yet.
    @Test(arguments: [UInt64(1), 2, 3, .random(in: 0...UInt64.max)])
    func whatFitsOnlyApartIsFoundNotToFit(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<10 {
            let classes = (0..<5).map { _ in
                (0..<8).map { place in
                    let share = Double(place) / 7
                    return Item(
                        costs: .init(
                            share + .random(in: 0...0.1, using: &generator),
                            1 - share + .random(in: 0...0.1, using: &generator), 0, 0),
                        value: .random(
                            in: 0...1, using: &generator))
                }
            }
            let least = Self.combinations(of: classes).map { max($0.costs[0], $0.costs[1]) }.min() ?? 0
            let knapsack = { MultipleChoiceKnapsack(classes: classes, capacity: Costs($0, $0, 1, 1)) }
            #expect(knapsack(least * 0.9999).solve() == nil, "seed \(seed)")
            #expect(knapsack(least * 1.0001).solve()?.isProvenOptimal == true, "seed \(seed)")
            #expect(knapsack(least * 0.9999).solve(stateLimit: 2) == nil, "seed \(seed)")
        }
    }
}
