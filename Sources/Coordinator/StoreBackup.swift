import AuditLog
import FleetStore
import Foundation

/// A copy of the database of a coordinator that may be running.
public enum StoreBackup {
    /// - Returns: bytes of the copy.
    /// - Throws: `FleetStoreFailure`.
    public static func take(ofStateFolder folder: String, to file: String) async throws -> UInt64 {
        let store = try SQLiteFleetStore(existing: folder + "/fleet.sqlite")
        return try await store.backUp(
            to: file,
            audit: AuditDraft(
                actor: "local", action: .backupTaken, target: "database", after: file,
                atMilliseconds: CoordinatorActor.wallClock()))
    }
}
