import AuditLog
import FleetModel
import FleetStore
import Rollouts
import Testing

@Suite struct RolloutStoreTests {
    private func policy() throws -> Policy {
        Policy(
            name: "p", selector: [:],
            models: [
                ModelPolicy(
                    model: "m", latency: LatencyConstraint(milliseconds: 10, percentile: 99), accuracyFloor: nil,
                    priority: 1)
            ])
    }

    private func rollout(_ name: String, number: UInt64) throws -> Rollout {
        Rollout(
            plan: RolloutPlan(name: name, gates: RolloutGates(p99Ratio: 1.5)),
            content: .policy(try policy(), text: "kind"),
            groups: [[try Samples.id("a")], [try Samples.id("b"), try Samples.id("c")]], number: number,
            createdBy: "ann", createdAtMilliseconds: 5)
    }

    private func draft(_ target: String) -> AuditDraft {
        AuditDraft(actor: "ann", action: .rolloutCreated, target: target, atMilliseconds: 5)
    }

    /// A rollout that moved: one board was read and told.
    private func moved(_ rollout: Rollout) throws -> Rollout {
        var rollout = rollout
        rollout.stored()
        rollout.boardSeen(try Samples.id("a"), isConnected: true, incarnation: 3)
        _ = rollout.clockRead(milliseconds: 1)
        rollout.pastRead(RolloutMeasures(), of: try Samples.id("a"))
        _ = rollout.clockRead(milliseconds: 2)
        return rollout
    }

    private func same(_ left: Rollout, _ right: Rollout) -> Bool {
        var (left, right) = (left, right)
        left.stored()
        right.stored()
        return left.summary == right.summary && left.boards == right.boards && left.groups == right.groups
            && left.plan == right.plan && left.policy == right.policy && left.number == right.number
    }

    private func stores(
        _ maker: StoreMaker, _ limits: StoreLimits = StoreLimits(), _ body: (any RolloutStore) async throws -> Void
    )
        async throws
    {
        try await maker.with(limits) { store in try await body(try #require(store as? any RolloutStore)) }
    }

    @Test(arguments: StoreMaker.all)
    func whatChangedIsKeptWithItsEntryInTheLog(maker: StoreMaker) async throws {
        try await stores(maker) { store in
            let first = try rollout("r", number: 1)
            try await store.addRollout(first, audit: draft("rollout r"))
            await #expect(throws: FleetStoreFailure.rolloutNameInUse("r")) {
                try await store.addRollout(first, audit: draft("again"))
            }
            let kept = try #require(try await store.rollouts().first)
            #expect(same(kept, first))

            let next = try moved(kept)
            #expect(next.changedBoards.count == 1 && next.hasMoved)
            try await store.saveRollout(next, audit: draft("moved"))
            let after = try #require(try await store.rollouts().first)
            #expect(same(after, next))
            await #expect(throws: FleetStoreFailure.unknownRollout("x")) {
                try await store.saveRollout(try rollout("x", number: 2), audit: draft("x"))
            }
            let targets = try await store.audit(after: nil, sinceMilliseconds: 0, limit: 9).map(\.target)
            #expect(targets == ["rollout r", "moved"])
        }
    }

    @Test(arguments: StoreMaker.all)
    func adoptionIsOneWithThePolicy(maker: StoreMaker) async throws {
        try await maker.with { fleet in
            let store = try #require(fleet as? any RolloutStore)
            let first = try rollout("r", number: 1)
            try await store.addRollout(first, audit: draft("rollout r"))
            let stored = try await store.adoptRollout(first, audits: [draft("one"), draft("two")])
            #expect(stored.version == 1)
            #expect(try await fleet.policies() == [stored])
            #expect(try await fleet.audit(after: nil, sinceMilliseconds: 0, limit: 9).count == 3)
        }
    }

    @Test(arguments: StoreMaker.all)
    func theOldestThatIsOverGoes(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.rollouts = 2
        try await stores(maker, limits) { store in
            var first = try rollout("a", number: 1)
            try await store.addRollout(first, audit: draft("a"))
            try await store.addRollout(try rollout("b", number: 2), audit: draft("b"))
            await #expect(throws: FleetStoreFailure.limitReached(what: "rollouts", limit: 2)) {
                try await store.addRollout(try rollout("c", number: 3), audit: draft("c"))
            }
            _ = try first.aborted("no")
            try await store.saveRollout(first, audit: nil)
            try await store.addRollout(try rollout("c", number: 3), audit: draft("c"))
            #expect(try await store.rollouts().map(\.plan.name) == ["b", "c"])
        }
    }

    @Test func rolloutsOutliveTheProcess() async throws {
        try await withFolder { folder in
            let next = try moved(try rollout("r", number: 1))
            let store = try SQLiteFleetStore(path: folder + "/fleet.sqlite")
            try await store.addRollout(try rollout("r", number: 1), audit: draft("r"))
            try await store.saveRollout(next, audit: nil)
            try store.close()
            let again = try SQLiteFleetStore(path: folder + "/fleet.sqlite")
            let kept = try #require(try await again.rollouts().first)
            #expect(same(kept, next))
            #expect(!kept.hasMoved && kept.changedBoards.isEmpty)
            try again.close()
        }
    }
}
