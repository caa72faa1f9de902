import Crypto

extension TensorPackage {
    static let magic = Array("SHOALPKG".utf8)
    static let version: UInt32 = 1
    static let alignment = 64
    /// Name of the section that holds the manifest, and what goes before a tensor's name.
    static let manifestSection = "manifest"
    static let tensorPrefix = "tensor/"
    static let kindPrefix = "kind/"

    /// Replaces the file at the path in one step.
    public func write(to path: String) throws(PackageFailure) {
        do { try FileBytes.write(encoded(), to: path) } catch {
            throw PackageFailure(file: path, section: error.subject, reason: error.reason)
        }
    }

    /// SHA-256 over names, shapes and values of all tensors in the order of their names, in hexadecimal: names the
    /// weights wherever they are stored.
    public var weightsSHA256: String {
        var hash = SHA256()
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            hash.update(data: Array(name.utf8) + [0])
            hash.update(data: Self.encode(tensor))
        }
        return hash.finalize().map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    func encoded() -> [UInt8] {
        var sections: [(name: String, bytes: [UInt8])] = [
            (Self.kindPrefix + kind, []), (Self.manifestSection, manifest),
        ]
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            sections.append((Self.tensorPrefix + name, Self.encode(tensor)))
        }
        let tableBytes = sections.reduce(0) { $0 + 2 + $1.name.utf8.count + 16 + 32 }
        var position = Self.aligned(Self.magic.count + 8 + tableBytes + 32)
        var bytes = Self.magic
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: UInt32(sections.count))
        for section in sections {
            bytes.append(littleEndian: UInt16(section.name.utf8.count))
            bytes.append(contentsOf: section.name.utf8)
            bytes.append(littleEndian: UInt64(position))
            bytes.append(littleEndian: UInt64(section.bytes.count))
            bytes.append(contentsOf: SHA256.hash(data: section.bytes))
            position = Self.aligned(position + section.bytes.count)
        }
        bytes.append(contentsOf: SHA256.hash(data: bytes))
        for section in sections {
            bytes.append(contentsOf: repeatElement(0, count: Self.aligned(bytes.count) - bytes.count))
            bytes.append(contentsOf: section.bytes)
        }
        return bytes
    }

    private static func encode(_ tensor: Tensor) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 + 8 * tensor.shape.count + 4 * tensor.count)
        bytes.append(littleEndian: UInt32(tensor.shape.count))
        for dimension in tensor.shape { bytes.append(littleEndian: UInt64(dimension)) }
        bytes.append(floats: tensor.values)
        return bytes
    }

    static func aligned(_ position: Int) -> Int { (position + alignment - 1) / alignment * alignment }
}
