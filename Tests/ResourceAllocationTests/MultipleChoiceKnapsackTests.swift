import ResourceAllocation
import SearchSpace
import Testing

@Suite struct MultipleChoiceKnapsackTests {
    private typealias Item = MultipleChoiceKnapsack.Item

    private static func classes(
        _ count: Int, items: Int, using generator: inout some RandomNumberGenerator
    ) -> [[Item]] {
        (0..<count).map { _ in
            (0..<items).map { _ in
                Item(cost: .random(in: 0.01...1, using: &generator), value: .random(in: 0...100, using: &generator))
            }
        }
    }

    /// Forty points, costs and values rising with noise as tables do: the hard case, since nothing is dominated.
    private static func risingClasses(_ count: Int, using generator: inout some RandomNumberGenerator) -> [[Item]] {
        (0..<count).map { _ in
            var item = Item(cost: 0.02, value: 10)
            let priority = Double.random(in: 1...100, using: &generator)
            return (0..<40).map { _ in
                item.costs[0] += .random(in: 0.001...0.02, using: &generator)
                item.value += .random(in: 0.0001...0.01, using: &generator) * priority
                return item
            }
        }
    }

    @Test(arguments: [UInt64(1), 2, 3, .random(in: 0...UInt64.max)])
    func equalsExhaustiveSearchOnItemsInAnyOrder(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let classes = Self.classes(
                .random(in: 1...4, using: &generator), items: .random(in: 1...6, using: &generator), using: &generator)
            let capacity = Double.random(in: 0.1...3, using: &generator)

            let solution = MultipleChoiceKnapsack(classes: classes, capacity: capacity).solve()

            var best: Double?
            for combination in Self.combinations(of: classes) {
                let cost = zip(classes, combination).reduce(0) { $0 + $1.0[$1.1].costs[0] }
                let value = zip(classes, combination).reduce(0) { $0 + $1.0[$1.1].value }
                if cost <= capacity { best = max(best ?? 0, value) }
            }
            let found = solution.map { zip(classes, $0.choice).reduce(0) { $0 + $1.0[$1.1].value } }
            #expect((found == nil) == (best == nil), "seed \(seed)")
            if let found, let best { #expect(abs(found - best) < 1e-9, "seed \(seed)") }
        }
    }

    /// Three resources, of which any may be short, plenty, or free.
    @Test(arguments: [UInt64(1), 2, 3, .random(in: 0...UInt64.max)])
    func equalsExhaustiveSearchWithSeveralResources(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var (solved, refused) = (0, 0)
        for _ in 0..<400 {
            let free = Int.random(in: 0...5, using: &generator)
            let classes = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                    var costs = MultipleChoiceKnapsack.Costs.zero
                    for resource in 0..<3 where resource != free {
                        costs[resource] = Double(Int.random(in: 0...20, using: &generator)) / 10
                    }
                    return Item(costs: costs, value: Double(Int.random(in: 0...30, using: &generator)))
                }
            }
            var capacity = MultipleChoiceKnapsack.Costs(repeating: .infinity)
            for resource in 0..<Int.random(in: 1...3, using: &generator) {
                capacity[resource] = Double(Int.random(in: 0...50, using: &generator)) / 10
            }

            let solution = MultipleChoiceKnapsack(classes: classes, capacity: capacity).solve()

            let best = Self.combinations(of: classes).compactMap { combination -> Double? in
                let items = zip(classes, combination).map { $0[$1] }
                let used = items.reduce(MultipleChoiceKnapsack.Costs.zero) { $0 + $1.costs }
                return all(used .<= capacity + 1e-9) ? items.reduce(0) { $0 + $1.value } : nil
            }.max()
            if best == nil { refused += 1 } else { solved += 1 }
            #expect((solution == nil) == (best == nil), "seed \(seed)")
            guard let solution, let best else { continue }
            let items = zip(classes, solution.choice).map { $0[$1] }
            #expect(abs(items.reduce(0) { $0 + $1.value } - best) < 1e-9, "seed \(seed)")
            #expect(all(items.reduce(.zero) { $0 + $1.costs } .<= capacity + 1e-8), "seed \(seed)")
            #expect(solution.isProvenOptimal && abs(solution.value - best) < 1e-9, "seed \(seed)")
        }
        #expect(solved > 50 && refused > 50, "seed \(seed): \(solved) solved, \(refused) refused")
    }

    /// A search that gives up its proof still brackets the optimum, whatever it gives up.
    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)], [1, 8, 64])
    func statedBoundIsNeverBelowTheOptimum(seed: UInt64, limit: Int) throws {
        var generator = SeededGenerator(seed: seed)
        var unproven = 0
        for _ in 0..<40 {
            let classes = Self.risingClasses(16, using: &generator).map { items in
                items.map { item in
                    Item(
                        costs: .init(item.costs[0], .random(in: 1...64, using: &generator), 0, 0), value: item.value)
                }
            }
            let knapsack = MultipleChoiceKnapsack(classes: classes, capacity: .init(4, 480, 1, 1))
            let exact = try #require(knapsack.solve(), "seed \(seed)")
            guard let rough = knapsack.solve(stateLimit: limit) else {
                Issue.record("seed \(seed): found nothing")
                continue
            }
            #expect(rough.value <= exact.upperBound + 1e-9 && exact.value <= rough.upperBound + 1e-9, "seed \(seed)")
            if !rough.isProvenOptimal { unproven += 1 }
        }
        if limit == 1 { #expect(unproven > 0, "seed \(seed)") }
    }

    private static func combinations(of classes: [[Item]]) -> [[Int]] {
        classes.reduce([[]]) { combinations, items in
            combinations.flatMap { combination in items.indices.map { combination + [$0] } }
        }
    }

    /// The whole product would be 40^8, 6.5e12 states.
    @Test(arguments: [UInt64(1), 2, 3, .random(in: 0...UInt64.max)])
    func boardSizedProblemsTakeFewStates(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var most = 0
        for _ in 0..<20 {
            let classes = Self.risingClasses(8, using: &generator)
            let capacity = Double.random(in: 0.4...2.5, using: &generator)
            let solution = try #require(MultipleChoiceKnapsack(classes: classes, capacity: capacity).solve())
            #expect(solution.isProvenOptimal, "seed \(seed)")
            most = max(most, solution.exploredStates)
        }
        #expect(most < 200_000, "seed \(seed): \(most) states")
        print("seed \(seed): at most \(most) states")
    }

    @Test func equalClassesDoNotMultiply() throws {
        var generator = SeededGenerator(seed: 5)
        let items = Self.risingClasses(1, using: &generator)[0]
        let classes = Array(repeating: items, count: 8)
        let solution = try #require(MultipleChoiceKnapsack(classes: classes, capacity: 1.9).solve())
        #expect(solution.isProvenOptimal)
        #expect(solution.exploredStates < 200_000, "\(solution.exploredStates)")
    }

    @Test(arguments: [1, 2])
    func atTheStateLimitASolutionStillComesOutButUnproven(limit: Int) throws {
        var generator = SeededGenerator(seed: 11)
        let classes = Self.risingClasses(8, using: &generator)
        let exact = try #require(MultipleChoiceKnapsack(classes: classes, capacity: 1.5).solve())
        let rough = try #require(MultipleChoiceKnapsack(classes: classes, capacity: 1.5).solve(stateLimit: limit))
        #expect(!rough.isProvenOptimal && rough.upperBound >= exact.value - 1e-9)
        func total(_ choice: [Int], _ key: KeyPath<MultipleChoiceKnapsack.Item, Double>) -> Double {
            zip(classes, choice).reduce(0) { $0 + $1.0[$1.1][keyPath: key] }
        }
        #expect(rough.choice.count == 8)
        #expect(total(rough.choice, \.costs[0]) <= 1.5 + 1e-9)
        #expect(total(rough.choice, \.value) <= total(exact.choice, \.value) + 1e-9)
        #expect(total(rough.choice, \.value) >= 0.95 * total(exact.choice, \.value))
    }

    /// Sums of hundreds of millions, as of bytes, are rounded by more than the smallest costs are worth.
    @Test(arguments: [UInt64(1), 2, .random(in: 0...UInt64.max)])
    func whatFitsToTheByteFits(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let classes: [[Item]] = (0..<4).map { _ in
                (0..<4).map { _ in
                    let bytes = Double(Int.random(in: 1_000_000...400_000_000, using: &generator))
                    let cores = Double.random(in: 0.05...0.5, using: &generator)
                    return Item(
                        costs: .init(cores, bytes, 0, 0), value: .random(in: 0...10, using: &generator))
                }
            }
            let drawn = classes.map { $0[.random(in: 0..<4, using: &generator)] }
            let capacity = MultipleChoiceKnapsack.Costs(
                10, drawn.reduce(0) { $0 + $1.costs[1] }, .infinity, .infinity)
            let solution = try #require(
                MultipleChoiceKnapsack(classes: classes, capacity: capacity).solve(), "seed \(seed)")
            #expect(solution.value >= drawn.reduce(0) { $0 + $1.value } - 1e-9, "seed \(seed)")
            let used = zip(classes, solution.choice).reduce(0) { $0 + $1.0[$1.1].costs[1] }
            #expect(used <= capacity[1] + 1, "seed \(seed)")
        }
    }

    @Test func tooSmallACapacityHasNoSolution() {
        #expect(MultipleChoiceKnapsack(classes: [[.init(cost: 2, value: 1)]], capacity: 1).solve() == nil)
    }

    @Test func noClassesAreSolvedByNothing() {
        #expect(MultipleChoiceKnapsack(classes: [], capacity: 1).solve()?.choice == [])
    }

    @Test func freeItemsAreTaken() {
        let solution = MultipleChoiceKnapsack(
            classes: [[.init(cost: 0, value: 0), .init(cost: 0, value: 5)], [.init(cost: 0, value: 1)]], capacity: 0
        ).solve()
        #expect(solution?.choice == [1, 0])
    }
}
