import Foundation
import GRDB

extension Row {
    /// A column that was written from a number of zero or more.
    func unsigned<Value: UnsignedInteger>(_ column: String) -> Value {
        let number: Int64 = self[column]
        return Value(clamping: number)
    }
}

extension [UInt8] {
    var databaseBytes: Data { Data(self) }
}
