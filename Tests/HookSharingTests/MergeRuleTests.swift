import Testing

@testable import HookSharing

@Suite struct MergeRuleTests {
    static let rules: [MergeRule] = [
        .mean, .trimmedMean(share: 0.1), .trimmedMean(share: 0.25), .trimmedMean(share: 0.49), .median,
    ]

    private func values(_ count: Int, _ draws: inout Draws) -> [(value: Double, weight: Double)] {
        (0..<count).map { _ in (Double(draws.normal()), Double.random(in: 0.1...9, using: &draws)) }
    }

    @Test(arguments: rules)
    func theOrderOfUpdatesChangesNoBit(rule: MergeRule) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        for count in 1...20 {
            var first = values(count, &draws)
            var second = first.shuffled(using: &draws)
            #expect(rule.merge(&first) == rule.merge(&second), "seed \(seed), \(count) values")
        }
    }

    @Test(arguments: rules)
    func equalUpdatesMergeToThemselves(rule: MergeRule) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        for count in 1...20 {
            let value = Double(draws.normal())
            var equal = values(count, &draws).map { (value: value, weight: $0.weight) }
            #expect(rule.merge(&equal) == value, "seed \(seed), \(count) values")
        }
    }

    /// As many as a rule withstands may send anything; the result stays between values of the others. One more, and it
    /// need not: the stated number is not smaller than it must be.
    @Test(arguments: rules)
    func whatItWithstandsLeavesTheResultAmongHonestValues(rule: MergeRule) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        for count in 3...24 {
            let bad = rule.withstands(of: count)
            let good = values(count - bad, &draws)
            let (low, high) = (good.map(\.value).min() ?? 0, good.map(\.value).max() ?? 0)
            for extreme in [1e30, -1e30] {
                var all = good + (0..<bad).map { _ in (value: extreme, weight: 1e9) }
                #expect((low...high).contains(rule.merge(&all)), "seed \(seed), \(bad) of \(count)")
                var tooMany = values(count - bad - 1, &draws) + (0...bad).map { _ in (value: extreme, weight: 1.0) }
                #expect(abs(rule.merge(&tooMany)) > 1e10, "seed \(seed), \(bad + 1) of \(count)")
            }
        }
    }

    @Test func statedFractions() {
        #expect(MergeRule.mean.withstands(of: 100) == 0)
        let trimmed = (1...12).map { MergeRule.trimmedMean(share: 0.25).withstands(of: $0) }
        #expect(trimmed == [0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3])
        #expect(MergeRule.median.withstands(of: 8) == 3)
        #expect(MergeRule.median.withstands(of: 9) == 4)
    }

    @Test func meansWeighAndMediansDoNot() {
        var values = [(value: 0.0, weight: 3.0), (value: 4.0, weight: 1.0), (value: 9.0, weight: 1.0)]
        #expect(MergeRule.mean.merge(&values) == 13.0 / 5)
        #expect(MergeRule.median.merge(&values) == 4)
    }
}
