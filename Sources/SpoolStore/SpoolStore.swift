public import FleetModel
import Foundation
import GRDB
import Synchronization

/// Records that wait for the coordinator, in one SQLite file that its owner alone can read.
///
/// Write-ahead log with `synchronous = FULL`: what `commit` has taken is on the disk when it returns. SQLite does not
/// notice a flipped bit in a value, so every record carries a checksum of its own. A file that is damaged gives up
/// what can still be read of it to a new one and is kept beside it as `….damaged`.
public struct SpoolStore: Sendable {
    /// What a file held when it was opened.
    public struct Content: Sendable {
        /// In order; all of them whole.
        public var records: [(position: TelemetryPosition, bytes: Int)] = []
        public var losses = SpoolLosses()
        /// What was wrong with the file; empty when nothing was.
        public var trouble = ""

        public init() {}

        init(records: [SpooledRecord], _ losses: SpoolLosses, _ trouble: String) {
            self.records = records.map { ($0.position, $0.payload.count) }
            self.losses = losses
            self.trouble = String(decoding: trouble.utf8.prefix(SpoolTelemetry.troubleBytes), as: UTF8.self)
        }
    }

    public let path: String
    private let queue: DatabaseQueue

    /// Incarnations whose losses are told apart.
    private static let incarnationLimit = 256

    // MARK: Opening

    /// Opens the file or makes it, and reads it whole.
    /// - Throws: `SpoolFailure.unwritable` where there can be none.
    public static func open(at path: String) throws(SpoolFailure) -> (store: SpoolStore, content: Content) {
        do throws(SpoolFailure) {
            let store = try SpoolStore(path: path)
            return (store, try store.content())
        } catch .damaged(let detail) {
            return try replaced(path, because: detail)
        }
    }

    private init(path: String) throws(SpoolFailure) {
        self.path = path
        try Self.restrict(path)
        var configuration = Configuration()
        configuration.journalMode = .wal
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 1048576")
                try database.execute(sql: Self.schema)
            }
        } catch {
            throw SpoolFailure(error)
        }
    }

    /// SQLite gives the log the same mode as the file.
    private static func restrict(_ path: String) throws(SpoolFailure) {
        let file = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .unwritable(String(cString: strerror(errno))) }
        defer { Foundation.close(file) }
        guard fchmod(file, 0o600) == 0 else { throw .unwritable(String(cString: strerror(errno))) }
    }

    private static let schema = """
        CREATE TABLE IF NOT EXISTS record (
            incarnation INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            checksum INTEGER NOT NULL,
            payload BLOB NOT NULL,
            PRIMARY KEY (incarnation, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS loss (
            incarnation INTEGER NOT NULL,
            reason TEXT NOT NULL,
            records INTEGER NOT NULL,
            PRIMARY KEY (incarnation, reason)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS mark (
            incarnation INTEGER NOT NULL PRIMARY KEY,
            sequence INTEGER NOT NULL
        ) STRICT;
        """

    private func content() throws(SpoolFailure) -> Content {
        do {
            // A header can be damaged so that the file may only be read. The empty transaction asks.
            return try queue.write { database in
                let problems = try String.fetchAll(database, sql: "PRAGMA quick_check(1)")
                guard problems == ["ok"] else { throw SpoolFailure.damaged(problems.joined(separator: "; ")) }
                var content = Content()
                content.losses = try Self.losses(in: database)
                let records = try Row.fetchCursor(
                    database, sql: "SELECT \(Self.columns) FROM record ORDER BY incarnation, sequence")
                while let row = try records.next() {
                    guard let record = Self.whole(row) else { throw SpoolFailure.damaged("a record is not whole") }
                    content.records.append((record.position, record.payload.count))
                }
                return content
            }
        } catch {
            throw SpoolFailure(error)
        }
    }

    /// By name, so that a name that was damaged in the file is an error of SQLite's and not of whoever reads the row.
    private static let columns = "incarnation, sequence, checksum, payload"

    /// `nil` where the row does not hold what was written.
    private static func whole(_ row: Row) -> SpooledRecord? {
        guard let incarnation = Int64.fromDatabaseValue(row["incarnation"]), incarnation > 0,
            let sequence = Int64.fromDatabaseValue(row["sequence"]), sequence > 0,
            let payload = Data.fromDatabaseValue(row["payload"])
        else { return nil }
        let record = SpooledRecord(
            position: .init(incarnation: UInt64(incarnation), sequence: UInt64(sequence)), payload: Array(payload))
        return record.checksum == Int64.fromDatabaseValue(row["checksum"]) && record.record != nil ? record : nil
    }

    private static func losses(in database: Database) throws -> SpoolLosses {
        var losses = SpoolLosses()
        for row in try Row.fetchAll(database, sql: "SELECT incarnation, reason, records FROM loss") {
            guard let reason = String.fromDatabaseValue(row["reason"]).flatMap(SpoolTelemetry.Loss.init),
                let incarnation = Int64.fromDatabaseValue(row["incarnation"]), incarnation >= 0,
                let records = Int64.fromDatabaseValue(row["records"]), records >= 0
            else { throw SpoolFailure.damaged("a count of losses is not whole") }
            losses.count(reason, UInt64(records), of: UInt64(incarnation))
        }
        return losses
    }

    // MARK: Damage

    /// Moves the file out of the way and puts what can be read of it into a new one.
    private static func replaced(
        _ path: String, because detail: String
    ) throws(SpoolFailure) -> (store: SpoolStore, content: Content) {
        var (records, losses, marks) = salvaged(path)
        for (incarnation, count) in missing(in: records, above: marks) {
            losses.count(.damaged, count, of: incarnation)
        }
        for suffix in ["", "-wal", "-shm"] {
            unlink(path + ".damaged" + suffix)
            guard rename(path + suffix, path + ".damaged" + suffix) == 0 || errno == ENOENT else {
                throw .unwritable(String(cString: strerror(errno)))
            }
        }
        let store = try SpoolStore(path: path)
        try store.commit(adding: records, removing: [], losses: losses)
        let trouble = "the spool was damaged (\(detail)): \(records.count) records of it could be read"
        return (
            store,
            Content(records: records, losses, trouble)
        )
    }

    /// From both ends, so that damage in the middle costs only what it hit.
    private static func salvaged(_ path: String) -> ([SpooledRecord], SpoolLosses, marks: [UInt64: UInt64]) {
        var configuration = Configuration()
        configuration.readonly = true
        guard let queue = try? DatabaseQueue(path: path, configuration: configuration) else {
            return ([], .init(), [:])
        }
        defer { try? queue.close() }
        var found: [TelemetryPosition: SpooledRecord] = [:]
        for order in ["incarnation, sequence", "incarnation DESC, sequence DESC"] {
            let read = Mutex<[SpooledRecord]>([])
            try? queue.read { database in
                let rows = try Row.fetchCursor(database, sql: "SELECT \(columns) FROM record ORDER BY \(order)")
                while let row = try rows.next() {
                    if let record = whole(row) { read.withLock { $0.append(record) } }
                }
            }
            for record in read.withLock({ $0 }) { found[record.position] = record }
        }
        let losses = try? queue.read { try Self.losses(in: $0) }
        let marks = try? queue.read { try Self.marks(in: $0) }
        return (found.values.sorted { $0.position < $1.position }, losses ?? .init(), marks ?? [:])
    }

    private static func marks(in database: Database) throws -> [UInt64: UInt64] {
        try Row.fetchAll(database, sql: "SELECT incarnation, sequence FROM mark").reduce(into: [:]) { marks, row in
            guard let incarnation = Int64.fromDatabaseValue(row["incarnation"]), incarnation > 0,
                let sequence = Int64.fromDatabaseValue(row["sequence"]), sequence > 0
            else { return }
            marks[UInt64(incarnation)] = UInt64(sequence)
        }
    }

    /// Holes among what was read: above the last record that was removed, or else above the first that is left.
    private static func missing(in records: [SpooledRecord], above marks: [UInt64: UInt64]) -> [UInt64: UInt64] {
        var missing: [UInt64: UInt64] = [:]
        for (incarnation, records) in Dictionary(grouping: records.map(\.position), by: \.incarnation) {
            guard let first = records.first?.sequence, let last = records.last?.sequence else { continue }
            let below = min(marks[incarnation] ?? (first - 1), first - 1)
            missing[incarnation] = last - below - UInt64(records.count)
        }
        return missing
    }

    // MARK: Use

    /// One transaction, on the disk when it returns.
    public func commit(
        adding records: [SpooledRecord], removing positions: [TelemetryPosition], losses: SpoolLosses
    ) throws(SpoolFailure) {
        var folded = losses
        folded.folded(to: Self.incarnationLimit)
        do {
            try queue.write { database in
                for position in positions {
                    try database.cachedStatement(sql: "DELETE FROM record WHERE incarnation = ? AND sequence = ?")
                        .execute(arguments: [Int64(position.incarnation), Int64(position.sequence)])
                }
                try Self.mark(positions, in: database)
                for record in records {
                    try database.cachedStatement(sql: "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)")
                        .execute(arguments: [
                            Int64(record.position.incarnation), Int64(record.position.sequence), record.checksum,
                            Data(record.payload),
                        ])
                }
                guard try Self.losses(in: database) != folded else { return }
                try database.execute(sql: "DELETE FROM loss")
                for row in folded.rows {
                    try database.cachedStatement(sql: "INSERT INTO loss VALUES (?, ?, ?)")
                        .execute(arguments: [Int64(row.incarnation), row.reason.rawValue, Int64(row.records)])
                }
            }
        } catch {
            throw SpoolFailure(error)
        }
    }

    private static func mark(_ removed: [TelemetryPosition], in database: Database) throws {
        guard !removed.isEmpty else { return }
        for (incarnation, positions) in Dictionary(grouping: removed, by: \.incarnation) {
            try database.execute(
                sql: """
                    INSERT INTO mark VALUES (?, ?)
                    ON CONFLICT (incarnation) DO UPDATE SET sequence = max(sequence, excluded.sequence)
                    """, arguments: [Int64(incarnation), Int64(positions.map(\.sequence).max() ?? 0)])
        }
        try database.execute(
            sql: """
                DELETE FROM mark WHERE incarnation NOT IN (
                    SELECT incarnation FROM mark ORDER BY incarnation DESC LIMIT ?)
                """, arguments: [incarnationLimit])
    }

    /// In the order asked for; what is not there, or not whole, is left out.
    public func records(at positions: [TelemetryPosition]) throws(SpoolFailure) -> [SpooledRecord] {
        do {
            return try queue.read { database in
                let statement = try database.cachedStatement(
                    sql: "SELECT \(Self.columns) FROM record WHERE incarnation = ? AND sequence = ?")
                return try positions.compactMap { position in
                    try Row.fetchOne(
                        statement, arguments: [Int64(position.incarnation), Int64(position.sequence)]
                    ).flatMap(Self.whole)
                }
            }
        } catch {
            throw SpoolFailure(error)
        }
    }

    /// Moves the log into the file. SQLite does so by itself every thousand pages.
    public func checkpoint() { try? queue.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) } }

    public func close() { try? queue.close() }
}

/// Why the spool's file cannot be used.
public enum SpoolFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// Its content is not what was written.
    case damaged(String)
    /// The disk is full, or the file is out of reach.
    case unwritable(String)

    init(_ error: any Error) {
        if let failure = error as? SpoolFailure {
            self = failure
            return
        }
        guard let failure = error as? DatabaseError else {
            self = .unwritable("\(error)")
            return
        }
        let detail = failure.message ?? "SQLite result \(failure.resultCode.rawValue)"
        // Its plain form: the file, which was opened for writing, says of itself that it may only be read.
        if failure.extendedResultCode == .SQLITE_READONLY {
            self = .damaged(detail)
            return
        }
        switch failure.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_ERROR, .SQLITE_MISMATCH, .SQLITE_CONSTRAINT, .SQLITE_SCHEMA:
            self = .damaged(detail)
        default:
            self = .unwritable(detail)
        }
    }

    public var description: String {
        switch self {
        case .damaged(let detail): "the spool is damaged: \(detail)"
        case .unwritable(let detail): "the spool cannot be written: \(detail)"
        }
    }
}
