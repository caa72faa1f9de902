import FleetModel
public import FleetStore
import Synchronization

/// Keeps the fleet in a PostgreSQL database (13 or later), for several coordinators of which one leads.
///
/// Every method is one transaction over one of a few sessions; it returns after the server has flushed the commit. What
/// its rules look at is locked first, so that two coordinators keep them together. Sessions that are lost are made
/// again, and a transaction is then carried out once or not at all (`PostgreSQLTransactions`).
public final class PostgreSQLFleetStore: FleetStore {
    /// Names the database, without what is secret.
    public let path: String
    let limits: StoreLimits
    private let pool: PostgreSQLPool
    private let transactions: PostgreSQLTransactions
    private let epoch = Mutex<Int64?>(nil)

    private init(_ address: PostgreSQLAddress, _ settings: PostgreSQLSettings, _ limits: StoreLimits) {
        path = address.description
        self.limits = limits
        pool = PostgreSQLPool(address, settings)
        transactions = PostgreSQLTransactions(path: address.description, patience: settings.patience)
    }

    /// Connects, and makes or updates the tables.
    public static func open(
        _ address: PostgreSQLAddress, settings: PostgreSQLSettings = PostgreSQLSettings(),
        limits: StoreLimits = StoreLimits()
    ) async throws(FleetStoreFailure) -> PostgreSQLFleetStore {
        let store = PostgreSQLFleetStore(address, settings, limits)
        let path = store.path
        do throws(FleetStoreFailure) {
            try await store.write(locking: [.migrations]) { try PostgreSQLSchema.migrate($0, path: path) }
        } catch {
            await store.close()
            throw error
        }
        return store
    }

    /// Ends all sessions. No method may be called after.
    public func close() async { await pool.close() }

    /// From here on every method that writes refuses when another coordinator has taken the fleet over since.
    func write(under epoch: Int64) { self.epoch.withLock { $0 = epoch } }

    func write<Value: Sendable>(
        locking locks: [PostgreSQLLock] = [], _ body: @escaping @Sendable (PostgreSQLTransaction) throws -> Value
    ) async throws(FleetStoreFailure) -> Value {
        try await run(.write(locks, epoch: epoch.withLock { $0 }), body)
    }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (PostgreSQLTransaction) throws -> Value
    ) async throws(FleetStoreFailure) -> Value {
        try await run(.read, body)
    }

    private func run<Value: Sendable>(
        _ kind: PostgreSQLTransactions.Kind, _ body: @escaping @Sendable (PostgreSQLTransaction) throws -> Value
    ) async throws(FleetStoreFailure) -> Value {
        let transactions = transactions
        return try await pool.perform(path: path) { transactions.run(kind, on: $0, body) }
    }

    // MARK: Values

    func decoded<Value: Decodable>(_ type: Value.Type, from text: String) throws(FleetStoreFailure) -> Value {
        try StoredForm.value(type, json: text, in: path)
    }

    func boardID(_ text: String) throws(FleetStoreFailure) -> BoardID { try StoredForm.board(text, in: path) }
}
