import FleetStore
import Foundation

/// Tables whose rules one transaction at a time may test and keep. A method names what its rules look at; these are
/// locked in this order, and no two methods can wait for each other.
///
/// They are advisory, of the transaction: readers do not see them, and `VACUUM` does not wait for them.
enum PostgreSQLLock: Int32, Comparable, CaseIterable {
    /// Held shared by every transaction that writes under a lease, and alone by who takes the lease over.
    case lease = 1
    case migrations
    case boards
    case tokens
    case policies
    case events
    case searches
    case measurements
    case access
    case rollouts
    case sharing
    case audit

    /// "SHOA": apart from other programs' advisory locks in the same database.
    static let space: Int32 = 0x5348_4F41

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What the body of a transaction may do.
struct PostgreSQLTransaction {
    let connection: PostgreSQLConnection

    @discardableResult
    func execute(_ sql: String, _ values: PostgreSQLValue...) throws(PostgreSQLFailure) -> PostgreSQLResult {
        try connection.execute(sql, values)
    }

    func rows(_ sql: String, _ values: PostgreSQLValue...) throws(PostgreSQLFailure) -> [PostgreSQLRow] {
        try connection.execute(sql, values).rows
    }

    func first(_ sql: String, _ values: PostgreSQLValue...) throws(PostgreSQLFailure) -> PostgreSQLRow? {
        try connection.execute(sql, values).first
    }

    /// Undoes the transaction that put one too many into the table.
    func refuse(moreThan limit: Int, of what: String, in table: String) throws {
        let count = try first("SELECT count(*) AS count FROM \(table)")?.integer("count") ?? 0
        guard count <= Int64(limit) else { throw FleetStoreFailure.limitReached(what: what, limit: limit) }
    }
}

/// Runs transactions so that each happens once, through lost sessions and collisions, or throws and has not happened.
///
/// A transaction that was lost before its `COMMIT` was sent has not happened and is run again. When the session is lost
/// during `COMMIT`, the server is asked by the transaction's number what became of it (`pg_xact_status`): only if it
/// was rolled back is it run again.
struct PostgreSQLTransactions: Sendable {
    enum Kind: Equatable, Sendable {
        /// A snapshot: all statements see one state of the fleet.
        case read
        /// Each statement sees what was committed before it; what the rules look at is locked first. With an `epoch`,
        /// only while no other coordinator has taken the lease over.
        case write([PostgreSQLLock], epoch: Int64?)
    }

    private static let firstPause: Duration = .milliseconds(20)
    private static let longestPause: Duration = .milliseconds(500)

    let path: String
    let patience: Duration

    func run<Value>(
        _ kind: Kind, on session: PostgreSQLSession, _ body: (PostgreSQLTransaction) throws -> Value
    ) -> Result<Value, FleetStoreFailure> {
        let deadline = ContinuousClock.now + patience
        var pause = Self.firstPause
        while true {
            do {
                return .success(try attempt(kind, session, until: deadline, body))
            } catch let failure as FleetStoreFailure {
                return .failure(failure)
            } catch let failure as PostgreSQLFailure {
                guard Self.mayPass(failure), ContinuousClock.now + pause < deadline else {
                    return .failure(failure.fleetStoreFailure(path))
                }
            } catch {
                return .failure(.unavailable(path: path, detail: "\(error)"))
            }
            // Those that were in each other's way should not be so again.
            Self.sleep(pause * Double.random(in: 0.5...1))
            pause = min(pause * 2, Self.longestPause)
        }
    }

    private static func mayPass(_ failure: PostgreSQLFailure) -> Bool {
        if case .refused = failure { return false }
        return true
    }

    private func attempt<Value>(
        _ kind: Kind, _ session: PostgreSQLSession, until deadline: ContinuousClock.Instant,
        _ body: (PostgreSQLTransaction) throws -> Value
    ) throws -> Value {
        let transaction: PostgreSQLTransaction
        let value: Value
        var number: String?
        do {
            transaction = PostgreSQLTransaction(connection: try session.connection())
            number = try begin(kind, transaction)
            value = try body(transaction)
        } catch {
            undo(session, after: error)
            throw error
        }
        do throws(PostgreSQLFailure) {
            let tag = try transaction.execute("COMMIT").tag
            guard tag == "COMMIT" else { throw .conflict("the transaction was rolled back") }
        } catch {
            guard case .lost = error else {
                undo(session, after: error)
                throw error
            }
            session.drop()
            guard let number, try wasCommitted(number, session, until: deadline) else { throw error }
        }
        return value
    }

    /// - Returns: the number of a transaction that writes.
    private func begin(_ kind: Kind, _ transaction: PostgreSQLTransaction) throws -> String? {
        guard case .write(let locks, let epoch) = kind else {
            try transaction.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return nil
        }
        try transaction.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        let number = try transaction.first("SELECT pg_current_xact_id()::text AS number")?.text("number")
        if let epoch { try requireLease(epoch, transaction) }
        for lock in Set(locks).sorted() {
            try transaction.execute(
                "SELECT pg_advisory_xact_lock($1::integer, $2::integer)", .count(Int(PostgreSQLLock.space)),
                .count(Int(lock.rawValue)))
        }
        return number
    }

    /// Shared with all that write under this lease; who takes it over waits for them, and those that come after see the
    /// new epoch.
    private func requireLease(_ epoch: Int64, _ transaction: PostgreSQLTransaction) throws {
        try transaction.execute(
            "SELECT pg_advisory_xact_lock_shared($1::integer, $2::integer)", .count(Int(PostgreSQLLock.space)),
            .count(Int(PostgreSQLLock.lease.rawValue)))
        let current = try transaction.first("SELECT epoch FROM lease")?.integer("epoch")
        guard current == epoch else { throw FleetStoreFailure.leaseLost(path: path) }
    }

    /// Gives the session up unless it can be used again.
    private func undo(_ session: PostgreSQLSession, after error: any Error) {
        if let failure = error as? PostgreSQLFailure, case .lost = failure { return session.drop() }
        do { _ = try session.connection().execute("ROLLBACK") } catch { session.drop() }
    }

    private func wasCommitted(
        _ number: String, _ session: PostgreSQLSession, until deadline: ContinuousClock.Instant
    ) throws -> Bool {
        var pause = Self.firstPause
        while true {
            do {
                let answer = try session.connection().execute(
                    "SELECT pg_xact_status($1::text::xid8) AS status", [.text(number)])
                switch answer.first?.optionalText("status") {
                case "committed": return true
                case "aborted": return false
                default: break
                }
            } catch { session.drop() }
            guard ContinuousClock.now + pause < deadline else {
                throw FleetStoreFailure.unavailable(
                    path: path, detail: "the connection was lost during a commit, which may have happened or not")
            }
            Self.sleep(pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    private static func sleep(_ time: Duration) {
        Thread.sleep(forTimeInterval: time / .seconds(1))
    }
}
