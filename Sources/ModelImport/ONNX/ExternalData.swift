import Crypto
import Engine
import Foundation
import Graphs

/// Tensors that a model keeps in files beside itself: read only from the model's own folder, never through a link out
/// of it.
package struct ExternalData {
    private let folder: URL
    private var files: [String: [UInt8]] = [:]
    private var digests: [String: String] = [:]
    private var total = 0
    private var used = 0

    /// What ONNX defines (onnx.proto, `TensorProto.external_data`).
    private static let keys: Set = ["location", "offset", "length", "checksum"]

    package init(besideModel path: String) {
        folder = URL(filePath: path).deletingLastPathComponent().resolvingSymlinksInPath()
    }

    mutating func bytes(of tensor: Onnx_TensorProto) throws(GraphFailure) -> ArraySlice<UInt8> {
        var entries: [String: String] = [:]
        for entry in tensor.externalData {
            guard Self.keys.contains(entry.key) else {
                throw GraphFailure("states \(entry.key.printable) of its data, which ONNX does not define")
            }
            guard entries.updateValue(entry.value, forKey: entry.key) == nil else {
                throw GraphFailure("states the \(entry.key) of its data twice")
            }
        }
        guard let location = entries["location"] else { throw GraphFailure("states no location of its data") }
        let content = try file(location)
        if let checksum = entries["checksum"] { try check(content, of: location, checksum) }
        guard let offset = Int(entries["offset"] ?? "0"), offset >= 0, offset <= content.count else {
            throw GraphFailure("its data lies outside \(location.printable)")
        }
        guard let length = Int(entries["length"] ?? "\(content.count - offset)"), length >= 0,
            length <= content.count - offset
        else { throw GraphFailure("its data lies outside \(location.printable)") }
        used += length
        guard used <= ONNXLimits.externalReuse * total else { throw GraphFailure("too many tensors share their data") }
        return content[offset..<offset + length]
    }

    /// The checksum is the SHA-1 of the whole file.
    private mutating func check(
        _ content: [UInt8], of location: String, _ checksum: String
    ) throws(GraphFailure) {
        let digest =
            digests[location]
            ?? Insecure.SHA1.hash(data: content)
            .map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
        digests[location] = digest
        guard digest == checksum.lowercased() else {
            throw GraphFailure("\(location.printable) is not the file whose checksum is \(checksum.printable)")
        }
    }

    /// The path without detours; `nil` where it is absolute, leads out, or ends nowhere.
    private static func innerPath(_ location: String) -> String? {
        guard !location.hasPrefix("/"), !location.hasSuffix("/") else { return nil }
        var inner: [Substring] = []
        for part in location.split(separator: "/") where part != "." {
            if part != ".." { inner.append(part) } else if inner.popLast() == nil { return nil }
        }
        return inner.isEmpty ? nil : inner.joined(separator: "/")
    }

    private mutating func file(_ location: String) throws(GraphFailure) -> [UInt8] {
        if let known = files[location] { return known }
        guard !location.utf8.contains(0), !location.contains("\\") else {
            throw GraphFailure("its data lies at \(location.printable), which is no path")
        }
        guard let inner = Self.innerPath(location) else {
            throw GraphFailure("its data lies at \(location.printable), which is not within the model's folder")
        }
        let url = folder.appending(path: inner).resolvingSymlinksInPath()
        let inside = folder.path().hasSuffix("/") ? folder.path() : folder.path() + "/"
        guard url.path().hasPrefix(inside) else {
            throw GraphFailure(
                "its data lies at \(location.printable), a link out of the model's folder; a copy of the model's "
                    + "folder with its links resolved can be imported")
        }
        do throws(ReadingFailure) {
            let content = try FileBytes.read(
                from: url.path(percentEncoded: false), limit: ONNXLimits.externalBytes - total)
            total += content.count
            files[location] = content
            return content
        } catch {
            throw GraphFailure("\(location.printable): \(error.reason)")
        }
    }
}
