import CKernels
import Engine
import Synchronization
import Testing

@Suite struct ThreadTeamTests {
    /// Counts what was done, and whether an operation began before the one before it was complete.
    private final class Ledger: Sendable {
        let done = Mutex([Int](repeating: 0, count: 64))
        let cuts = Mutex([Int](repeating: 0, count: 64))
        let outOfOrder = Atomic<Int>(0)
    }

    @Test(arguments: [2, 3, 5])
    func everyPartIsDoneOnceAndInOrder(threads: Int32) throws {
        let team = try #require(ck_team_create(threads, 64))
        defer { ck_team_destroy(team) }
        let ledger = Ledger()
        var generator = Fixture(seed: UInt64(threads))
        for _ in 0..<500 {
            let cuts = generator.values(20).map { Int32(1 + abs($0) * 9) }
            ledger.done.withLock { $0 = $0.map { _ in 0 } }
            ledger.cuts.withLock { $0.replaceSubrange(0..<cuts.count, with: cuts.map(Int.init)) }
            for (index, parts) in cuts.enumerated() { ck_team_cut(team, Int32(index), parts) }
            ck_team_run(
                team, Int32(cuts.count),
                { context, operation, _, _ in
                    guard let context else { return }
                    let ledger = Unmanaged<Ledger>.fromOpaque(context).takeUnretainedValue()
                    let before = Int(operation) - 1
                    let expected = before < 0 ? 0 : ledger.cuts.withLock { $0[before] }
                    ledger.done.withLock { done in
                        if before >= 0, done[before] != expected { ledger.outOfOrder.add(1, ordering: .relaxed) }
                        done[Int(operation)] += 1
                    }
                }, Unmanaged.passUnretained(ledger).toOpaque())
            #expect(ledger.done.withLock { Array($0[0..<cuts.count]) } == cuts.map(Int.init))
        }
        #expect(ledger.outOfOrder.load(ordering: .relaxed) == 0)
    }

    @Test func aRunBeyondTheCapacityDoesNothing() throws {
        let team = try #require(ck_team_create(2, 1))
        defer { ck_team_destroy(team) }
        ck_team_run(team, 2, { _, _, _, _ in Issue.record("ran") }, nil)
        ck_team_run(team, 0, { _, _, _, _ in Issue.record("ran") }, nil)
    }
}
