public import FleetStore

/// The right to lead a fleet, which one of the coordinators over one database holds at a time.
///
/// It is an advisory lock of a session of its own: the server gives it back as soon as that session ends, however its
/// coordinator ended, and ends the session itself when nothing is heard on it for `silence`. A coordinator that was
/// stopped for that long and then goes on would not know that another one leads. So each that takes the lease raises
/// the epoch, which waits for the transactions that are under way, and every transaction that writes under the lease
/// tests it: what comes too late is refused with `FleetStoreFailure.leaseLost`.
public final class PostgreSQLLease: Sendable {
    /// How long the holder may be silent; it should look after the lease (`isHeld`) a few times as often.
    public static let silence: Duration = .seconds(10)
    /// Beside `PostgreSQLLock`, which transactions take.
    private static let leader = 0

    private let path: String
    private let pool: PostgreSQLPool
    private let transactions: PostgreSQLTransactions

    public init(_ address: PostgreSQLAddress) {
        var settings = PostgreSQLSettings()
        settings.sessions = 1
        settings.answerTime = Self.silence / 2
        path = address.description
        pool = PostgreSQLPool(address, settings)
        transactions = PostgreSQLTransactions(path: address.description, patience: settings.patience)
    }

    /// Takes the lease, if nobody has it; from then on the store writes under it.
    /// - Returns: `false` while another coordinator leads.
    public func acquire(for store: PostgreSQLFleetStore) async throws(FleetStoreFailure) -> Bool {
        let (path, transactions) = (path, transactions)
        let epoch: Int64? = try await pool.perform(path: path) { session in
            do throws(PostgreSQLFailure) {
                guard try Self.lock(session) else { return .success(nil) }
            } catch {
                session.drop()
                return .failure(error.fleetStoreFailure(path))
            }
            let raised = transactions.run(.write([.lease], epoch: nil), on: session) {
                try $0.first(
                    "UPDATE lease SET epoch = epoch + 1, relay = NULL, admin = NULL RETURNING epoch")?
                    .integer("epoch")
            }
            // The session may have been made again meanwhile, without the lock.
            guard case .success = raised, Self.isHeld(by: session) else {
                session.drop()
                return raised.map { _ in nil }
            }
            return raised
        }
        guard let epoch else { return false }
        store.write(under: epoch)
        return true
    }

    /// Asks the server; a session that does not answer holds nothing any more.
    public func isHeld() async -> Bool {
        let held: Bool? = try? await pool.perform(path: path) { session in
            let isHeld = Self.isHeld(by: session)
            if !isHeld { session.drop() }
            return .success(isHeld)
        }
        return held ?? false
    }

    /// Ends the session, and with it the lease; another coordinator can take it at once.
    public func release() async { await pool.close() }

    private static func lock(_ session: PostgreSQLSession) throws(PostgreSQLFailure) -> Bool {
        let connection = try session.connection()
        let seconds = silence.components.seconds
        // 14 knows the time that a session may idle; the others tell the server to notice when this machine is gone.
        for (name, value) in [
            ("idle_session_timeout", "\(seconds)s"), ("tcp_keepalives_idle", "\(seconds / 2)"),
            ("tcp_keepalives_interval", "1"), ("tcp_keepalives_count", "\(seconds / 2)"),
        ] {
            _ = try connection.execute(
                "SELECT set_config(name, $2, false) FROM pg_settings WHERE name = $1", [.text(name), .text(value)])
        }
        let row = try connection.execute(
            "SELECT pg_try_advisory_lock($1::integer, $2::integer)::integer AS won",
            [.count(Int(PostgreSQLLock.space)), .count(leader)]
        ).first
        return row?.integer("won") == 1
    }

    private static func isHeld(by session: PostgreSQLSession) -> Bool {
        do {
            let locks = try session.connection().execute(
                """
                SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    AND classid = $1::bigint AND objid = $2::bigint AND objsubid = 2
                """, [.count(Int(PostgreSQLLock.space)), .count(leader)])
            return locks.first != nil
        } catch { return false }
    }
}
