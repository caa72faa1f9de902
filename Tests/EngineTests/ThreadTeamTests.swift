import CKernels
import Engine
import Glibc
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

    /// What the parts of one operation saw of each other.
    private final class Meeting: Sendable {
        let begun = Atomic<Int>(0)
        let ended = Atomic<Int>(0)
        let threads = Mutex([pthread_t?](repeating: nil, count: 8))

        /// What `run` was given, told who does the part.
        static func met(_ context: UnsafeRawPointer?, _ part: Int32) -> Meeting? {
            guard let context else { return nil }
            let meeting = Unmanaged<Meeting>.fromOpaque(context).takeUnretainedValue()
            meeting.threads.withLock { $0[Int(part)] = pthread_self() }
            return meeting
        }

        /// - Returns: who did which part.
        func run(_ team: OpaquePointer, _ body: ck_team_body) -> [pthread_t?] {
            ck_team_run(team, 1, body, Unmanaged.passUnretained(self).toOpaque())
            return threads.withLock { $0 }
        }
    }

    @Test func eachMemberDoesItsOwnPartsInEveryRun() throws {
        let team = try #require(ck_team_create(2, 1))
        defer { ck_team_destroy(team) }
        let caller = pthread_self()
        ck_team_cut(team, 0, 2)
        for _ in 0..<200 {
            let threads = Meeting().run(team) { context, _, part, _ in
                guard let meeting = Meeting.met(context, part) else { return }
                // Neither can do both.
                meeting.begun.add(1, ordering: .relaxed)
                while meeting.begun.load(ordering: .relaxed) < 2 { sched_yield() }
            }
            #expect(threads[0] == caller)
            #expect(threads[1] != nil && threads[1] != caller)
        }
    }

    @Test func partsOfAMemberThatIsHeldUpAreDoneByOthers() throws {
        let team = try #require(ck_team_create(2, 1))
        defer { ck_team_destroy(team) }
        ck_team_cut(team, 0, 8)
        let threads = Meeting().run(team) { context, _, part, _ in
            guard let meeting = Meeting.met(context, part) else { return }
            let isHelpersFirst = part == 4
            meeting.begun.add(part == 0 || isHelpersFirst ? 1 : 0, ordering: .relaxed)
            if part == 0 { while meeting.begun.load(ordering: .relaxed) < 2 { sched_yield() } }
            // Held up until all other parts are done.
            if isHelpersFirst { while meeting.ended.load(ordering: .relaxed) < 7 { sched_yield() } }
            meeting.ended.add(1, ordering: .relaxed)
        }
        #expect(threads[4] != pthread_self())
        #expect([0, 1, 2, 3, 5, 6, 7].allSatisfy { threads[$0] == pthread_self() })
    }

    @Test func aRunBeyondTheCapacityDoesNothing() throws {
        let team = try #require(ck_team_create(2, 1))
        defer { ck_team_destroy(team) }
        ck_team_run(team, 2, { _, _, _, _ in Issue.record("ran") }, nil)
        ck_team_run(team, 0, { _, _, _, _ in Issue.record("ran") }, nil)
    }
}
