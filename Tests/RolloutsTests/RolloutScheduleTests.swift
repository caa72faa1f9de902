import FleetModel
import Foundation
import Rollouts
import Testing

/// SplitMix64, so that a seed names a schedule for ever.
private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// A fleet of boards behind a network that loses, repeats and reorders, and a coordinator that is killed at any point.
/// What boards should have is told again until they have it, as `FleetStateMachine` does; what they say may come late,
/// twice or never.
private struct Schedule {
    private var generator: Generator
    private(set) var rollout: Rollout
    private var kept: Data
    private var now: UInt64 = 1_000_000
    /// What the board was told last, and what it carries: the order, and whether it is the new version.
    private var told: [BoardID: (order: UInt64, isNew: Bool)] = [:]
    private(set) var carries: [BoardID: (order: UInt64, isNew: Bool)] = [:]
    private var said: [(BoardID, UInt64)] = []
    private let unwilling: Set<BoardID>
    private let away: Set<BoardID>
    private(set) var touched: Set<BoardID> = []
    private(set) var violations: [String] = []
    private let hasAborted: Bool

    init(seed: UInt64) {
        var generator = Generator(state: seed)
        let count = Int.random(in: 1...12, using: &generator)
        let names = (0..<count).map { "b\($0)" }
        let sizes = (0..<3).map { _ in Int.random(in: 1...4, using: &generator) }
        let boards = names.map { (id: Samples.id($0), labels: [String: String]()) }
        let groups = RolloutGroupRule.groups(of: boards, by: sizes.map { .boards($0) })
        let plan = RolloutPlan(
            name: "r", successThreshold: [0.5, 0.8, 1].randomElement(using: &generator) ?? 1,
            errorThreshold: [0.1, 0.5, 1].randomElement(using: &generator) ?? 1,
            needsApproval: Bool.random(using: &generator), soakSeconds: Int.random(in: 0...5, using: &generator),
            waitSeconds: 20)
        rollout = Samples.rollout(plan, groups: groups.map { $0.map(\.rawValue) })
        let share: Double = [0.0, 0.0, 0.2].randomElement(using: &generator) ?? 0.0
        unwilling = Set(boards.map(\.id).filter { _ in Double.random(in: 0..<1, using: &generator) < share })
        away = Set(boards.map(\.id).filter { _ in Double.random(in: 0..<1, using: &generator) < share })
        hasAborted = Int.random(in: 0..<3, using: &generator) == 0
        self.generator = generator
        kept = Data()
        keep()
    }

    private mutating func keep() {
        do { kept = try JSONEncoder().encode(rollout) } catch { violations.append("\(error)") }
        rollout.stored()
    }

    private mutating func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &generator) < share }

    /// To the end, or to where only an absent board could change anything.
    mutating func run() {
        let abortAt = hasAborted ? Int.random(in: 1...60, using: &generator) : nil
        for second in 1...2_000 where !rollout.status.isOver {
            step()
            if second == abortAt, [.awaitingApproval, .running, .paused].contains(rollout.status) {
                person { rollout throws(RolloutRefusal) in try rollout.aborted("by ann") }
            }
            if rollout.status == .awaitingApproval, chance(0.2) {
                person { rollout throws(RolloutRefusal) in try rollout.approved() }
            }
            if rollout.status == .running, chance(0.02) {
                person { rollout throws(RolloutRefusal) in try rollout.paused("by ann") }
            }
            if rollout.status == .paused, chance(0.2) {
                person { rollout throws(RolloutRefusal) in try rollout.resumed() }
            }
            check()
        }
        // What a board was owed when it ended still reaches it.
        for _ in 0..<200 { deliver() }
        check()
        if !rollout.status.isOver { violations.append("never ends: \(rollout.summary)") }
    }

    private mutating func person(_ wish: (inout Rollout) throws(RolloutRefusal) -> [Rollout.Effect]) {
        var changed = rollout
        do {
            let effects = try wish(&changed)
            commit(changed, effects)
        } catch { violations.append("\(error)") }
    }

    private mutating func step() {
        now += UInt64.random(in: 200...2_000, using: &generator)
        if chance(0.01) { now += 100_000_000 }
        var changed = rollout
        for id in changed.boards.keys.sorted() {
            changed.boardSeen(id, isConnected: !away.contains(id), incarnation: 1)
        }
        said.shuffle(using: &generator)
        while !said.isEmpty, chance(0.6) {
            let (id, order) = said.removeLast()
            changed.boardAcknowledged(id, order: order, generation: order)
            if chance(0.2) { changed.boardAcknowledged(id, order: order, generation: order) }
        }
        let effects = changed.clockRead(milliseconds: now)
        commit(changed, effects)
        deliver()
    }

    /// Stored, then performed; or killed before, between or after.
    private mutating func commit(_ changed: Rollout, _ effects: [Rollout.Effect]) {
        if chance(0.02) { return restart() }
        var changed = changed
        if effects.contains(.adopt) { changed.adopted() }
        let isKept = changed.hasMoved || !effects.isEmpty || chance(0.1)
        rollout = changed
        if isKept { keep() }
        // A coordinator that starts tells every board what it should have.
        if chance(0.02) { restart() }
        tell()
        if chance(0.02) { restart() }
    }

    private mutating func restart() {
        do { rollout = try JSONDecoder().decode(Rollout.self, from: kept) } catch { violations.append("\(error)") }
    }

    private mutating func tell() {
        for (id, board) in rollout.boards where board.order > 0 {
            let isNew = board.hasNewVersion || rollout.status == .finished
            told[id] = (board.order, isNew)
            if isNew { touched.insert(id) }
        }
    }

    private mutating func deliver() {
        for id in told.keys.sorted() where !away.contains(id) && chance(0.3) {
            guard let what = told[id], !(unwilling.contains(id) && what.isNew) else { continue }
            carries[id] = what
            // Lost, said, or said twice.
            for _ in 0..<Int.random(in: 0...2, using: &generator) { said.append((id, what.order)) }
        }
    }

    private mutating func check() {
        let flying = rollout.groups.indices.filter { [.measuring, .inFlight].contains(rollout.groups[$0].phase) }
        if flying.count > 1 { violations.append("groups \(flying) at once") }
        for (id, board) in rollout.boards {
            let isEarly = board.group > (rollout.currentGroup ?? Int.max) && board.order > 0
            if isEarly { violations.append("\(id) was told before its group") }
            if board.state == .acknowledged, carries[id]?.isNew != true {
                violations.append("\(id) is taken for new, which it never was")
            }
            if board.state == .returned, carries[id]?.isNew != false { violations.append("\(id) is not back") }
        }
        for (index, group) in rollout.groups.enumerated() where group.phase == .passed && !group.isAccepted {
            let members = rollout.boards.values.filter { $0.group == index }
            let done = members.count { [.acknowledged, .returning, .returned].contains($0.state) }
            let counted = members.count { $0.state != .absent }
            let isEnough = Double(done) >= rollout.plan.successThreshold * Double(counted)
            if !isEnough { violations.append("group \(index) passed with \(done) of \(counted)") }
        }
        if rollout.status == .returned {
            for id in touched where carries[id]?.isNew == true && told[id]?.isNew != false {
                violations.append("\(id) was left with the new version")
            }
        }
        if rollout.status == .finished, !rollout.boards.values.allSatisfy({ $0.order > 0 }) {
            violations.append("finished without some board")
        }
    }
}

@Suite struct RolloutScheduleTests {
    @Test func seededSchedulesKeepTheRules() {
        var ends: [Rollout.Status: Int] = [:]
        let fresh = UInt64.random(in: 0...UInt64.max)
        print("rollout schedules: fresh seeds from \(fresh)")
        for seed in Array(UInt64(1)...2_000) + (0..<1_000).map({ fresh &+ $0 }) {
            var schedule = Schedule(seed: seed)
            schedule.run()
            #expect(schedule.violations.isEmpty, "seed \(seed): \(schedule.violations.prefix(3))")
            ends[schedule.rollout.status, default: 0] += 1
            if schedule.rollout.status == .returned {
                // Every board that can be reached has what it had before.
                for (id, what) in schedule.carries { #expect(!what.isNew, "seed \(seed): \(id)") }
            }
        }
        // Both ends are met, or the schedules test nothing.
        #expect(ends[.finished, default: 0] > 300 && ends[.returned, default: 0] > 300, "\(ends)")
    }
}
