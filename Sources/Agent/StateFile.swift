import Engine
import Files
import Foundation
import SpoolStore

/// A small file of the agent's state: one line with a checksum, then JSON. It is replaced as a whole, and the one
/// before is kept beside it as `….previous`, for the day on which the disk gives back something else than it was given.
/// Both are their owner's alone (0600), however open the folder is.
struct StateFile {
    let path: String

    /// What a file gives.
    struct Reading<Value> {
        /// `nil` where there was never a file, and where neither file is whole.
        var value: Value?
        /// The value is of the file before, or missing, because the file is not as it was written.
        var isDamaged = false
    }

    private static let mark = "shoal-state "
    private static let sizeLimit = 4 << 20

    func read<Value: Decodable>(_ type: Value.Type = Value.self) -> Reading<Value> {
        let current = content(of: path).map { ($0, decoded(Value.self, from: $0)) }
        if let value = current?.1 { return Reading(value: value) }
        let previous = content(of: path + ".previous")
        guard current != nil || previous != nil else { return Reading(value: nil) }
        return Reading(value: previous.flatMap { decoded(Value.self, from: $0) }, isDamaged: true)
    }

    /// On the disk when it returns.
    func write<Value: Codable>(_ value: Value) throws(ConfigurationFailure) {
        do {
            let json = try JSONEncoder().encode(value)
            let bytes = Array((Self.mark + Self.checksum(json) + "\n").utf8) + Array(json)
            // A damaged file is no last good state.
            let last = content(of: path).flatMap { decoded(Value.self, from: $0) == nil ? nil : $0 }
            try PrivateFile.write(last ?? bytes, to: path + ".previous")
            try PrivateFile.write(bytes, to: path)
        } catch {
            throw ConfigurationFailure(file: path, reason: "\(error)")
        }
    }

    private func content(of path: String) -> [UInt8]? {
        FileManager.default.fileExists(atPath: path)
            ? (try? FileBytes.read(from: path, limit: Self.sizeLimit)) ?? [] : nil
    }

    /// Files of versions up to 0.4 are JSON alone.
    private func decoded<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) -> Value? {
        var json = bytes[...]
        if bytes.starts(with: Self.mark.utf8) {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
            json = bytes[(end + 1)...]
            guard Array(Self.checksum(json).utf8) == Array(bytes[Self.mark.utf8.count..<end]) else { return nil }
        }
        return try? JSONDecoder().decode(Value.self, from: Data(json))
    }

    private static func checksum(_ bytes: some Sequence<UInt8>) -> String {
        var checksum = Checksum()
        checksum.add(bytes)
        return String(checksum.value, radix: 16)
    }
}
