public import AuditLog
package import FleetModel
public import Rollouts

/// What the coordinator must still know of rollouts after a restart. All fleet stores conform; `RolloutStoreTests`
/// runs one suite over them. As in `FleetStore`, each method is one transaction.
public protocol RolloutStore: AuditStore {
    /// Adds a rollout; none of that name may be there. Of more than `FleetLimits.rollouts` the oldest that is over
    /// goes; refused when none is.
    func addRollout(_ rollout: Rollout, audit: AuditDraft) async throws
    /// Replaces what is kept of the rollout, which must be there; of its boards, those in `changedBoards`.
    func saveRollout(_ rollout: Rollout, audit: AuditDraft?) async throws
    /// The same, and its policy, which it must bring, is everybody's: as in `FleetStore.savePolicy`.
    func adoptRollout(_ rollout: Rollout, audits: [AuditDraft]) async throws -> StoredPolicy
    /// In the order of their numbers.
    func rollouts() async throws -> [Rollout]
}

extension Rollout {
    /// - Precondition: it brings a policy.
    package var policyToAdopt: Policy {
        guard let policy else { preconditionFailure("rollout \(plan.name) brings \(content.description)") }
        return policy
    }
}

extension InMemoryFleetStore: RolloutStore {
    public func addRollout(_ rollout: Rollout, audit: AuditDraft) throws {
        guard storedRollouts[rollout.plan.name] == nil else {
            throw FleetStoreFailure.rolloutNameInUse(rollout.plan.name)
        }
        if storedRollouts.count >= limits.rollouts {
            guard let oldest = storedRollouts.values.filter(\.status.isOver).min(by: { $0.number < $1.number }) else {
                throw FleetStoreFailure.limitReached(what: "rollouts", limit: limits.rollouts)
            }
            storedRollouts[oldest.plan.name] = nil
        }
        try ledger.append(audit, limits)
        keep(rollout)
    }

    public func saveRollout(_ rollout: Rollout, audit: AuditDraft?) throws {
        guard storedRollouts[rollout.plan.name] != nil else {
            throw FleetStoreFailure.unknownRollout(rollout.plan.name)
        }
        try ledger.append(audit, limits)
        keep(rollout)
    }

    public func adoptRollout(_ rollout: Rollout, audits: [AuditDraft]) throws -> StoredPolicy {
        let stored = try savePolicy(rollout.policyToAdopt, text: rollout.policyText, audit: nil)
        for audit in audits { try ledger.append(audit, limits) }
        keep(rollout)
        return stored
    }

    private func keep(_ rollout: Rollout) {
        let known = storedRollouts[rollout.plan.name]?.boards ?? [:]
        let boards = known.merging(rollout.boards.filter { rollout.changedBoards.contains($0.key) }) { $1 }
        storedRollouts[rollout.plan.name] = Rollout(header: rollout.header, boards: boards)
    }

    public func rollouts() -> [Rollout] { storedRollouts.values.sorted { $0.number < $1.number } }
}
