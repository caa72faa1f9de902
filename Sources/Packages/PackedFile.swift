import CKernels
package import Engine

/// Floats in the kernels' order, as they were packed from a package: a cache beside it, so that a start need not pack.
///
/// It says which package it was made from (`PackageFile.identity`) and is never trusted over it: another identity,
/// version or lane count, or a checksum that does not match, and the package is packed anew. Every byte is covered by
/// a CRC-32C that each start checks, which finds any torn file, any change of up to 32 successive bits, and all but
/// one in 2^32 of other changes. A checksum is no signature: whoever may write here may replace the package as well.
///
/// Layout, little-endian, version 1:
///
///     "SHOALPCK" | u32 version | u32 lanes | 32 bytes identity | 64 bytes SHA-256 of the weights, hexadecimal
///     u64 bytes of the file | u32 bytes up to the first part | u32 part count
///     per part: u16 name bytes | name | u64 float count | u32 CRC-32C of the part with the zeros that fill it
///     zeros | u32 CRC-32C of everything above, at the end of a multiple of 64 bytes
///     the parts in this order, each filled with zeros to a multiple of 64 bytes
package struct PackedFile: Sendable {
    /// Raised whenever a kernel wants weights in another order.
    package static let version: UInt32 = 1
    static let magic = Array("SHOALPCK".utf8)
    static let identitySize = 32
    static let digestSize = 64
    /// Bytes before the first part's entry.
    static let prologue = 8 + 4 + 4 + identitySize + digestSize + 8 + 4 + 4

    static func filled(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }

    package struct Part: Sendable {
        package let name: String
        package let values: AlignedBuffer

        package init(name: String, values: AlignedBuffer) {
            self.name = name
            self.values = values
        }
    }

    package let identity: [UInt8]
    /// `TensorPackage.weightsSHA256` of the package.
    package let weightsSHA256: String
    package let parts: [Part]

    /// - Precondition: the digests have their lengths.
    package init(identity: [UInt8], weightsSHA256: String, parts: [Part]) {
        precondition(identity.count == Self.identitySize && weightsSHA256.utf8.count == Self.digestSize)
        self.identity = identity
        self.weightsSHA256 = weightsSHA256
        self.parts = parts
    }
}

extension PackedFile {
    /// The parts of a file, as views of one piece of memory that is backed by huge pages where the system has them.
    ///
    /// Read, not mapped: the bytes that were checked are then those that every run uses, whatever happens to the file,
    /// and no run waits for a page of it.
    /// - Throws: when the file cannot be read, is damaged, or was made from another package or for other kernels.
    package static func read(from path: String, identity: [UInt8]) throws(ReadingFailure) -> PackedFile {
        let (memory, count) = try FileBytes.readAligned(from: path, limit: TensorPackage.byteLimit)
        let bytes = UnsafeRawBufferPointer(start: memory.base, count: count)
        defer { withExtendedLifetime(memory) {} }
        return try parse(bytes, of: memory, identity: identity)
    }

    /// - Parameter memory: what keeps the bytes, which begin at a multiple of 64.
    static func parse(
        _ bytes: UnsafeRawBufferPointer, of memory: AlignedBuffer, identity: [UInt8]
    ) throws(ReadingFailure) -> PackedFile {
        var reader = try head(of: bytes, identity: identity)
        let weightsSHA256 = try reader.readText(digestSize)
        guard try reader.readCount() == bytes.count else { throw ReadingFailure("does not have its size") }
        var offset = Int(try reader.read(UInt32.self))
        let count = Int(try reader.read(UInt32.self))
        guard count <= TensorPackage.sectionLimit else { throw ReadingFailure("has \(count) parts") }
        var parts: [Part] = []
        for _ in 0..<count {
            let name = try reader.readText(Int(try reader.read(UInt16.self)))
            let floats = try reader.readCount()
            let crc = try reader.read(UInt32.self)
            guard floats <= (bytes.count - offset) / 4, filled(4 * floats) <= bytes.count - offset else {
                throw ReadingFailure("is longer than the file", subject: name)
            }
            let content = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + filled(4 * floats)])
            guard checksum(content) == crc else { throw ReadingFailure("does not match its CRC-32C", subject: name) }
            parts.append(Part(name: name, values: AlignedBuffer(count: floats, at: offset / 4, of: memory)))
            offset += content.count
        }
        guard offset == bytes.count else { throw ReadingFailure("\(bytes.count - offset) bytes follow the last part") }
        return PackedFile(identity: identity, weightsSHA256: weightsSHA256, parts: parts)
    }

    /// The head after its checksum, read up to the digest of the weights.
    private static func head(
        of bytes: UnsafeRawBufferPointer, identity: [UInt8]
    ) throws(ReadingFailure) -> ByteReader {
        guard bytes.count >= prologue, bytes.starts(with: magic) else { throw ReadingFailure("is not a packed file") }
        let size = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: prologue - 8, as: UInt32.self)))
        guard size > prologue, size <= bytes.count, size == filled(size) else {
            throw ReadingFailure("has a head of \(size) bytes")
        }
        let expected = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: size - 4, as: UInt32.self))
        guard checksum(UnsafeRawBufferPointer(rebasing: bytes[..<(size - 4)])) == expected else {
            throw ReadingFailure("the head does not match its CRC-32C")
        }
        var reader = ByteReader(Array(bytes[..<(size - 4)]))
        _ = try reader.take(magic.count)
        let (version, lanes) = (try reader.read(UInt32.self), try reader.read(UInt32.self))
        guard version == self.version, lanes == UInt32(CK_LANES) else {
            throw ReadingFailure("has version \(version) for \(lanes) lanes")
        }
        guard reader.bytes[try reader.take(identitySize)].elementsEqual(identity) else {
            throw ReadingFailure("was made from another package")
        }
        return reader
    }

    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 { ck_crc32c(0, bytes.baseAddress, bytes.count) }
}

extension PackedFile {
    /// Replaces the file in one step. Several programs may do so at once: one of them is last.
    package func write(to path: String) throws(ReadingFailure) {
        let zeros = AlignedBuffer(count: 16)
        var content: [UnsafeRawBufferPointer] = []
        for part in parts {
            let size = part.values.byteCount
            content.append(UnsafeRawBufferPointer(start: part.values.base, count: size))
            content.append(UnsafeRawBufferPointer(start: zeros.base, count: Self.filled(size) - size))
        }
        try FileBytes.write(head(content), then: content, to: path)
        withExtendedLifetime((self, zeros)) {}
    }

    /// - Parameter content: per part, its floats and what fills them.
    private func head(_ content: [UnsafeRawBufferPointer]) -> [UInt8] {
        let entries = parts.reduce(0) { $0 + 14 + $1.name.utf8.count }
        let size = Self.filled(Self.prologue + entries + 4)
        var bytes = Self.magic
        bytes.append(littleEndian: Self.version)
        bytes.append(littleEndian: UInt32(CK_LANES))
        bytes.append(contentsOf: identity)
        bytes.append(contentsOf: weightsSHA256.utf8)
        bytes.append(littleEndian: UInt64(content.reduce(size) { $0 + $1.count }))
        bytes.append(littleEndian: UInt32(size))
        bytes.append(littleEndian: UInt32(parts.count))
        for (index, part) in parts.enumerated() {
            bytes.append(littleEndian: UInt16(part.name.utf8.count))
            bytes.append(contentsOf: part.name.utf8)
            bytes.append(littleEndian: UInt64(part.values.count))
            let (floats, zeros) = (content[2 * index], content[2 * index + 1])
            bytes.append(littleEndian: ck_crc32c(Self.checksum(floats), zeros.baseAddress, zeros.count))
        }
        bytes.append(contentsOf: repeatElement(0, count: size - 4 - bytes.count))
        bytes.append(littleEndian: bytes.withUnsafeBytes { Self.checksum($0) })
        return bytes
    }
}
