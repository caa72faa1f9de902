public import FleetModel
public import HookSharing
import Rollouts

/// A version that was merged and judged goes to boards group by group, and back where they do worse than before.
///
///     judged ──▶ first group ──watched, no worse──▶ next … ──▶ all boards
///                    └──worse: taken back, the version before is in force
///
/// Worse is what boards measure, or, where frames have no labels, what they held back: half-way through the time of a
/// group its boards are asked what the version before is worth beside the one that they use, by samples of the full
/// network's own answers. Where the verdict on candidates would not let the version pass, it is taken back.
///
/// Meanwhile nothing is merged. A group that there is nothing to judge by holds the next one up `patience` times as
/// long.
/// The trial is part of the group's state: after a restart it goes on with the group that was watched, and its boards'
/// past is what they had told before the version was made (`pastRecalled`).
extension HookSharingStateMachine {
    /// Telemetry of a board, stored.
    /// - Parameter models: those of the board whose gates the group shares are told by `hooks` in its windows.
    public mutating func telemetryHeard(_ records: [TelemetryRecord], from board: BoardID) {
        for id in groups.keys where groups[id]?.members[board] != nil {
            // Given the version and not said to use it yet: neither before nor since.
            if let trial = groups[id]?.state.trial, trial.target(of: board) == trial.version,
                groups[id]?.watch.isUsing(board) == false
            {
                continue
            }
            heard(records, from: board, in: id)
        }
    }

    /// After a restart: what a board on trial had told before the version was made.
    public mutating func pastRecalled(_ records: [TelemetryRecord], of board: BoardID, in id: SharingGroup) {
        heard(records, from: board, in: id)
    }

    private mutating func heard(_ records: [TelemetryRecord], from board: BoardID, in id: SharingGroup) {
        for record in records {
            let models = Set(record.models.filter { $0.hooks != nil }.map(\.model))
            groups[id]?.watch.heard(record, of: models, from: board)
        }
    }

    /// Groups with a version on trial, when that was made (milliseconds since 1970), and its boards.
    public var trials: [(group: SharingGroup, madeAtMilliseconds: UInt64, boards: [BoardID])] {
        groups.values.compactMap { group in
            guard let trial = group.state.trial else { return nil }
            return (group.state.group, group.current.provenance.atMilliseconds, trial.groups.flatMap(\.self))
        }
    }

    mutating func trialDue(_ id: SharingGroup, at now: Instant) -> [Action] {
        guard let group = groups[id], var trial = group.state.trial else { return [] }
        guard let since = group.watch.since else {
            // After a restart.
            groups[id]?.watch.began(trial.watched, at: now)
            for (board, member) in group.members where member.version == trial.version {
                groups[id]?.watch.used(by: board, at: now)
            }
            return []
        }
        let watched = trial.groups.prefix(trial.current + 1).flatMap { $0 }
        let verdict = group.watch.verdict(settings.gates, of: watched)
        if let worst = verdict.violations.first {
            return takenBack(id, trial, because: "\(worst)", at: now)
        }
        let lasted = since.duration(to: now)
        var asking: [Action] = []
        if lasted >= settings.watch / 2 {
            if let worse = dislike(of: trial, group) { return takenBack(id, trial, because: worse, at: now) }
            asking = askUsers(of: trial, id, at: now)
        }
        let isJudged = verdict.missing.isEmpty && trial.watched.contains { group.watch.isUsing($0) }
        guard lasted >= (isJudged ? settings.watch : settings.watch * settings.patience) else { return asking }
        let silence = isJudged ? "" : "; nothing to judge it by"
        let next: String
        if trial.isLast {
            groups[id]?.state.trial = nil
            groups[id]?.watch.ended()
            next = "is on all boards"
        } else {
            trial.current += 1
            groups[id]?.state.trial = trial
            groups[id]?.watch.began(trial.watched, at: now)
            groups[id]?.opinions = [:]
            next = "goes to \(trial.watched.count) boards more"
        }
        guard let state = groups[id]?.state else { return [] }
        return [
            .saveState(state), .record(.hookVersionMade, nil, "\(id): version \(trial.version) \(next)\(silence)"),
        ] + announceToAll(id, at: now)
    }

    // MARK: What boards held back

    /// Each board of the group that uses the version is asked once what the one before is worth.
    private mutating func askUsers(of trial: VersionTrial, _ id: SharingGroup, at now: Instant) -> [Action] {
        guard let group = groups[id] else { return [] }
        let users = trial.watched.filter { group.watch.isUsing($0) && !group.inquired.contains($0) }
        guard !users.isEmpty else { return [] }
        groups[id]?.inquired.formUnion(users)
        let before = group.versions.first { $0.number == trial.before } ?? group.start
        return users.map { announcement(id, before, isCandidate: true, to: $0) }
    }

    /// A board says what the version before the one on trial is worth beside that.
    mutating func trialScored(_ score: CandidateScore, _ number: UInt64, _ id: SharingGroup) {
        guard let group = groups[id], let trial = group.state.trial, trial.before == number,
            group.inquired.contains(score.board), group.members[score.board]?.version == trial.version
        else { return }
        var turned = score
        (turned.loss, turned.lossBefore) = (score.lossBefore, score.loss)
        groups[id]?.opinions[score.board] = turned
    }

    /// Why the boards that were asked would not let the version pass; `nil` where they would, or cannot tell.
    private func dislike(of trial: VersionTrial, _ group: Group) -> String? {
        let said = trial.watched.compactMap { group.opinions[$0] }
        guard let judgement = settings.verdict.judge(said), !judgement.isAccepted else { return nil }
        let percent = (judgement.change * 1_000).rounded() / 10
        return "on what \(judgement.boards.count) boards that use it held back it is worse by \(percent) % of the loss"
    }

    private mutating func takenBack(
        _ id: SharingGroup, _ trial: VersionTrial, because finding: String, at now: Instant
    ) -> [Action] {
        groups[id]?.updates = [:]
        groups[id]?.candidate = nil
        groups[id]?.state.current = trial.before
        groups[id]?.state.trial = nil
        groups[id]?.watch.ended()
        guard let group = groups[id] else { return [] }
        let merged = Dictionary(group.numbers.map { ($0.key, $0.value) }, uniquingKeysWith: max)
        return [
            .dropUpdates(merged, group.state),
            .record(
                .hookVersionTakenBack, nil,
                "\(id): version \(trial.version) is taken back, \(trial.before) is in force: \(finding)"),
        ] + announceToAll(id, at: now)
    }
}

extension HookSharingStateMachine.Group {
    /// Boards that judged the version come first, for they have samples to notice by; then by name. Each version begins
    /// with another of them, so that one that always finds fault keeps away some versions and not all.
    func trial(of version: HookVersion) -> VersionTrial? {
        let judges = version.provenance.validators.filter { members[$0] != nil }.sorted()
        let others = members.keys.filter { !judges.contains($0) }.sorted()
        let first = judges.isEmpty ? 0 : Int((version.number - 1) % UInt64(judges.count))
        let order = Array(judges[first...] + judges[..<first] + others)
        guard order.count > 1 else { return nil }
        return VersionTrial(version: version.number, before: version.parent, groups: VersionTrial.groups(of: order))
    }
}
