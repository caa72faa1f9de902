package import FleetModel
import Foundation
package import HookSharing

/// How values lie in the columns of a database: the same in every store, so that one can be copied to another.
package enum StoredForm {
    package static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// Reads what a column holds; a value that this program cannot have written is damage.
    package static func value<Value: Decodable>(
        _ type: Value.Type, json: String, in path: String
    ) throws(FleetStoreFailure) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(json.utf8))
        } catch {
            throw .corrupt(path: path, detail: "unreadable \(type)")
        }
    }

    package static func board(_ text: String, in path: String) throws(FleetStoreFailure) -> BoardID {
        guard let board = BoardID(text) else { throw .corrupt(path: path, detail: "unreadable board name") }
        return board
    }

    /// Little-endian.
    package static func bytes(of values: [Float]) -> [UInt8] {
        values.flatMap { value in
            (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
        }
    }

    package static func floats(
        _ bytes: [UInt8], count: Int, in path: String
    ) throws(FleetStoreFailure) -> [Float] {
        guard bytes.count == 4 * count else { throw .corrupt(path: path, detail: "unreadable parameters") }
        return (0..<count).map { index in
            let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[4 * index + $1]) << UInt32(8 * $1) }
            return Float(bitPattern: bits)
        }
    }

    /// Both sums have 64 digits, so that no two groups share a key.
    package static func key(of group: SharingGroup) -> String {
        "\(group.modelSHA256)\(group.hookSHA256)\(group.boardClass)"
    }
}
