public import FleetModel
public import HookSharing
import Rollouts

/// A version that was merged and judged goes to boards group by group, and back where they do worse than before.
///
///     judged ──▶ first group ──watched, no worse──▶ next … ──▶ all boards
///                    └──worse: taken back, the version before is in force
///
/// Meanwhile nothing is merged. A group that there is nothing to judge by holds the next one up `patience` times as
/// long.
/// The trial is part of the group's state: after a restart it goes on with the group that was watched, whose past is
/// then not known, so that it is watched for the longest time.
extension HookSharingStateMachine {
    /// Telemetry of a board, stored.
    /// - Parameter models: those of the board whose gates the group shares are told by `hooks` in its windows.
    public mutating func telemetryHeard(_ records: [TelemetryRecord], from board: BoardID) {
        for id in groups.keys where groups[id]?.members[board] != nil {
            for record in records {
                let models = Set(record.models.filter { $0.hooks != nil }.map(\.model))
                groups[id]?.watch.heard(record, of: models, from: board)
            }
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
            return takenBack(id, trial, because: worst, at: now)
        }
        let lasted = since.duration(to: now)
        let isJudged = verdict.missing.isEmpty && trial.watched.contains { group.watch.isUsing($0) }
        guard lasted >= (isJudged ? settings.watch : settings.watch * settings.patience) else { return [] }
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
            next = "goes to \(trial.watched.count) boards more"
        }
        guard let state = groups[id]?.state else { return [] }
        return [
            .saveState(state), .record(.hookVersionMade, nil, "\(id): version \(trial.version) \(next)\(silence)"),
        ] + announceToAll(id, at: now)
    }

    private mutating func takenBack(
        _ id: SharingGroup, _ trial: VersionTrial, because finding: RolloutFinding, at now: Instant
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
    /// Boards that judged the version come first, for they have samples to notice by; then by name.
    func trial(of version: HookVersion) -> VersionTrial? {
        let judges = Set(version.provenance.validators)
        let order = members.keys.sorted { (judges.contains($0) ? 0 : 1, $0) < (judges.contains($1) ? 0 : 1, $1) }
        guard order.count > 1 else { return nil }
        return VersionTrial(version: version.number, before: version.parent, groups: VersionTrial.groups(of: order))
    }
}
