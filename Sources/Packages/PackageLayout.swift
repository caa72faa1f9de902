import Crypto
import Engine

/// The sections of a package and where they lie: what the section table says, once its own checksum was found right
/// and the sections fill the file without gaps or overlaps. Contents are checked when they are read.
struct PackageLayout: Sendable {
    struct Section: Sendable {
        let name: String
        let range: Range<Int>
        let digest: [UInt8]
    }

    let sections: [Section]
    let tableEnd: Int
    /// SHA-256 of the table. It holds the SHA-256 of every section, so equal tables mean equal packages.
    let tableDigest: [UInt8]

    init(_ bytes: UnsafeRawBufferPointer) throws(ReadingFailure) {
        var reader = ByteReader(Array(bytes[..<Self.headEnd(bytes)]))
        guard bytes.starts(with: TensorPackage.magic) else { throw ReadingFailure("is not a Shoal package") }
        _ = try reader.take(TensorPackage.magic.count)
        let (found, version) = (try reader.read(UInt32.self), TensorPackage.version)
        guard found <= version else {
            throw ReadingFailure("has version \(found), newer than version \(version), the newest that is read")
        }
        guard found == version else { throw ReadingFailure("has version \(found), which does not exist") }
        let (count, limit) = (Int(try reader.read(UInt32.self)), TensorPackage.sectionLimit)
        guard count <= limit else { throw ReadingFailure("\(count) sections are more than \(limit)") }
        var sections: [Section] = []
        for _ in 0..<count { sections.append(try Self.readEntry(&reader, fileBytes: bytes.count)) }
        let digest = TensorPackage.digest(UnsafeRawBufferPointer(rebasing: bytes[..<reader.position]))
        guard digest.elementsEqual(reader.bytes[try reader.take(TensorPackage.digestSize)]) else {
            throw ReadingFailure("the section table does not match its SHA-256")
        }
        (self.sections, tableEnd, tableDigest) = (sections, reader.position, digest)
        try checkPlaces(fileBytes: bytes.count)
    }

    /// Where the first section begins by the first entry of the table: all that is copied to read the table.
    private static func headEnd(_ bytes: UnsafeRawBufferPointer) -> Int {
        let place = TensorPackage.magic.count + 8
        guard bytes.count >= place + 2 else { return bytes.count }
        let nameBytes = Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt16.self)))
        guard bytes.count >= place + 10 + nameBytes else { return bytes.count }
        let offset = bytes.loadUnaligned(fromByteOffset: place + 2 + nameBytes, as: UInt64.self)
        return Int(min(UInt64(littleEndian: offset), UInt64(bytes.count)))
    }

    private static func readEntry(_ reader: inout ByteReader, fileBytes: Int) throws(ReadingFailure) -> Section {
        let nameSize = Int(try reader.read(UInt16.self))
        guard nameSize <= TensorPackage.nameLimit else {
            throw ReadingFailure("a section name of \(nameSize) bytes is longer than \(TensorPackage.nameLimit)")
        }
        let name = try reader.readText(nameSize)
        let (offset, size) = (try reader.readCount(), try reader.readCount())
        let (end, overflow) = offset.addingReportingOverflow(size)
        guard !overflow, end <= fileBytes else {
            throw ReadingFailure("\(size) bytes at offset \(offset) lie outside the file", subject: name)
        }
        let digest = Array(reader.bytes[try reader.take(TensorPackage.digestSize)])
        return Section(name: name, range: offset..<end, digest: digest)
    }

    private func checkPlaces(fileBytes: Int) throws(ReadingFailure) {
        var names: Set<String> = []
        var end = tableEnd
        for section in sections {
            guard names.insert(section.name).inserted else {
                throw ReadingFailure("occurs twice", subject: section.name)
            }
            let expected = TensorPackage.aligned(end)
            guard section.range.lowerBound == expected else {
                throw ReadingFailure(
                    "starts at offset \(section.range.lowerBound) instead of \(expected)", subject: section.name)
            }
            end = section.range.upperBound
        }
        guard end == fileBytes else { throw ReadingFailure("\(fileBytes - end) bytes follow the last section") }
    }

    /// Nothing hides between the sections.
    func checkGaps(_ bytes: UnsafeRawBufferPointer) throws(ReadingFailure) {
        var end = tableEnd
        for section in sections {
            guard bytes[end..<section.range.lowerBound].allSatisfy({ $0 == 0 }) else {
                throw ReadingFailure("the bytes before it are not zero", subject: section.name)
            }
            end = section.range.upperBound
        }
    }

    /// A section's bytes, after their checksum.
    static func content(
        of section: Section, in bytes: UnsafeRawBufferPointer
    ) throws(ReadingFailure) -> UnsafeRawBufferPointer {
        let content = UnsafeRawBufferPointer(rebasing: bytes[section.range])
        guard TensorPackage.digest(content) == section.digest else {
            throw ReadingFailure("the content does not match its SHA-256", subject: section.name)
        }
        return content
    }
}
