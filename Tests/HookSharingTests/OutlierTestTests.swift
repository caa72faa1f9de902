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
        var updates = try honest(counts.boards, parameters: 1_000, &draws)
        for index in 0..<counts.bad {
            switch fault {
            case .flipped: updates[index].delta = updates[index].delta.map { -$0 }
            case .noise: updates[index].delta = draws.vector(1_000).map { 0.014 * $0 }
            case .long: updates[index].delta = updates[index].delta.map { 50 * $0 }
            case .short: updates[index].delta = updates[index].delta.map { $0 / 50 }
            }
        }
        // Noise points a little towards the others in one case of many.
        let found = Set(named(updates))
        let bad = Set(updates.prefix(counts.bad).map(\.board))
        #expect(found == bad, "seed \(seed): \(found)")
    }

    @Test func nobodyIsNamedForDirectionWhereBoardsDisagree() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var draws = Draws(state: seed)
        let updates = try (1...8).map { try update($0, draws.vector(500)) }
        let result = OutlierTest().measure(updates.map(\.delta))
        #expect(!result.agrees && result.measures.allSatisfy { $0.reason == nil }, "seed \(seed)")
    }

    @Test func emptyAndZeroUpdatesAreNoTrouble() throws {
        #expect(OutlierTest().measure([]).measures.isEmpty)
        let zeros = [[Float]](repeating: [0, 0], count: 6)
        #expect(OutlierTest().measure(zeros).measures.allSatisfy { $0.reason == nil && $0.cosine == 0 })
    }
}
