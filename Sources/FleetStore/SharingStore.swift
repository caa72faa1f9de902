public import AuditLog
public import FleetModel
public import HookSharing

/// What the coordinator must still know of gates that boards learn together after a restart. All stores conform;
/// `SharingStoreTests` runs one suite over them. As in `FleetStore`, each method is one transaction.
public protocol SharingStore: AuditStore {
    /// Adds the group or replaces its state. At most `SharingLimits.groups`.
    func saveSharing(_ state: SharingState) async throws
    /// Replaces the board's last update in the group, which must be there. At most `SharingLimits.updates` wait.
    func saveUpdate(_ update: GateUpdate, in group: SharingGroup) async throws
    /// Adds the version, replaces the state, and forgets the updates of these boards up to these numbers, but not that
    /// there were updates of these numbers. Of versions beyond `SharingLimits.versions` the oldest goes that is not in
    /// force.
    func saveVersion(_ version: HookVersion, _ state: SharingState, merged: [BoardID: UInt64]) async throws
    /// The same without a version.
    func dropUpdates(_ merged: [BoardID: UInt64], _ state: SharingState, audit: AuditDraft?) async throws
    /// Ordered by group.
    func sharing() async throws -> [StoredSharing]
}

/// What no person asked for.
extension SharingStore {
    public func dropUpdates(_ merged: [BoardID: UInt64], _ state: SharingState) async throws {
        try await dropUpdates(merged, state, audit: nil)
    }
}

/// One group as it is kept.
public struct StoredSharing: Equatable, Sendable {
    public var state: SharingState
    /// By number.
    public var versions: [HookVersion]
    /// Not merged yet, by board.
    public var updates: [GateUpdate]
    /// Of every board's last update.
    public var numbers: [BoardID: UInt64]

    public init(
        state: SharingState, versions: [HookVersion] = [], updates: [GateUpdate] = [], numbers: [BoardID: UInt64] = [:]
    ) {
        (self.state, self.versions, self.updates, self.numbers) = (state, versions, updates, numbers)
    }
}
