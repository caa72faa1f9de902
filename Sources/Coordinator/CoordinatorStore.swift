import Files
import FleetStore
import Logging
public import PostgreSQLFleetStore
import ServiceLifecycle

/// Where a coordinator keeps what must survive it.
public enum StoreChoice: Sendable {
    /// `fleet.sqlite` in the state folder, of one coordinator.
    case sqlite
    /// A database that several coordinators share, of which one leads while the others stand by.
    case postgreSQL(PostgreSQLAddress)
}

/// The open store, and the right to write to it where several share it.
struct CoordinatorStore: Sendable {
    /// How often the holder of the lease looks after it, and the others ask for it; both well below
    /// `PostgreSQLLease.silence`.
    private static let leaseInterval: Duration = .seconds(1)

    let fleet: any FleetStore & SharingStore & RolloutStore & AuditAppending
    /// Names the database, without what is secret.
    let path: String
    private let shared: (store: PostgreSQLFleetStore, lease: PostgreSQLLease)?

    /// Of the state folder, where the fleet is kept in it.
    private let lock: FolderLock?

    /// - Parameter mayBeNew: whether a database that is missing beside a key is made rather than missed.
    /// - Throws: `PrivateFileFailure` as `DatabaseLoss` says, `FolderInUse`, `FleetStoreFailure`.
    init(_ choice: StoreChoice, folder: String, mayBeNew: Bool) async throws {
        switch choice {
        case .sqlite:
            lock = try FolderLock(folder)
            if !mayBeNew { try DatabaseLoss.refuse(in: folder) }
            let store = try SQLiteFleetStore(path: folder + "/fleet.sqlite")
            (fleet, path, shared) = (store, store.path, nil)
        case .postgreSQL(let address):
            lock = nil
            let store = try await PostgreSQLFleetStore.open(address)
            (fleet, path, shared) = (store, store.path, (store, PostgreSQLLease(address)))
        }
    }

    /// Waits until no other coordinator leads.
    /// - Parameter standBy: what to do meanwhile, until cancelled.
    /// - Returns: `false` when this one is to end before it led.
    func lead(
        logger: Logger, standBy: @escaping @Sendable (PostgreSQLFleetStore) async throws -> Void
    ) async throws -> Bool {
        guard let shared else { return true }
        if try await shared.lease.acquire(for: shared.store) { return true }
        logger.notice("standing by: another coordinator leads the fleet", metadata: ["store": "\(path)"])
        return try await cancelWhenGracefulShutdown {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask { await waitForLease(shared, logger) }
                group.addTask {
                    try await standBy(shared.store)
                    return false
                }
                let leads = try await group.next() ?? false
                group.cancelAll()
                return leads
            }
        }
    }

    private func waitForLease(
        _ shared: (store: PostgreSQLFleetStore, lease: PostgreSQLLease), _ logger: Logger
    ) async -> Bool {
        while (try? await Task.sleep(for: Self.leaseInterval)) != nil {
            do {
                guard try await shared.lease.acquire(for: shared.store) else { continue }
                logger.notice("leading the fleet", metadata: ["store": "\(path)"])
                return true
            } catch { logger.warning("the lease cannot be asked for", metadata: ["error": "\(error)"]) }
        }
        return false
    }

    /// Returns when the task is cancelled.
    /// - Throws: `leaseLost` when another coordinator may lead from now on: this one must end.
    func watchLease() async throws {
        while (try? await Task.sleep(for: Self.leaseInterval)) != nil {
            guard let shared else { continue }
            guard await shared.lease.isHeld() else { throw FleetStoreFailure.leaseLost(path: path) }
        }
    }

    /// Says where this coordinator is, which leads; again and again until the database has it, or the task is
    /// cancelled.
    func announce(_ addresses: LeaderAddresses, logger: Logger) async {
        guard let shared else { return }
        while !Task.isCancelled {
            do { return try await shared.store.announce(addresses) } catch {
                logger.warning("other coordinators not told of this one", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.leaseInterval)
        }
    }

    /// Ends the sessions; another coordinator can lead at once.
    func close() async {
        await shared?.lease.release()
        await shared?.store.close()
    }
}
