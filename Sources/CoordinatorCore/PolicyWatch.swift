public import FleetModel

/// Looks again at policies when boards have come, gone, or describe themselves otherwise: one that was applied ahead of
/// the boards was checked against none. Says once of each policy that it selects no board, or asks for a model that no
/// selected board carries, and again when that has changed.
///
/// Boards come one after another, so that it waits until none has for `quiet`, though not longer than `patience`.
public struct PolicyWatch<Instant: InstantProtocol>: Sendable where Instant: Sendable, Instant.Duration == Duration {
    public static var quiet: Duration { .seconds(10) }
    public static var patience: Duration { .seconds(60) }

    /// Since the last look: the first change, and the latest.
    private var changed: (first: Instant, last: Instant)?
    /// What was said of each policy that something was said of; bounded by the number of policies.
    private var told: [String: [String]] = [:]

    public init() {}

    /// Boards or policies are others than before.
    public mutating func changed(at now: Instant) { changed = (changed?.first ?? now, now) }

    /// Whether it is time to look.
    public func isDue(at now: Instant) -> Bool {
        guard let changed else { return false }
        return changed.last.duration(to: now) >= Self.quiet || changed.first.duration(to: now) >= Self.patience
    }

    /// - Returns: sentences for people; none where there is no board yet.
    public mutating func look(_ policies: [Policy], boards: [BoardDescription]) -> [String] {
        changed = nil
        // A board that has enrolled and not said hello yet tells nothing of its models.
        let known = boards.filter { !$0.models.isEmpty }
        guard !known.isEmpty else { return [] }
        var (said, sentences) = ([String: [String]](), [String]())
        for policy in policies.sorted(by: { $0.name < $1.name }) {
            let reasons = PolicyCheck.findings(for: policy, boards: known).filter { $0.severity == .refusal }
                .map { $0.model == nil ? $0.reason : "policy \(policy.name): \($0.reason)" }
            guard !reasons.isEmpty else { continue }
            said[policy.name] = reasons
            if told[policy.name] != reasons { sentences += reasons }
        }
        told = said
        return sentences
    }
}
