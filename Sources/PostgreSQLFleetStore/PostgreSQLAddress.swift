import CPostgreSQL
public import Files

/// Where the database is and how to log in there: a connection string of libpq, in either of its forms
/// (`host=… dbname=… password=…`, `postgresql://…`).
///
/// It may hold a password. It is handed to libpq in memory, and neither printed nor passed on a command line; what this
/// type prints of itself names the database alone.
public struct PostgreSQLAddress: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let connectionString: String
    /// `postgresql://HOST:PORT/DATABASE`, where they are given.
    public let description: String

    /// `nil` when libpq cannot read it. Its own message is not passed on, because that repeats parts of the string.
    public init?(_ connectionString: String) {
        guard !connectionString.utf8.contains(0), !connectionString.isEmpty else { return nil }
        guard let options = PQconninfoParse(connectionString, nil) else { return nil }
        defer { PQconninfoFree(options) }
        var found: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { found[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        self.connectionString = connectionString
        let port = found["port"].map { ":\($0)" } ?? ""
        description = "postgresql://\(found["host"] ?? "")\(port)/\(found["dbname"] ?? "")"
    }

    /// The first line of a file that only its owner can read.
    public init(file: String) throws(PrivateFileFailure) {
        let text = String(decoding: try PrivateFile.read(file), as: UTF8.self)
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        guard let address = PostgreSQLAddress(line) else {
            throw PrivateFileFailure(file, "holds no connection string of PostgreSQL in its first line")
        }
        self = address
    }

    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
