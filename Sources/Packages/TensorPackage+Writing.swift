import Crypto
import Engine

extension TensorPackage {
    /// Replaces the file at `path` in one step: a temporary file beside it is flushed and renamed.
    public func write(to path: String) throws(PackageFailure) {
        do throws(ReadingFailure) {
            try FileBytes.write(serialized(), to: path)
        } catch {
            throw PackageFailure(error, in: path)
        }
    }

    /// SHA-256 over names, shapes and values of all tensors, in lower-case hexadecimal; equal exactly where the
    /// weights are, whatever the manifest says.
    public var weightsSHA256: String {
        var digest = WeightsDigest()
        for name in tensorNames {
            guard let tensor = tensors[name] else { continue }
            digest.append(name: name)
            tensor.sectionHeader.withUnsafeBytes { digest.append($0) }
            tensor.values.withUnsafeBytes { digest.append($0) }
        }
        return digest.hexadecimal
    }

    /// SHA-256 of a whole file, in lower-case hexadecimal, as `sha256sum` prints it.
    public static func sha256Hex(ofFile path: String) throws(PackageFailure) -> String {
        do throws(ReadingFailure) {
            return try MappedFile(path, limit: byteLimit).withBytes { digest($0) }.hexadecimal
        } catch {
            throw PackageFailure(error, in: path)
        }
    }

    private var tensorNames: [String] { Self.sorted(tensors.keys) }

    static func sorted(_ names: some Sequence<String>) -> [String] {
        names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The bytes of the file.
    func serialized() throws(ReadingFailure) -> [UInt8] {
        let sections =
            [("kind", Array(kind.utf8)), ("manifest", manifest)]
            + tensorNames.map { (Self.tensorPrefix + $0, tensors[$0]?.section ?? []) }
            + Self.sorted(blobs.keys).map { (Self.blobPrefix + $0, blobs[$0] ?? []) }
        guard sections.count <= Self.sectionLimit else {
            throw ReadingFailure("\(sections.count) sections are more than \(Self.sectionLimit)")
        }
        let headerSize = sections.reduce(Self.magic.count + 8) { $0 + 2 + $1.0.utf8.count + 16 + Self.digestSize }
        var bytes = Self.magic
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: UInt32(sections.count))
        var end = headerSize + Self.digestSize
        for (name, content) in sections {
            guard name.utf8.count <= Self.nameLimit else {
                throw ReadingFailure("the name is longer than \(Self.nameLimit) bytes", subject: name)
            }
            let offset = Self.aligned(end)
            bytes.append(littleEndian: UInt16(name.utf8.count))
            bytes.append(contentsOf: name.utf8)
            bytes.append(littleEndian: UInt64(offset))
            bytes.append(littleEndian: UInt64(content.count))
            bytes.append(contentsOf: Self.digest(content[...]))
            end = offset + content.count
        }
        bytes.append(contentsOf: Self.digest(bytes[...]))
        bytes.reserveCapacity(end)
        for (_, content) in sections {
            bytes.append(contentsOf: repeatElement(0, count: Self.aligned(bytes.count) - bytes.count))
            bytes.append(contentsOf: content)
        }
        return bytes
    }

    static func digest(_ bytes: ArraySlice<UInt8>) -> [UInt8] { bytes.withUnsafeBytes { digest($0) } }

    static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hasher = SHA256()
        hasher.update(bufferPointer: bytes)
        return Array(hasher.finalize())
    }
}

extension Tensor {
    fileprivate var sectionHeader: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(shape.count))
        for dimension in shape { bytes.append(littleEndian: UInt64(dimension)) }
        return bytes
    }

    fileprivate var section: [UInt8] {
        var bytes = sectionHeader
        bytes.reserveCapacity(bytes.count + 4 * count)
        bytes.append(floats: values)
        return bytes
    }
}

extension [UInt8] {
    /// Two lower-case digits a byte.
    var hexadecimal: String {
        let digits = Array<Character>("0123456789abcdef")
        return String(flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
