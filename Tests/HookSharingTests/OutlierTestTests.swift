import FleetModel
import Testing

@testable import HookSharing

@Suite struct OutlierTestTests {
    private func named(_ updates: [GateUpdate]) -> [BoardID] {
        zip(updates, OutlierTest().measure(updates.map(\.delta)).measures).filter { $1.reason != nil }.map(\.0.board)
    }

    @Test func honestBoardsAreNotNamed() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        for boards in 1...12 { #expect(named(try honest(boards, parameters: 400, &draws)).isEmpty, "seed \(seed)") }
    }

    enum Fault: CaseIterable { case flipped, noise, long, short }

    @Test(arguments: Fault.allCases, [(8, 2), (12, 3), (5, 1)])
    func aQuarterOfBadBoardsIsNamed(fault: Fault, counts: (boards: Int, bad: Int)) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        var updates = try honest(counts.boards, parameters: 4_000, &draws)
        for index in 0..<counts.bad {
            switch fault {
            case .flipped: updates[index].delta = updates[index].delta.map { -$0 }
            case .noise: updates[index].delta = draws.vector(4_000).map { 0.014 * $0 }
            case .long: updates[index].delta = updates[index].delta.map { 50 * $0 }
            case .short: updates[index].delta = updates[index].delta.map { $0 / 50 }
            }
        }
        // Of so many parameters noise points nowhere: it takes four times its deviation to pass.
        let found = Set(named(updates))
        let bad = Set(updates.prefix(counts.bad).map(\.board))
        #expect(found == bad, "seed \(seed): \(found)")
    }

    /// Noise may by chance point a little where only two others point; it is put up with, and the median withstands it.
    @Test(arguments: [Fault.flipped, .long, .short], [3, 4, 5, 6, 7])
    func oneBadBoardOfFewIsNamed(fault: Fault, boards: Int) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        var updates = try honest(boards, parameters: 1_000, &draws)
        switch fault {
        case .flipped, .noise: updates[1].delta = updates[1].delta.map { -$0 }
        case .long: updates[1].delta = updates[1].delta.map { 50 * $0 }
        case .short: updates[1].delta = updates[1].delta.map { $0 / 50 }
        }
        #expect(named(updates) == [updates[1].board], "seed \(seed)")
    }

    /// Up to fewer than half, where they do not imitate others.
    @Test(arguments: [(5, 2), (7, 3), (8, 3), (9, 4)])
    func fewerThanHalfAreNamedWhenTheyPointAway(boards: Int, bad: Int) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        var updates = try honest(boards, parameters: 1_000, &draws)
        for index in 0..<bad { updates[index].delta = updates[index].delta.map { -$0 } }
        #expect(Set(named(updates)) == Set(updates.prefix(bad).map(\.board)), "seed \(seed)")
    }

    @Test(arguments: [4, 6, 8])
    func halfOfTheBoardsAreNamedNeitherWay(boards: Int) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        var updates = try honest(boards, parameters: 1_000, &draws)
        for index in 0..<boards / 2 { updates[index].delta = updates[index].delta.map { -$0 } }
        let result = OutlierTest().measure(updates.map(\.delta))
        #expect(result.accord == .split && result.measures.allSatisfy { $0.reason == nil }, "seed \(seed)")
    }

    /// To any rule that treats boards alike, either two of four are the others' bad ones.
    @Test func twoOfFourCannotBeToldFromTheOtherTwo() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        var updates = try honest(4, parameters: 1_000, &draws)
        for index in 0..<2 { updates[index].delta = updates[index].delta.map { -$0 } }
        #expect(named(updates).isEmpty, "seed \(seed)")
    }

    @Test func nobodyIsNamedForDirectionWhereBoardsDisagree() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        let updates = try (1...8).map { try update($0, draws.vector(500)) }
        let result = OutlierTest().measure(updates.map(\.delta))
        #expect(result.accord == .disagreed && result.measures.allSatisfy { $0.reason == nil }, "seed \(seed)")
    }

    /// Three of eight point the same way by chance, the others anywhere: that is no majority, however alike the three.
    @Test func aFewThatAreAlikeDoNotNameTheOthers() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        let alike = try honest(3, parameters: 1_000, &draws)
        let others = try (4...8).map { try update($0, draws.vector(1_000).map { 0.014 * $0 }) }
        let result = OutlierTest().measure((alike + others).map(\.delta))
        #expect(result.accord != .agreed && result.measures.allSatisfy { $0.reason == nil }, "seed \(seed)")
    }

    /// Around an optimum one board points against two by chance; with one that was named before they would be half.
    @Test func whoIsDistrustedMakesNoHalf() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        let updates = try honest(4, parameters: 1_000, &draws).map(\.delta)
        let deltas = updates.prefix(2) + updates.suffix(2).map { $0.map { -$0 } }
        #expect(OutlierTest().measure(Array(deltas)).accord == .split, "seed \(seed)")
        #expect(OutlierTest().measure(Array(deltas), distrusted: [3]).accord == .disagreed, "seed \(seed)")
    }

    @Test func emptyAndZeroUpdatesAreNoTrouble() throws {
        #expect(OutlierTest().measure([]).measures.isEmpty)
        let zeros = [[Float]](repeating: [0, 0], count: 6)
        #expect(OutlierTest().measure(zeros).measures.allSatisfy { $0.reason == nil && $0.cosine == 0 })
    }
}
