import FleetModel
import Foundation
import GRDB

/// Keeps the fleet in one SQLite file, readable by its owner alone.
///
/// Write-ahead log with `synchronous = FULL`: a commit is flushed to the disk before the method returns, so whatever
/// was acknowledged outlives a crash of the process and of the machine. Readers see the last commit and do not wait
/// for the writer.
public final class SQLiteFleetStore: FleetStore {
    public let path: String
    let limits: StoreLimits
    let pool: DatabasePool

    /// Opens the file or makes it. The whole file is checked first; a damaged one is refused and left alone.
    public init(path: String, limits: StoreLimits = StoreLimits()) throws(FleetStoreFailure) {
        self.path = path
        self.limits = limits
        try Self.restrict(path)
        do {
            try Self.check(path)
            pool = try DatabasePool(path: path, configuration: Self.configuration)
            // The pool sets NORMAL for itself while it opens, which would leave the last commits to a power failure.
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try Schema.migrator.migrate(pool)
        } catch {
            throw Self.failure(error, path)
        }
    }

    /// Whether there is no file, one of 0 bytes, or a database without tables, such as a file that was copied without
    /// its log leaves. `false` of what cannot be read: opening it says why.
    public static func isEmpty(_ path: String) -> Bool {
        guard access(path, F_OK) == 0 else { return true }
        var configuration = configuration
        configuration.readonly = true
        let tables = try? DatabaseQueue(path: path, configuration: configuration).read {
            try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_master")
        }
        return tables == 0
    }

    /// Joins the coordinator that uses the database, if one does. Nothing is made, changed or checked as a whole: that
    /// coordinator did, and its tables must be those of this program.
    public init(existing path: String) throws(FleetStoreFailure) {
        self.path = path
        limits = StoreLimits()
        guard access(path, R_OK | W_OK) == 0 else {
            throw .unavailable(path: path, detail: String(cString: strerror(errno)))
        }
        do {
            var configuration = Self.configuration
            // The coordinator goes first, and nobody waits for this one.
            configuration.busyMode = .timeout(10)
            pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try pool.read { database in
                guard try !Schema.migrator.hasBeenSuperseded(database) else {
                    throw FleetStoreFailure.newerSchema(path: path)
                }
                guard try Schema.migrator.hasCompletedMigrations(database) else {
                    throw FleetStoreFailure.unavailable(
                        path: path, detail: "an earlier version of this program uses it")
                }
            }
        } catch {
            throw Self.failure(error, path)
        }
    }

    /// Reads the whole file over a connection that cannot write to it.
    private static func check(_ path: String) throws {
        var configuration = configuration
        configuration.readonly = true
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.read { database in
            let problems = try String.fetchAll(database, sql: "PRAGMA quick_check(1)")
            guard problems == ["ok"] else {
                throw FleetStoreFailure.corrupt(path: path, detail: problems.joined(separator: "; "))
            }
            guard try !Schema.migrator.hasBeenSuperseded(database) else {
                throw FleetStoreFailure.newerSchema(path: path)
            }
        }
        try queue.close()
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        // Whoever waits here keeps the fleet waiting.
        configuration.busyMode = .timeout(1)
        return configuration
    }

    /// SQLite gives the log the same mode as the file.
    private static func restrict(_ path: String) throws(FleetStoreFailure) {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw .unavailable(path: path, detail: String(cString: strerror(errno)))
        }
        defer { Foundation.close(file) }
        guard fchmod(file, 0o600) == 0 else {
            throw .unavailable(path: path, detail: String(cString: strerror(errno)))
        }
    }

    /// Moves the log into the file, so that the file alone is the whole database, and closes it. No method may be
    /// called after.
    public func close() throws(FleetStoreFailure) {
        do {
            try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
            try pool.close()
        } catch {
            throw Self.failure(error, path)
        }
    }

    func write<Value: Sendable>(_ updates: @Sendable @escaping (Database) throws -> Value) async throws -> Value {
        do {
            return try await pool.write(updates)
        } catch {
            throw Self.failure(error, path)
        }
    }

    func read<Value: Sendable>(_ query: @Sendable @escaping (Database) throws -> Value) async throws -> Value {
        do {
            return try await pool.read(query)
        } catch {
            throw Self.failure(error, path)
        }
    }

    static func failure(_ error: any Error, _ path: String) -> FleetStoreFailure {
        if let failure = error as? FleetStoreFailure { return failure }
        guard let failure = error as? DatabaseError else { return .unavailable(path: path, detail: "\(error)") }
        let detail = failure.message ?? "SQLite result \(failure.resultCode.rawValue)"
        switch failure.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return .corrupt(path: path, detail: detail)
        default: return .unavailable(path: path, detail: detail)
        }
    }

    func decoded<Value: Decodable>(_ type: Value.Type, from text: String) throws(FleetStoreFailure) -> Value {
        try StoredForm.value(type, json: text, in: path)
    }

    func encoded(_ value: some Encodable) throws -> String { try StoredForm.json(value) }

    func boardID(_ text: String) throws(FleetStoreFailure) -> BoardID { try StoredForm.board(text, in: path) }
}
