public import AdminAPI

extension FleetListing where Value == [RolloutView] {
    public static var rollouts: Self {
        Self(["ROLLOUT", "BRINGS", "STATUS", "GROUP", "BOARDS DONE", "FAILED", "AWAY", "BY", "CREATED", "REASON"]) {
            $0.map { view in
                let boards = view.groups.flatMap(\.boards)
                let done = boards.count { $0.state == "acknowledged" }
                return [
                    view.name, view.subject, view.status,
                    "\(view.currentGroup ?? view.groups.count)/\(view.groups.count)", "\(done)/\(boards.count)",
                    "\(boards.count { $0.state == "failed" })", "\(boards.count { $0.state == "absent" })",
                    view.createdBy, timeText(view.createdAtMilliseconds), view.reason.isEmpty ? "-" : view.reason,
                ]
            }
        }
    }
}

extension FleetListing where Value == RolloutView {
    /// Its boards, group by group.
    public static var rollout: Self {
        Self(["GROUP", "PHASE", "BOARD", "STATE", "REASON"]) {
            $0.groups.flatMap { group in
                group.boards.map { ["\(group.number)", group.phase, $0.board, $0.state, $0.reason ?? "-"] }
            }
        }
    }
}

extension RolloutView {
    /// What stands above the boards.
    public var lines: [String] {
        var lines = [
            "rollout      \(name), by \(createdBy) at \(timeText(createdAtMilliseconds))", "brings       \(subject)",
            "status       \(status)\(reason.isEmpty ? "" : ": \(reason)")",
        ]
        for group in groups where group.phase != "waiting" {
            lines.append(
                "group \(group.number)      \(group.phase), for \(group.elapsedMilliseconds / 1_000) s, "
                    + "watched for \(group.soakedMilliseconds / 1_000) s")
            for finding in group.findings {
                let subject = finding.model.map { " of \($0)" } ?? ""
                lines.append(
                    "gate         \(finding.gate)\(subject): \(finding.present.text(3)) after "
                        + "\(finding.past.text(3)), allowed is \(finding.limit.text(3))"
                        + (finding.isViolated ? ": violated" : ""))
            }
            for missing in group.missing { lines.append("not judged   \(missing)") }
        }
        return lines + [""]
    }
}
