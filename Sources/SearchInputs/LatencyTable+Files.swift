import Crypto
import Foundation
package import LatencyPrediction
import Packages

extension LatencyTable {
    /// Reads a table of `shoal measure latency`, or a folder of Dynamic-OFA's `RESOLUTION_lookup_table.json` files.
    ///
    /// These files do not say what was measured. A file `source.json` beside them does (`boardClass`, `processor`,
    /// `engineVersion`); without it the class is called as the folder is, and the processor is unknown unless the
    /// caller says it.
    /// - Parameter processor: what the table is said to have been measured on; refused where it says otherwise itself.
    package static func load(_ path: String, processor: String? = nil) throws -> LatencyTable {
        let folder = URL(filePath: path).lastPathComponent
        let table = try load(
            path, undescribedAs: Source(boardClass: folder, processor: processor ?? Source.unknownProcessor))
        guard let processor, processor != table.source.processor else { return table }
        throw SearchInputRefusal("\(path): was measured on \(table.source.processor), not on \(processor)")
    }

    /// - Parameter stated: what a folder was measured on that does not say so; its name is no statement.
    package static func load(_ path: String, undescribedAs stated: Source) throws -> LatencyTable {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw SearchInputRefusal("\(path): there is no such latency table", isMissing: true)
        }
        guard isFolder.boolValue else {
            return try decode(LatencyTable.self, path, "a latency table")
        }
        let suffix = "_lookup_table.json"
        let described = path + "/source.json"
        let source =
            try FileManager.default.fileExists(atPath: described)
            ? decode(Source.self, described, "what a latency table was measured on")
            : stated
        var table = LatencyTable(source: source)
        let files = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(suffix) }.sorted()
        guard !files.isEmpty else { throw SearchInputRefusal("\(path): has no file RESOLUTION\(suffix)") }
        for file in files {
            guard let resolution = Int(file.dropLast(suffix.count)) else {
                throw SearchInputRefusal("\(path)/\(file): is not named by a resolution")
            }
            let rows = try decode([String: Entry].self, "\(path)/\(file)", "a latency table of one resolution")
            do { try table.add(rows, resolution: resolution) } catch {
                throw SearchInputRefusal("\(path)/\(file): \(error)")
            }
        }
        return table
    }

    private static func decode<Value: Decodable>(_: Value.Type, _ path: String, _ what: String) throws -> Value {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SearchInputRefusal("\(path): cannot be read")
        }
        do { return try JSONDecoder().decode(Value.self, from: data) } catch let error as DecodingError {
            throw SearchInputRefusal("\(path): is not \(what): \(sentence(error))")
        } catch { throw SearchInputRefusal("\(path): \(error)") }
    }

    /// Which field is at fault, and how.
    private static func sentence(_ error: DecodingError) -> String {
        func path(_ keys: [any CodingKey]) -> String { keys.map(\.stringValue).joined(separator: ".") }
        return switch error {
        case .keyNotFound(let key, let context): "\(path(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "\(context.codingPath.isEmpty ? "the whole" : path(context.codingPath)) is of the wrong type"
        case .dataCorrupted(let context):
            context.codingPath.isEmpty ? "it is not JSON" : "\(path(context.codingPath)) cannot be used"
        @unknown default: "it cannot be read"
        }
    }
}

/// SHA-256 of what a search reads: of a file, or of a folder's files in the order of their names.
package enum InputDigest {
    package static func sha256(of path: String) throws -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw SearchInputRefusal("\(path): is not there", isMissing: true)
        }
        guard isFolder.boolValue else { return try TensorPackage.sha256Hex(ofFile: path) }
        var hash = SHA256()
        for name in try FileManager.default.contentsOfDirectory(atPath: path).sorted() {
            hash.update(
                data: Data((name + "\n" + (try TensorPackage.sha256Hex(ofFile: path + "/" + name)) + "\n").utf8))
        }
        return hash.finalize().map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }
}
