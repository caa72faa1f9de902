public import AuditLog
public import FleetModel
public import HookSharing

/// Forgets everything at the end of the process; for tests.
public actor InMemorySharingStore: SharingStore {
    private var groups: [SharingGroup: StoredSharing] = [:]
    private var ledger = AuditLedger()

    public init() {}

    public func saveSharing(_ state: SharingState) throws {
        guard groups[state.group] != nil || groups.count < SharingLimits.groups else {
            throw FleetStoreFailure.limitReached(what: "groups that learn together", limit: SharingLimits.groups)
        }
        groups[state.group, default: StoredSharing(state: state)].state = state
    }

    public func saveUpdate(_ update: GateUpdate, in group: SharingGroup) throws {
        guard var kept = groups[group] else { throw FleetStoreFailure.unknownGroup("\(group)") }
        kept.updates.removeAll { $0.board == update.board }
        guard kept.updates.count < SharingLimits.updates else {
            throw FleetStoreFailure.limitReached(what: "updates of a group", limit: SharingLimits.updates)
        }
        kept.updates = (kept.updates + [update]).sorted { $0.board < $1.board }
        kept.numbers[update.board] = update.number
        groups[group] = kept
    }

    public func saveVersion(_ version: HookVersion, _ state: SharingState, merged: [BoardID: UInt64]) throws {
        try dropUpdates(merged, state, audit: nil)
        guard var kept = groups[state.group] else { return }
        kept.versions = (kept.versions.filter { $0.number != version.number } + [version]).sorted {
            $0.number < $1.number
        }
        while kept.versions.count > SharingLimits.versions,
            let oldest = kept.versions.firstIndex(where: { $0.number != state.current })
        {
            kept.versions.remove(at: oldest)
        }
        groups[state.group] = kept
    }

    public func dropUpdates(_ merged: [BoardID: UInt64], _ state: SharingState, audit: AuditDraft?) throws {
        try saveSharing(state)
        try ledger.append(audit, StoreLimits())
        groups[state.group]?.updates.removeAll { $0.number <= merged[$0.board] ?? 0 }
    }

    public func audit(after: UInt64?, sinceMilliseconds: UInt64, limit: Int) -> [AuditEntry] {
        ledger.found(after: after, since: sinceMilliseconds, limit: limit)
    }

    public func verifyAudit() -> AuditVerification { ledger.verification() }

    public func sharing() -> [StoredSharing] { groups.values.sorted { $0.state.group < $1.state.group } }
}
