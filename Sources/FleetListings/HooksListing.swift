public import AdminAPI
import HookSharing

extension FleetListing where Value == HooksView {
    /// Of gates that boards learn together.
    public static var versions: Self {
        Self(["VERSION", "FROM", "TIME", "SAMPLES", "LOSS %", "JUDGED BY", "MERGED", "LEFT OUT"]) {
            $0.versions.map { version in
                let (merged, out) = (
                    version.boards.filter { $0.exclusion == nil }, version.boards.filter { $0.exclusion != nil }
                )
                return [
                    "\(version.number)\(version.isTakenBack ? " taken back" : "")", "\(version.parent)",
                    timeText(version.atMilliseconds), "\(version.samples)", (100 * version.lossChange).text(1),
                    version.validators.joined(separator: ","),
                    merged.map { "\($0.board) \(Int((100 * $0.weight).rounded())) %" }.joined(separator: ", "),
                    out.isEmpty ? "none" : out.map { "\($0.board): \($0.exclusion ?? "")" }.joined(separator: "; "),
                ]
            }
        }
    }
}

extension HooksView {
    /// The version in force, and how many boards it has been given to while it is on trial.
    var versionText: String {
        guard let trial else { return "\(currentVersion)" }
        let reached = trial.groups.prefix(trial.current + 1).reduce(0) { $0 + $1.count }
        return "\(currentVersion), on \(reached) of \(trial.groups.reduce(0) { $0 + $1.count }), before \(trial.before)"
    }

    /// What stands above the versions.
    public var lines: [String] {
        let all = boards.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }
        return [
            "hooks        \(name)", "class        \(boardClass)", "network      \(modelSHA256)",
            "start        \(hookSHA256)", "parameters   \(parameters), \(bytesPerUpdate) bytes an update",
            "version      \(versionText)\(candidate.map { "; \($0) is being judged" } ?? "")",
            "merging      \(awaited) updates at once, withstands \(withstands) bad of so many",
            "waiting      \(waiting.isEmpty ? "none" : waiting.joined(separator: ", "))",
        ] + outliers.map { "outlier      \($0.board): \($0.reason), at version \($0.version)" } + [
            "boards       \(all.joined(separator: ", "))", "",
        ]
    }
}
