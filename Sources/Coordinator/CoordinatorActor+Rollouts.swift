import Artefacts
import AuditLog
import CoordinatorCore
import FleetModel
import FleetStore
import Rollouts

/// Rollouts: their decisions, made durable and carried out.
extension CoordinatorActor {
    /// In whose name the coordinator does what a rollout's rules want.
    static let rolloutActor = "coordinator"
    private static let rolloutInterval: Duration = .seconds(1)
    /// Time and measures are stored at least this often while a group is watched; a kill costs no more of them.
    private static let rolloutSaves: Duration = .seconds(10)
    /// Windows of a board's past at most: one for each second, where there are more the newest.
    private static let pastWindows = 100...3_600

    static func rollouts(from store: (any RolloutStore)?) async throws -> [String: Rollout] {
        Dictionary(uniqueKeysWithValues: try await store?.rollouts().map { ($0.plan.name, $0) } ?? [])
    }

    /// What boards try: of each rollout that is not over, on the boards that are to have its version.
    static func trials(of rollouts: [String: Rollout]) -> [PolicyTrial] {
        rollouts.values.filter { !$0.status.isOver }.sorted { $0.number < $1.number }.compactMap { rollout in
            rollout.policy.map { PolicyTrial(policy: $0, boards: rollout.boardsOnNewVersion) }
        }
    }

    /// As boards should know them.
    var policySets: PolicySets { machine.policySets }

    var rolloutsInOrder: [Rollout] { rollouts.values.sorted { $0.number < $1.number } }

    // MARK: People

    /// The groups that a rollout would have, or has from now on.
    func createRollout(
        _ plan: RolloutPlan, _ content: RolloutContent, dryRun: Bool, by actor: String
    ) async throws -> Rollout {
        try await inTurn {
            guard let store = self.rolloutStore else { throw RolloutRefusal("this coordinator keeps no rollouts") }
            guard self.rollouts[plan.name] == nil else {
                throw RolloutRefusal("a rollout is named \(plan.name) already")
            }
            try self.refuseDuringRollout(of: content)
            let before = try await self.inForce(before: content)
            let now = Self.wallClock()
            let rollout = Rollout(
                plan: plan, content: content, groups: try self.groups(of: plan, content),
                number: (self.rollouts.values.map(\.number).max() ?? 0) + 1, createdBy: actor,
                createdAtMilliseconds: now)
            guard !dryRun else {
                guard
                    self.rollouts.count < FleetLimits.rollouts || self.rollouts.values.contains(where: \.status.isOver)
                else { throw FleetStoreFailure.limitReached(what: "rollouts", limit: FleetLimits.rollouts) }
                return rollout
            }
            try await store.addRollout(
                rollout,
                audit: AuditDraft(
                    actor: actor, action: .rolloutCreated, target: "rollout \(plan.name)", before: before,
                    after: "\(content.auditText), \(rollout.boards.count) boards in \(rollout.groups.count) groups, "
                        + rollout.summary, atMilliseconds: now))
            self.rollouts[plan.name] = rollout
            self.rollouts[plan.name]?.stored()
            let kept = Set(try await store.rollouts().map(\.plan.name))
            self.rollouts = self.rollouts.filter { kept.contains($0.key) }
            await self.record(.rolloutChanged, nil, "rollout \(plan.name): \(rollout.summary)")
            return rollout
        }
    }

    /// For the audit log: what is everybody's while the rollout tries another.
    /// - Throws: what cannot be rolled out, or could not become everybody's and would never end.
    private func inForce(before content: RolloutContent) async throws -> String? {
        switch content {
        case .artefact(let artefact): return "version \(try await artefacts.mayRollOut(artefact))"
        case .policy(let policy, _):
            try await refuseWithoutRoom(for: policy.name)
            return try await stored(policy.name)?.auditText
        }
    }

    private func stored(_ policy: String) async throws -> StoredPolicy? {
        try await store.policies().first { $0.policy.name == policy }
    }

    private func groups(of plan: RolloutPlan, _ content: RolloutContent) throws -> [[BoardID]] {
        let boards =
            switch content {
            case .policy(let policy, _): boards(changedBy: policy)
            case .artefact(let artefact): boards(carrying: artefact.name)
            }
        guard !boards.isEmpty else { throw RolloutRefusal("\(content.description) changes nothing on any board") }
        return RolloutGroupRule.groups(of: boards.map { ($0.id, $0.labels) }, by: plan.groups)
    }

    func boards(carrying model: ModelName) -> [BoardDescription] {
        machine.activeStates.map(\.board).filter { board in board.models.contains { $0.name == model } }
    }

    /// Boards that the policy selects, or its version before, and that carry a model which one of them names.
    private func boards(changedBy policy: Policy) -> [BoardDescription] {
        let versions = machine.policies.filter { $0.name == policy.name } + [policy]
        return machine.activeStates.map(\.board).filter { board in
            versions.contains { version in
                version.selects(board)
                    && version.models.contains { model in board.models.contains { $0.name.rawValue == model.model } }
            }
        }
    }

    /// What applying the policy would be refused for, though nothing is wrong with its text; in the same sentences.
    func refuseApplying(_ policy: String) async throws {
        try refuseDuringRollout(of: policy)
        try await refuseWithoutRoom(for: policy)
    }

    private func refuseWithoutRoom(for policy: String) async throws {
        let names = try await store.policies().map(\.policy.name)
        guard names.contains(policy) || names.count < FleetLimits.policies else {
            throw FleetStoreFailure.limitReached(what: "policies", limit: FleetLimits.policies)
        }
    }

    func refuseDuringRollout(of policy: String) throws(RolloutRefusal) {
        try refuse { $0.policy?.name == policy }
    }

    func refuseDuringRollout(of content: RolloutContent) throws(RolloutRefusal) {
        try refuse { $0.content.isOfSame(content) }
    }

    /// What a rollout changes is not changed otherwise before it is over.
    func refuse(_ isChanging: (Rollout) -> Bool) throws(RolloutRefusal) {
        guard let other = rolloutsInOrder.first(where: { !$0.status.isOver && isChanging($0) }) else { return }
        throw RolloutRefusal(
            "rollout \(other.plan.name) is \(other.status.rawValue) and changes \(other.content.description): "
                + "abort it, or wait")
    }

    /// - Parameter dryRun: whether it is only told what the rollout would be then.
    /// - Returns: `nil` when there is no such rollout.
    func changeRollout(
        _ name: String, _ action: AuditAction, dryRun: Bool, by actor: String,
        _ wish: @Sendable (inout Rollout) throws(RolloutRefusal) -> [Rollout.Effect]
    ) async throws -> Rollout? {
        try await inTurn {
            guard let store = self.rolloutStore, var rollout = self.rollouts[name] else { return nil }
            let before = rollout.summary
            let effects = try wish(&rollout)
            if dryRun { return rollout }
            try await store.saveRollout(
                rollout,
                audit: AuditDraft(
                    actor: actor, action: action, target: "rollout \(name)", before: before, after: rollout.summary,
                    atMilliseconds: Self.wallClock()))
            rollout.stored()
            self.rollouts[name] = rollout
            self.rolloutsSaved[name] = .now
            await self.perform(effects, of: name)
            return rollout
        }
    }

    // MARK: Time and boards

    func rolloutTimerFired() async {
        guard rolloutStore != nil else { return }
        if let last = rolloutTimer, last.duration(to: .now) < Self.rolloutInterval { return }
        rolloutTimer = .now
        await lookAfterTrials()
        for known in rolloutsInOrder where !known.status.isOver {
            var rollout = known
            look(after: &rollout, await holdings(of: known))
            let effects = rollout.clockRead(milliseconds: Self.wallClock())
            if effects.contains(.adopt) { await adopt(rollout) } else { await advance(rollout, effects) }
        }
    }

    func rolloutsHeard(_ records: [TelemetryRecord], from board: BoardDescription) {
        // No rollout is held while it changes, or all its boards would be copied.
        let names = rollouts.filter { !$0.value.status.isOver && $0.value.boards[board.id] != nil }.map(\.key)
        for name in names {
            for record in records { rollouts[name]?.telemetryReceived(record, from: board) }
        }
    }

    /// Boards that are awaited, and those that are watched.
    /// - Parameter holdings: what boards have of the artefact that it brings; empty where it brings something else.
    private func look(after rollout: inout Rollout, _ holdings: [BoardID: ArtefactHolding]) {
        let current = rollout.currentGroup
        for (id, board) in rollout.boards where board.group == current || board.isOpen {
            // A board that is left alone is not of the rollout any more.
            guard let state = machine.state(of: id), !state.isDrained else {
                rollout.boardRemoved(id)
                continue
            }
            let isConnected = state.status == .connected
            rollout.boardSeen(id, isConnected: isConnected, incarnation: state.incarnation)
            if let artefact = rollout.artefact {
                if isConnected { rollout.look(at: holdings[id], of: id, artefact, state, newestOfBoards[id]?.position) }
                continue
            }
            guard board.isOpen, isConnected, state.isConverged else { continue }
            let failing = board.state == .returning ? [] : machine.infeasibleByTrials(on: id)
            if failing.isEmpty {
                rollout.boardAcknowledged(id, order: board.order, generation: state.desired.generation)
            } else {
                rollout.boardFailed(id, order: board.order, reason: failing.joined(separator: "; "))
            }
        }
    }

    private func advance(_ changed: Rollout, _ effects: [Rollout.Effect]) async {
        guard let store = rolloutStore else { return }
        var rollout = changed
        let name = rollout.plan.name
        let isDue = rolloutsSaved[name].map { $0.duration(to: .now) >= Self.rolloutSaves } ?? true
        if rollout.hasMoved || (isDue && !rollout.changedBoards.isEmpty) {
            let (before, after) = (rollouts[name]?.summary, rollout.summary)
            let audit = before == after ? nil : advanced(rollout, from: before)
            // What could not be stored has not happened; it is decided again.
            let saved: Void? = await storing("rollout", attempts: 1) {
                try await store.saveRollout(rollout, audit: audit)
            }
            guard saved != nil else { return }
            rolloutsSaved[name] = .now
            rollout.stored()
        }
        rollouts[name] = rollout
        await perform(effects, of: name)
    }

    func advanced(_ rollout: Rollout, from before: String?) -> AuditDraft {
        AuditDraft(
            actor: Self.rolloutActor, action: .rolloutAdvanced, target: "rollout \(rollout.plan.name)",
            before: before, after: rollout.summary, atMilliseconds: Self.wallClock())
    }

    private func adopt(_ rollout: Rollout) async {
        guard let store = rolloutStore else { return }
        guard let policy = rollout.policy else { return await adoptArtefact(rollout) }
        var finished = rollout
        finished.adopted()
        let name = rollout.plan.name
        // What could not be read is no entry without a version before: it is adopted a moment later.
        guard let before = await storing("policy", attempts: 1, { try await self.stored(policy.name) }) else { return }
        let after = StoredPolicy(
            policy: rollout.policyToAdopt, version: (before?.version ?? 0) + 1, text: rollout.policyText)
        let draft = AuditDraft(
            actor: Self.rolloutActor, action: .policyApplied, target: "policy \(policy.name)",
            before: before?.auditText, after: "\(after.auditText), by rollout \(name)",
            atMilliseconds: Self.wallClock())
        let audits = [draft, advanced(finished, from: rollouts[name]?.summary)]
        let stored = await storing("rollout", attempts: 1) { [finished] in
            try await store.adoptRollout(finished, audits: audits)
        }
        guard let stored else { return }
        finished.stored()
        rollouts[name] = finished
        // First the policy, so that the end of the trial changes nothing on a board that has it.
        let policies = machine.policies.filter { $0.name != policy.name } + [policy]
        await perform(
            [.record(.policyApplied, nil, "policy \(policy.name) version \(stored.version), by rollout \(name)")]
                + machine.policiesChanged(policies, at: .now)
                + machine.trialsChanged(Self.trials(of: rollouts), on: Array(finished.boards.keys), at: .now))
        await record(.rolloutChanged, nil, "rollout \(name): \(finished.summary)")
    }

    // MARK: Effects

    private func perform(_ effects: [Rollout.Effect], of name: String) async {
        var told: [BoardID] = []
        for effect in effects {
            switch effect {
            case .readPast(let boards): for board in boards { await readPast(of: board, for: name) }
            case .assign(let board, _), .takeBack(let board, _): told.append(board)
            case .tell(let text): await record(.rolloutChanged, nil, "rollout \(name): \(text)")
            case .adopt: break
            }
        }
        guard !told.isEmpty else { return }
        guard rollouts[name]?.artefact == nil else { return await lookAfterTrials() }
        await perform(machine.trialsChanged(Self.trials(of: rollouts), on: told, at: .now))
    }

    /// By the coordinator's clock: a board's own may be anywhere.
    private func readPast(of id: BoardID, for name: String) async {
        guard let rollout = rollouts[name], let board = machine.state(of: id)?.board else { return }
        let now = Self.wallClock()
        let since = now - min(now, UInt64(rollout.plan.gates.pastSeconds) * 1_000)
        let limit = min(max(rollout.plan.gates.pastSeconds, Self.pastWindows.lowerBound), Self.pastWindows.upperBound)
        let windows = await storing("past of a board", attempts: 1) {
            try await self.store.telemetry(board: id, sinceMilliseconds: 0, limit: limit)
        }
        guard let windows else { return }
        let records = windows.filter { $0.receivedAtMilliseconds >= since }.map(\.record)
        rollouts[name]?.pastRead(RolloutMeasures(records, of: board), of: id)
    }
}
