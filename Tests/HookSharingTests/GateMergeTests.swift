import FleetModel
import Testing

@testable import HookSharing

@Suite struct GateMergeTests {
    @Test func theOrderOfBoardsChangesNothing() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        let updates = try honest(8, parameters: 50, &draws)
        let first = GateMerge().merge(updates, latest: 1, nowMilliseconds: 5)
        let second = GateMerge().merge(updates.shuffled(using: &draws), latest: 1, nowMilliseconds: 5)
        #expect(first == second, "seed \(seed)")
    }

    @Test func equalUpdatesMergeToThemselves() throws {
        let delta: [Float] = [0.5, -0.25, 3]
        let updates = try (1...5).map { try update($0, delta, samples: UInt64($0) * 10) }
        #expect(GateMerge().merge(updates, latest: 1, nowMilliseconds: 0).delta == delta)
    }

    @Test func everyParameterLiesAmongHonestOnes() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        let good = try honest(6, parameters: 40, &draws)
        let bad = try [7, 8].map { try update($0, draws.vector(40).map { 100 * $0 }, samples: 1_000_000) }
        // Even where nobody is told apart.
        let delta = try #require(
            GateMerge(outliers: nil).merge(good + bad, latest: 1, nowMilliseconds: 0).delta)
        for parameter in delta.indices {
            let values = good.map { $0.delta[parameter] }
            let range = (values.min() ?? 0)...(values.max() ?? 0)
            #expect(range.contains(delta[parameter]), "seed \(seed), parameter \(parameter)")
        }
    }

    /// Where boards disagree nobody is left out for direction, and what a board claims to have seen counts nothing.
    @Test func fewerThanHalfMoveNoParameterOutOfTheHonestOnesWhereBoardsDisagree() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        for (boards, bad) in [(3, 1), (4, 1), (5, 2), (8, 3)] {
            let good = try (1...boards - bad).map { try update($0, draws.vector(400)) }
            let lies = try (boards - bad + 1...boards).map { try update($0, draws.vector(400), samples: 1_000_000) }
            let result = GateMerge().merge(good + lies, latest: 1, nowMilliseconds: 0)
            #expect(result.accord == .disagreed && result.excluded.isEmpty, "seed \(seed)")
            for (parameter, value) in try #require(result.delta).enumerated() {
                let values = good.map { $0.delta[parameter] }
                let range = (values.min() ?? 0)...(values.max() ?? 0)
                #expect(range.contains(value), "seed \(seed), \(boards) boards, parameter \(parameter)")
            }
        }
    }

    /// Exactly half of them bad, and the same: nobody can say which half.
    @Test(arguments: [4, 6, 8]) func nothingIsMergedOfBoardsThatAreSplit(boards: Int) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        var updates = try honest(boards, parameters: 1_000, &draws)
        for index in 0..<boards / 2 { updates[index].delta = updates[index].delta.map { -$0 } }
        let result = GateMerge().merge(updates, latest: 1, nowMilliseconds: 0)
        #expect(result.accord == .split && result.delta == nil && result.marks.isEmpty, "seed \(seed)")
    }

    /// One of four was named: what the others do not agree on is merged by the median, and the vote decides.
    @Test func whoWasNamedDoesNotSplitTheOthers() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        var updates = try honest(4, parameters: 1_000, &draws)
        for index in 0..<2 { updates[index].delta = updates[index].delta.map { -$0 } }
        let marks = [updates[0].board: GateMerge.Mark(version: 1, reason: "points against the others")]
        let result = GateMerge().merge(updates, latest: 2, marks: marks, nowMilliseconds: 0)
        #expect(result.accord == .disagreed && result.excluded.map(\.board) == [updates[0].board], "seed \(seed)")
        for (parameter, value) in try #require(result.delta).enumerated() {
            let values = updates.dropFirst().map { $0.delta[parameter] }.sorted()
            #expect(value == values[1], "seed \(seed), parameter \(parameter)")
        }
    }

    @Test func whatHasArrivedIsMergedHoweverLittle() throws {
        let one = try update(3, [1, 2])
        #expect(GateMerge().merge([one], latest: 1, nowMilliseconds: 0).delta == [1, 2])
        #expect(GateMerge().merge([], latest: 1, nowMilliseconds: 0).delta == nil)
    }

    @Test func samplesAndFreshnessWeigh() throws {
        let merge = GateMerge(rule: .mean, outliers: nil)
        let samples = merge.merge(
            [try update(1, [0], samples: 100), try update(2, [1], samples: 300)], latest: 1, nowMilliseconds: 0)
        #expect(samples.delta == [0.75])
        let stale = merge.merge(
            [try update(1, [0], base: 4), try update(2, [1], base: 1)], latest: 4, nowMilliseconds: 0)
        #expect(abs(try #require(stale.delta)[0] - 1.0 / 3) < 1e-6)
        let waited = merge.merge(
            [try update(1, [0], arrived: 86_400_000), try update(2, [1], arrived: 0)], latest: 1,
            nowMilliseconds: 86_400_000)
        #expect(abs(try #require(waited.delta)[0] - 1.0 / 3) < 1e-6)
    }

    /// What a board claims to have seen counts as four times the median at the most.
    @Test func noClaimOfSamplesRules() throws {
        let merge = GateMerge(rule: .mean, outliers: nil)
        let delta = merge.merge(
            [try update(1, [0]), try update(2, [0]), try update(3, [1], samples: 1 << 40)], latest: 1,
            nowMilliseconds: 0
        ).delta
        #expect(abs(try #require(delta)[0] - 4.0 / 6) < 1e-6)
    }

    @Test func basesThatAreTooOldAreLeftOutByName() throws {
        let result = GateMerge().merge(
            [try update(1, [1], base: 1), try update(2, [3], base: 10)], latest: 10, nowMilliseconds: 0)
        #expect(result.delta == [3])
        let first = try boardID(1)
        #expect(result.excluded.map(\.board) == [first])
        #expect(result.excluded[0].exclusion == "learned from version 1, 9 before the latest")
    }

    @Test func whoWasNamedStaysOutWhileBoardsDisagree() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        let updates = try (1...8).map { try update($0, draws.vector(300)) }
        let marks = [try boardID(2): GateMerge.Mark(version: 1, reason: "points nowhere")]
        let result = GateMerge().merge(updates, latest: 3, marks: marks, nowMilliseconds: 0)
        let second = try boardID(2)
        #expect(result.excluded.map(\.board) == [second], "seed \(seed)")
        let fresh = updates.map { one in
            var one = one
            one.baseVersion = 17
            return one
        }
        let later = GateMerge().merge(fresh, latest: 17, marks: marks, nowMilliseconds: 0)
        #expect(later.excluded.isEmpty, "seed \(seed)")
        let agreeing = try honest(8, parameters: 300, &draws)
        let cleared = GateMerge().merge(agreeing, latest: 3, marks: marks, nowMilliseconds: 0)
        #expect(cleared.excluded.isEmpty && cleared.marks.isEmpty, "seed \(seed)")
    }
}
