import FleetModel
import Foundation
import Rollouts
import Testing

@Suite struct RolloutTests {
    /// Reads the clock each second until something is to be done; boards are seen as connected unless said otherwise.
    private static func tick(
        _ rollout: inout Rollout, _ now: inout UInt64, seconds: Int = 1, away: Set<String> = []
    ) -> [Rollout.Effect] {
        var effects: [Rollout.Effect] = []
        for _ in 0..<seconds {
            now += 1_000
            for id in rollout.boards.keys {
                rollout.boardSeen(id, isConnected: !away.contains(id.rawValue), incarnation: 1)
            }
            effects += rollout.clockRead(milliseconds: now)
        }
        return effects
    }

    private static func assigned(_ effects: [Rollout.Effect]) -> [String] {
        effects.compactMap { if case .assign(let id, _) = $0 { id.rawValue } else { nil } }
    }

    private static func takenBack(_ effects: [Rollout.Effect]) -> [String] {
        effects.compactMap { if case .takeBack(let id, _) = $0 { id.rawValue } else { nil } }
    }

    private static func acknowledge(_ rollout: inout Rollout, _ names: String...) {
        for name in names {
            let id = Samples.id(name)
            rollout.boardAcknowledged(id, order: rollout.boards[id]?.order ?? 0, generation: 1)
        }
    }

    private static func plan(gates: RolloutGates = RolloutGates()) -> RolloutPlan {
        RolloutPlan(name: "r", errorThreshold: 0.5, soakSeconds: 3, waitSeconds: 5, gates: gates)
    }

    @Test func aGroupStartsWhenTheOneBeforeHasPassed() throws {
        var (rollout, now) = (Samples.rollout(Self.plan(), groups: [["a"], ["b", "c"]]), UInt64(0))
        #expect(Self.assigned(Self.tick(&rollout, &now)) == ["a"])
        #expect(Self.tick(&rollout, &now, seconds: 3).isEmpty)

        Self.acknowledge(&rollout, "a")
        #expect(Self.tick(&rollout, &now, seconds: 2).isEmpty)
        #expect(Self.tick(&rollout, &now) == [.tell("group 1 of 2 has passed")])
        #expect(Self.assigned(Self.tick(&rollout, &now)) == ["b", "c"])

        Self.acknowledge(&rollout, "b", "c")
        let effects = Self.tick(&rollout, &now, seconds: 5)
        #expect(effects.contains(.adopt) && rollout.status == .adopting)
        rollout.adopted()
        #expect(rollout.status == .finished && Self.tick(&rollout, &now).isEmpty)
    }

    @Test func tooManyFailuresReturnAllThatWereTouched() throws {
        var (rollout, now) = (Samples.rollout(Self.plan(), groups: [["a"], ["b", "c"], ["d"]]), UInt64(0))
        _ = Self.tick(&rollout, &now)
        Self.acknowledge(&rollout, "a")
        _ = Self.tick(&rollout, &now, seconds: 4)

        let order = try #require(rollout.boards[Samples.id("b")]?.order)
        rollout.boardFailed(Samples.id("b"), order: order, reason: "too slow")
        #expect(Self.takenBack(Self.tick(&rollout, &now)) == ["a", "b", "c"])
        #expect(rollout.status == .returning && rollout.reason.contains("b: too slow"))
        #expect(rollout.boardsOnNewVersion.isEmpty)
        // What was said before the return is no return.
        rollout.boardAcknowledged(Samples.id("b"), order: order, generation: 1)
        Self.acknowledge(&rollout, "a", "c")
        #expect(Self.tick(&rollout, &now).isEmpty && rollout.status == .returning)
        Self.acknowledge(&rollout, "b")
        #expect(Self.tick(&rollout, &now) == [.tell("every board is back")])
        #expect(rollout.status == .returned)
    }

    @Test func fewerFailuresThanTheThresholdDoNot() {
        var plan = Self.plan()
        plan.successThreshold = 0.5
        var (rollout, now) = (Samples.rollout(plan, groups: [["a", "b", "c"]]), UInt64(0))
        _ = Self.tick(&rollout, &now)
        Self.acknowledge(&rollout, "a", "b")
        let id = Samples.id("c")
        rollout.boardFailed(id, order: rollout.boards[id]?.order ?? 0, reason: "no")
        _ = Self.tick(&rollout, &now, seconds: 5)
        #expect(rollout.status == .adopting)
    }

    @Test func aBoardThatIsThereAndDoesNothingHasFailedOneThatIsAwayIsLeftOut() {
        var (rollout, now) = (Samples.rollout(Self.plan(), groups: [["a", "b", "c"]]), UInt64(0))
        _ = Self.tick(&rollout, &now, away: ["c"])
        Self.acknowledge(&rollout, "a")
        _ = Self.tick(&rollout, &now, seconds: 5, away: ["c"])
        #expect(rollout.boards[Samples.id("b")]?.state == .failed)
        #expect(rollout.boards[Samples.id("c")]?.state == .absent)
        // One of three failed, which is less than half; of the two that count one has it, which is less than all.
        #expect(rollout.status == .paused && rollout.reason.contains("success threshold"))
    }

    @Test func anAbsentBoardStillGetsItAndStillIsReturned() throws {
        var (rollout, now) = (Samples.rollout(Self.plan(), groups: [["a", "b"], ["c"]]), UInt64(0))
        _ = Self.tick(&rollout, &now, away: ["b"])
        Self.acknowledge(&rollout, "a")
        _ = Self.tick(&rollout, &now, seconds: 8, away: ["b"])
        #expect(rollout.currentGroup == 1 && rollout.boardsOnNewVersion.contains(Samples.id("b")))
        let effects = try rollout.aborted("by ann")
        #expect(Self.takenBack(effects) == ["a", "b", "c"])
        Self.acknowledge(&rollout, "a", "c")
        _ = Self.tick(&rollout, &now, seconds: 6, away: ["b"])
        #expect(rollout.status == .returned && rollout.boards[Samples.id("b")]?.state == .returning)
    }

    @Test func approvalPauseAndResume() throws {
        var plan = Self.plan()
        plan.needsApproval = true
        var (rollout, now) = (Samples.rollout(plan, groups: [["a"]]), UInt64(0))
        #expect(Self.tick(&rollout, &now, seconds: 9).isEmpty)
        #expect(throws: RolloutRefusal.self) { try rollout.paused("") }
        _ = try rollout.approved()
        #expect(throws: RolloutRefusal.self) { try rollout.approved() }
        _ = Self.tick(&rollout, &now)
        Self.acknowledge(&rollout, "a")
        _ = try rollout.paused("by ann")
        #expect(Self.tick(&rollout, &now, seconds: 20).isEmpty && rollout.status == .paused)
        _ = try rollout.resumed()
        // A pause of a person lets nothing pass: the soak time is still to come.
        #expect(Self.tick(&rollout, &now, seconds: 2).isEmpty)
        _ = Self.tick(&rollout, &now, seconds: 2)
        #expect(rollout.status == .adopting)
        #expect(throws: RolloutRefusal.self) { try rollout.aborted("") }
    }

    @Test func anAbortBeforeTheStartTouchesNothing() throws {
        var plan = Self.plan()
        plan.needsApproval = true
        var rollout = Samples.rollout(plan, groups: [["a"]])
        #expect(Self.takenBack(try rollout.aborted("by ann")).isEmpty)
        #expect(rollout.status == .returned)
    }

    @Test func groupsStartInTheirWindowsOnlyAndReturnsAtAnyTime() throws {
        var plan = Self.plan()
        // Thursday, 1 January 1970, from one minute past midnight for one minute.
        plan.windows = [PolicyWindow(days: [3], fromMinute: 1, toMinute: 2)]
        plan.soakSeconds = 70
        var (rollout, now) = (Samples.rollout(plan, groups: [["a"], ["b"]]), UInt64(0))
        #expect(Self.tick(&rollout, &now, seconds: 59).isEmpty)
        #expect(Self.assigned(Self.tick(&rollout, &now)) == ["a"])
        Self.acknowledge(&rollout, "a")
        _ = Self.tick(&rollout, &now, seconds: 75)
        #expect(rollout.currentGroup == 1 && Self.tick(&rollout, &now, seconds: 60).isEmpty)
        #expect(Self.takenBack(try rollout.aborted("late")) == ["a"])
    }

    @Test func neitherAJumpOfTheClockNorARestartIsTimeWatched() throws {
        var plan = Self.plan()
        plan.soakSeconds = 60
        var (rollout, now) = (Samples.rollout(plan, groups: [["a"]]), UInt64(1_000_000))
        _ = Self.tick(&rollout, &now)
        Self.acknowledge(&rollout, "a")
        _ = Self.tick(&rollout, &now)
        for jump in [UInt64(86_400_000), 0] {
            now = jump
            _ = Self.tick(&rollout, &now)
        }
        rollout = try JSONDecoder().decode(Rollout.self, from: JSONEncoder().encode(rollout))
        now += 3_600_000
        _ = Self.tick(&rollout, &now)
        #expect(rollout.groups[0].soakedMilliseconds <= 3 * Rollout.longestStep)
        #expect(rollout.status == .running)
    }

    @Test func aRevokedBoardIsNotWaitedFor() {
        var (rollout, now) = (Samples.rollout(Self.plan(), groups: [["a"], ["b"]]), UInt64(0))
        _ = Self.tick(&rollout, &now)
        rollout.boardRemoved(Samples.id("a"))
        _ = Self.tick(&rollout, &now, seconds: 2)
        #expect(rollout.currentGroup == 1 && rollout.boardsOnNewVersion == [Samples.id("b")])
    }
}
