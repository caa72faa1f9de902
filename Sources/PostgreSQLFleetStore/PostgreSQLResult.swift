import CPostgreSQL

/// What a statement gave, in libpq's memory.
final class PostgreSQLResult {
    private let result: OpaquePointer

    init(_ result: OpaquePointer) { self.result = result }

    deinit { PQclear(result) }

    var status: ExecStatusType { PQresultStatus(result) }
    /// `COMMIT`, `ROLLBACK`, `UPDATE 3` and the like.
    var tag: String { String(cString: PQcmdStatus(result)) }
    /// Rows that the statement changed.
    var changed: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

    var rows: [PostgreSQLRow] { (0..<PQntuples(result)).map { PostgreSQLRow(result: self, number: $0) } }
    var first: PostgreSQLRow? { PQntuples(result) > 0 ? PostgreSQLRow(result: self, number: 0) : nil }

    func field(_ code: Int32) -> String? { PQresultErrorField(result, code).map { String(cString: $0) } }

    /// libpq folds names as SQL does, so that they are written here as in the statement.
    fileprivate func value(_ column: String, _ row: Int32) -> UnsafeRawBufferPointer? {
        let number = PQfnumber(result, column)
        precondition(number >= 0, "the statement gives no column \(column)")
        guard PQgetisnull(result, row, number) == 0, let value = PQgetvalue(result, row, number) else { return nil }
        return UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(result, row, number)))
    }
}

/// One row, by column. A column that is read as what it is not is a mistake in this program.
struct PostgreSQLRow {
    let result: PostgreSQLResult
    let number: Int32

    /// `nil` where the column is NULL.
    func optionalText(_ column: String) -> String? {
        result.value(column, number).map { String(decoding: $0, as: UTF8.self) }
    }

    func text(_ column: String) -> String {
        guard let text = optionalText(column) else { preconditionFailure("\(column) is NULL") }
        return text
    }

    func optionalInteger(_ column: String) -> Int64? {
        optionalText(column).map { text in
            guard let number = Int64(text) else { preconditionFailure("\(column) is no integer") }
            return number
        }
    }

    func integer(_ column: String) -> Int64 {
        guard let number = optionalInteger(column) else { preconditionFailure("\(column) is NULL") }
        return number
    }

    /// A column that was written from a number of zero or more.
    func unsigned<Value: UnsignedInteger>(_ column: String) -> Value { Value(clamping: integer(column)) }

    func optionalUnsigned(_ column: String) -> UInt64? { optionalInteger(column).map { UInt64(clamping: $0) } }

    /// The server writes `t` or `f`.
    func boolean(_ column: String) -> Bool { text(column) == "t" }

    func optionalReal(_ column: String) -> Double? {
        optionalText(column).map { text in
            guard let number = Double(text) else { preconditionFailure("\(column) is no number") }
            return number
        }
    }

    func real(_ column: String) -> Double {
        guard let number = optionalReal(column) else { preconditionFailure("\(column) is NULL") }
        return number
    }

    /// The server writes bytes as `\x` and two digits each (`bytea_output = hex`, which the session sets).
    func optionalBytes(_ column: String) -> [UInt8]? {
        guard let digits = result.value(column, number) else { return nil }
        precondition(digits.count >= 2 && digits.count.isMultiple(of: 2), "\(column) holds no bytes")
        return stride(from: 2, to: digits.count, by: 2).map { index in
            Self.value(ofDigit: digits[index]) << 4 | Self.value(ofDigit: digits[index + 1])
        }
    }

    func bytes(_ column: String) -> [UInt8] {
        guard let bytes = optionalBytes(column) else { preconditionFailure("\(column) is NULL") }
        return bytes
    }

    private static func value(ofDigit digit: UInt8) -> UInt8 {
        digit < UInt8(ascii: "a") ? digit - UInt8(ascii: "0") : digit - UInt8(ascii: "a") + 10
    }
}
