public import FleetModel
public import HookSharing
import WireProtocol

/// Updates come, are merged, judged, and become versions.
extension HookSharingStateMachine {
    // MARK: Updates

    mutating func partReceived(
        _ part: GateUpdatePart, _ id: SharingGroup, _ board: BoardID, at now: Instant, _ milliseconds: UInt64
    ) -> [Action] {
        guard let group = groups[id] else { return [] }
        // Said again because the acknowledgement was lost.
        if part.number <= group.numbers[board] ?? 0 { return [acknowledgement(part.number, id, board)] }
        guard part.parameters == group.state.parameterCount else {
            let refusal = UpdateRefusal.wrongCount(part.parameters, wanted: group.state.parameterCount)
            return [.record(.messageRefused, board, "update \(part.number) of \(id) \(refusal)")]
        }
        guard let values = assembled(part, id, board) else { return [] }
        let update = GateUpdate(
            board: board, number: part.number, baseVersion: part.baseVersion, delta: values, samples: part.samples,
            loss: part.loss, arrivedAtMilliseconds: milliseconds)
        do {
            try update.check(parameters: group.state.parameterCount, latest: group.state.highest)
        } catch {
            groups[id]?.numbers[board] = part.number
            return [
                .record(.messageRefused, board, "update \(part.number) of \(id) \(error)"),
                acknowledgement(part.number, id, board),
            ]
        }
        guard group.lineage.contains(update.baseVersion) else {
            groups[id]?.numbers[board] = part.number
            return [acknowledgement(part.number, id, board)]
        }
        guard group.updates[board] != nil || group.updates.count < SharingLimits.updates else { return [] }
        return [.saveUpdate(update, id)]
    }

    /// - Returns: all values once the last part is there.
    private mutating func assembled(_ part: GateUpdatePart, _ id: SharingGroup, _ board: BoardID) -> [Float]? {
        let place = assemblies.firstIndex { $0.board == board }
        if part.part == 0 {
            if let place { assemblies.remove(at: place) }
            if SharingLimits.partCount(part.parameters) == 1 { return part.values }
            if assemblies.count >= Self.assemblies { assemblies.removeFirst() }
            assemblies.append((board, Assembly(group: id, first: part, values: part.values)))
            return nil
        }
        guard let place else { return nil }
        let held = assemblies[place].assembly
        let follows =
            held.group == id && held.first.number == part.number && held.first.baseVersion == part.baseVersion
            && held.values.count == SharingLimits.range(of: part.part, parameters: part.parameters).lowerBound
        guard follows else { return nil }
        assemblies[place].assembly.values += part.values
        guard assemblies[place].assembly.values.count == part.parameters else { return nil }
        return assemblies.remove(at: place).assembly.values
    }

    private func acknowledgement(_ number: UInt64, _ id: SharingGroup, _ board: BoardID) -> Action {
        .send(
            .gateOrder(
                GateOrder(modelSHA256: id.modelSHA256, hookSHA256: id.hookSHA256, .acknowledged(number: number))),
            board)
    }

    /// The update is on the disk.
    public mutating func updatePersisted(
        _ update: GateUpdate, _ id: SharingGroup, at now: Instant, milliseconds: UInt64
    ) -> [Action] {
        guard groups[id] != nil else { return [] }
        groups[id]?.numbers[update.board] = update.number
        groups[id]?.updates[update.board] = (update, now)
        return [acknowledgement(update.number, id, update.board)] + mergeDue(id, at: now, milliseconds)
    }

    // MARK: Merging

    mutating func mergeDue(_ id: SharingGroup, at now: Instant, _ milliseconds: UInt64) -> [Action] {
        // Boards that are not reached yet learn from the version before; the next merge is of all.
        guard let group = groups[id], group.candidate == nil, group.state.trial == nil else { return [] }
        let trusted = group.updates.keys.count { !group.isDistrusted($0) }
        let hasWaited = group.updates.values.contains { $0.since.duration(to: now) >= settings.longestWait }
        let isComplete = group.begun.duration(to: now) >= settings.rejoin || trusted >= settings.enough
        // Of three boards one of which is distrusted, two go on: that one is heard, and left out until it agrees.
        guard group.updates.count >= settings.fewest, trusted >= 2,
            (trusted >= awaited(group) && isComplete) || hasWaited
        else { return [] }
        let updates = group.updates.values.map(\.update).filter { group.lineage.contains($0.baseVersion) }
        let result = settings.merge.merge(
            updates, latest: group.state.current, marks: group.marks, nowMilliseconds: milliseconds)
        let merged = Dictionary(group.updates.map { ($0.key, $0.value.update.number) }, uniquingKeysWith: max)
        var actions = named(result, id, group.marks)
        guard let delta = result.delta else {
            if result.accord == .split {
                let text = "\(id): its boards are split, half or more point against the others; nothing is merged"
                actions.append(.record(.hookVersionRejected, nil, text))
            }
            return actions + [drop(merged, id, result.marks)]
        }
        let number = group.state.highest + 1
        groups[id]?.state.highest = number
        let version = HookVersion(
            number: number, parent: group.state.current, values: zip(group.current.values, delta).map { $0 + $1 },
            provenance: .init(
                shares: result.shares, validators: [], change: 0, gates: [], atMilliseconds: milliseconds))
        groups[id]?.candidate = Candidate(
            version: version, merged: merged, marks: result.marks, isDoubtful: result.accord != .agreed, asked: [],
            open: [], scores: [:], deadline: now, round: 0)
        actions += ask(id, at: now)
        return actions
    }

    /// An event for each board that was not named before.
    private func named(
        _ result: GateMerge.Result, _ id: SharingGroup, _ before: [BoardID: GateMerge.Mark]
    ) -> [Action] {
        result.marks.keys.sorted().compactMap { board in
            guard before[board] == nil, let mark = result.marks[board] else { return nil }
            return .record(.hookOutlier, board, "\(id): \(mark.reason)")
        }
    }

    private mutating func drop(
        _ merged: [BoardID: UInt64], _ id: SharingGroup, _ marks: [BoardID: GateMerge.Mark]
    ) -> Action {
        forget(merged, id)
        groups[id]?.candidate = nil
        groups[id]?.state.marks = marks.map { .init(board: $0.key, mark: $0.value) }.sorted { $0.board < $1.board }
        return .dropUpdates(merged, groups[id]?.state ?? SharingState(group: id, parameterCount: 0, gateCount: 0))
    }

    private mutating func forget(_ merged: [BoardID: UInt64], _ id: SharingGroup) {
        for (board, number) in merged {
            guard let held = groups[id]?.updates[board], held.update.number <= number else { continue }
            groups[id]?.updates[board] = nil
        }
    }

    // MARK: Validation

    /// Asks boards that were not asked yet and are not distrusted; those whose base is the candidate's first.
    private mutating func ask(_ id: SharingGroup, at now: Instant) -> [Action] {
        guard var candidate = groups[id]?.candidate, let group = groups[id] else { return [] }
        let fresh = group.members.keys.filter { candidate.marks[$0] == nil && !candidate.asked.contains($0) }
        let chosen = fresh.sorted {
            (group.members[$0]?.version == group.state.current ? 0 : 1, $0)
                < (group.members[$1]?.version == group.state.current ? 0 : 1, $1)
        }.prefix(settings.asked)
        candidate.open = Set(chosen)
        candidate.asked.formUnion(chosen)
        candidate.deadline = now.advanced(by: settings.answer)
        candidate.round += 1
        groups[id]?.candidate = candidate
        return chosen.map { announcement(id, candidate.version, isCandidate: true, to: $0) }
    }

    mutating func scored(
        _ score: CandidateScore, _ number: UInt64, _ id: SharingGroup, at now: Instant, _ milliseconds: UInt64
    ) -> [Action] {
        guard let candidate = groups[id]?.candidate, candidate.version.number == number, !candidate.isSaving,
            candidate.asked.contains(score.board), score.gates.count == groups[id]?.state.gateCount
        else { return [] }
        groups[id]?.candidate?.open.remove(score.board)
        // The first answer counts: one told twice changes nothing.
        if candidate.scores[score.board] == nil { groups[id]?.candidate?.scores[score.board] = score }
        return groups[id]?.candidate?.open.isEmpty == true ? judge(id, at: now, milliseconds) : []
    }

    mutating func candidateDue(_ id: SharingGroup, at now: Instant, _ milliseconds: UInt64) -> [Action] {
        guard let candidate = groups[id]?.candidate, now >= candidate.deadline else { return [] }
        if candidate.isSaving {
            // The disk refused; once more.
            groups[id]?.candidate?.deadline = now.advanced(by: settings.answer)
            groups[id]?.candidate?.isSaving = false
        }
        return judge(id, at: now, milliseconds)
    }

    private mutating func judge(_ id: SharingGroup, at now: Instant, _ milliseconds: UInt64) -> [Action] {
        guard let group = groups[id], let candidate = group.candidate else { return [] }
        let doubted = candidate.isDoubtful ? candidate.asked.count : nil
        guard let judgement = settings.verdict.judge(Array(candidate.scores.values), doubtfulOf: doubted) else {
            if candidate.round < settings.rounds {
                let actions = ask(id, at: now)
                if !actions.isEmpty { return actions }
            }
            let text = "\(id): no board could say what version \(candidate.version.number) is worth"
            return [.record(.hookVersionRejected, nil, text), drop(candidate.merged, id, candidate.marks)]
        }
        guard judgement.isAccepted else {
            let text = Self.text(of: judgement, of: candidate, id)
            return [.record(.hookVersionRejected, nil, text), drop(candidate.merged, id, candidate.marks)]
        }
        var version = candidate.version
        (version.provenance.validators, version.provenance.change) = (judgement.boards, judgement.change)
        version.provenance.gates = judgement.gates
        var state = group.state
        state.current = version.number
        state.trial = settings.watch > .zero ? group.trial(of: version) : nil
        state.marks = candidate.marks.map { .init(board: $0.key, mark: $0.value) }.sorted { $0.board < $1.board }
        groups[id]?.candidate?.version = version
        groups[id]?.candidate?.isSaving = true
        groups[id]?.candidate?.deadline = now.advanced(by: settings.answer)
        return [.saveVersion(version, state, merged: candidate.merged)]
    }

    private static func text(
        of judgement: CandidateVerdict.Judgement, of candidate: Candidate, _ id: SharingGroup
    ) -> String {
        let percent = (abs(judgement.change) * 1_000).rounded() / 10
        let change = "\(judgement.change > 0 ? "worse" : "better") by \(percent) % of the loss before"
        let head = "\(id): version \(candidate.version.number) is turned down: "
        guard candidate.isDoubtful else { return head + "to the middle board it is \(change)" }
        return head
            + "its boards disagree, and too few of \(candidate.asked.count) find it no worse; to the middle one of "
            + "\(judgement.boards.count) that answered it is \(change)"
    }

    /// Version and state are on the disk.
    public mutating func versionPersisted(
        _ version: HookVersion, _ state: SharingState, at now: Instant
    ) -> [Action] {
        let id = state.group
        guard let candidate = groups[id]?.candidate, candidate.version.number == version.number else { return [] }
        let highest = groups[id]?.state.highest ?? 0
        groups[id]?.state = state
        groups[id]?.state.highest = max(highest, state.highest)
        groups[id]?.versions.append(version)
        forget(candidate.merged, id)
        groups[id]?.candidate = nil
        groups[id]?.inquired = []
        groups[id]?.opinions = [:]
        groups[id]?.watch.began(state.trial?.watched ?? [], at: now)
        while let group = groups[id], group.versions.count > SharingLimits.versions,
            let oldest = group.versions.first(where: {
                $0.number != group.state.current && $0.number != group.state.trial?.before
            })
        {
            groups[id]?.versions.removeAll { $0.number == oldest.number }
        }
        let shares = version.provenance.shares
        let out = shares.count { $0.exclusion != nil }
        let text = "\(id): version \(version.number) of \(shares.count - out) boards, \(out) left out"
        return [.record(.hookVersionMade, nil, text)] + announceToAll(id, at: now)
    }

    // MARK: Taking back

    /// Why a version cannot be taken back to, in one sentence.
    public struct RollbackRefusal: Error, Equatable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// Puts an earlier version in force: the parent of the current one unless said otherwise. Versions after it that
    /// were made from it are taken back, and so is what was learned from them.
    /// - Returns: first what must be made durable; the announcements follow it.
    public mutating func rolledBack(
        _ id: SharingGroup, to wanted: UInt64?, at now: Instant
    ) throws(RollbackRefusal) -> [Action] {
        guard let group = groups[id] else { throw RollbackRefusal(description: "no group is named \(id)") }
        let target = wanted ?? group.current.parent
        guard target != group.state.current else {
            throw RollbackRefusal(description: "\(id): version \(target) is in force")
        }
        guard group.lineage.contains(target), target == 0 || group.versions.contains(where: { $0.number == target })
        else {
            throw RollbackRefusal(
                description: "\(id): version \(group.state.current) was not made from a version \(target) that is kept")
        }
        let before = group.state.current
        let merged = Dictionary(group.updates.map { ($0.key, $0.value.update.number) }, uniquingKeysWith: max)
        groups[id]?.updates = [:]
        groups[id]?.candidate = nil
        groups[id]?.state.current = target
        groups[id]?.state.trial = nil
        groups[id]?.watch.ended()
        guard let state = groups[id]?.state else { return [] }
        return [
            .dropUpdates(merged, state),
            .record(.hookVersionTakenBack, nil, "\(id): version \(before) is taken back, \(target) is in force"),
        ] + announceToAll(id, at: now)
    }
}
