import CPostgreSQL
import Foundation

/// One session. It belongs to one thread, which it blocks until the server has answered, or for `answerTime` at most:
/// a server that is stopped must not stop its clients.
final class PostgreSQLConnection {
    /// Seconds that libpq spends on one host.
    private static let connectSeconds = 5
    /// `pg_current_xact_id` came with 13.
    private static let oldestServer: Int32 = 130_000
    /// `PG_DIAG_SQLSTATE` and `PG_DIAG_MESSAGE_PRIMARY`, which are characters to C.
    private static let (stateField, messageField) = (Int32(UInt8(ascii: "C")), Int32(UInt8(ascii: "M")))

    private let session: OpaquePointer
    private let answerTime: Duration
    private var prepared: [String: String] = [:]

    /// - Throws: `lost` when there is no such server now, `refused` when it is one that would not keep commits.
    init(_ address: PostgreSQLAddress, answerTime: Duration) throws(PostgreSQLFailure) {
        self.answerTime = answerTime
        let options = [
            ("connect_timeout", "\(Self.connectSeconds)"), ("application_name", "shoal"), ("tcp_user_timeout", "30000"),
            ("dbname", address.connectionString), ("client_encoding", "UTF8"),
        ]
        let keywords: [UnsafePointer<CChar>?] = options.map { UnsafePointer(strdup($0.0)) } + [nil]
        let values: [UnsafePointer<CChar>?] = options.map { UnsafePointer(strdup($0.1)) } + [nil]
        defer { for text in keywords + values { free(UnsafeMutablePointer(mutating: text)) } }
        // The last: the value of `dbname` is a whole connection string.
        let opened = PQconnectdbParams(keywords, values, 1)
        guard let opened else { throw .lost("libpq is out of memory") }
        session = opened
        guard PQstatus(session) == CONNECTION_OK else { throw .lost(Self.message(of: session)) }
        PQsetNoticeProcessor(session, { _, _ in }, nil)
        guard PQsetnonblocking(session, 1) == 0 else { throw .lost(Self.message(of: session)) }
        try prepareSession()
    }

    deinit { PQfinish(session) }

    /// What must hold for an acknowledged commit to outlive a power failure, and for the statements to mean the same on
    /// every server.
    private func prepareSession() throws(PostgreSQLFailure) {
        guard PQserverVersion(session) >= Self.oldestServer else {
            throw .refused(state: "0A000", message: "the server is older than PostgreSQL 13")
        }
        let settings = try execute(
            """
            SELECT current_setting('fsync') AS fsync, current_setting('server_encoding') AS encoding,
                set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                    ELSE current_setting('synchronous_commit') END, false),
                set_config('bytea_output', 'hex', false), set_config('extra_float_digits', '1', false),
                set_config('standard_conforming_strings', 'on', false), set_config('lock_timeout', '5s', false),
                set_config('idle_in_transaction_session_timeout', '60s', false)
            """)
        guard let row = settings.first, row.text("fsync") == "on" else {
            throw .refused(state: "55000", message: "the server runs with fsync = off and would lose commits")
        }
        guard row.text("encoding") == "UTF8" else {
            throw .refused(state: "55000", message: "the database's encoding is \(row.text("encoding")), not UTF8")
        }
    }

    // MARK: Statements

    /// Prepares the statement when it comes for the first time.
    func execute(_ sql: String, _ values: [PostgreSQLValue] = []) throws(PostgreSQLFailure) -> PostgreSQLResult {
        let name = try name(of: sql)
        let sent = PostgreSQLParameters(values).with { count, values, lengths, formats in
            PQsendQueryPrepared(session, name, count, values, lengths, formats, 0)
        }
        return try answer(wasSent: sent == 1)
    }

    /// Several statements without parameters in one text; for schemas.
    func run(_ sql: String) throws(PostgreSQLFailure) {
        _ = try answer(wasSent: PQsendQuery(session, sql) == 1)
    }

    private func name(of sql: String) throws(PostgreSQLFailure) -> String {
        if let name = prepared[sql] { return name }
        let name = "s\(prepared.count)"
        _ = try answer(wasSent: PQsendPrepare(session, name, sql, 0, nil) == 1)
        prepared[sql] = name
        return name
    }

    private func answer(wasSent: Bool) throws(PostgreSQLFailure) -> PostgreSQLResult {
        guard wasSent else { throw .lost(Self.message(of: session)) }
        let deadline = ContinuousClock.now + answerTime
        while true {
            let unsent = PQflush(session)
            guard unsent >= 0 else { throw .lost(Self.message(of: session)) }
            if unsent == 0 { break }
            // The server may have to be heard before it takes more.
            try wait(for: POLLIN | POLLOUT, until: deadline)
            guard PQconsumeInput(session) == 1 else { throw .lost(Self.message(of: session)) }
        }
        var last: PostgreSQLResult?
        while let result = try next(by: deadline) {
            if last.map({ Self.isGood($0) }) ?? true { last = result }
        }
        guard let last else { throw .lost(Self.message(of: session)) }
        guard Self.isGood(last) else { throw failure(last) }
        return last
    }

    private func next(by deadline: ContinuousClock.Instant) throws(PostgreSQLFailure) -> PostgreSQLResult? {
        while PQisBusy(session) == 1 {
            try wait(for: POLLIN, until: deadline)
            guard PQconsumeInput(session) == 1 else { throw .lost(Self.message(of: session)) }
        }
        return PQgetResult(session).map(PostgreSQLResult.init)
    }

    private func wait(for events: Int32, until deadline: ContinuousClock.Instant) throws(PostgreSQLFailure) {
        var place = pollfd(fd: PQsocket(session), events: Int16(events), revents: 0)
        while true {
            let left = ContinuousClock.now.duration(to: deadline).components
            let milliseconds = left.seconds * 1_000 + left.attoseconds / 1_000_000_000_000_000
            guard milliseconds > 0 else { throw .lost("the server did not answer within \(answerTime)") }
            let found = poll(&place, 1, Int32(clamping: milliseconds))
            if found > 0 { return }
            guard found == 0 || errno == EINTR else { throw .lost(String(cString: strerror(errno))) }
        }
    }

    // MARK: Failures

    private static func isGood(_ result: PostgreSQLResult) -> Bool {
        result.status == PGRES_COMMAND_OK || result.status == PGRES_TUPLES_OK || result.status == PGRES_EMPTY_QUERY
    }

    private func failure(_ result: PostgreSQLResult) -> PostgreSQLFailure {
        PostgreSQLFailure(
            state: result.field(Self.stateField) ?? "",
            message: result.field(Self.messageField) ?? Self.message(of: session),
            isSessionLost: PQstatus(session) != CONNECTION_OK)
    }

    /// One line; libpq's messages name hosts, users and databases, and no passwords.
    private static func message(of session: OpaquePointer) -> String {
        let text = String(cString: PQerrorMessage(session))
        return text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .joined(separator: "; ")
    }
}
