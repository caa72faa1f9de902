import Crypto

extension TensorPackage {
    /// Largest file that is read, in bytes.
    public static let byteLimit = 4 << 30
    static let sectionLimit = 65_536
    static let rankLimit = 8

    /// - Throws: `PackageFailure` when the file is of another format or version, damaged anywhere, or cut short.
    public static func read(from path: String) throws(PackageFailure) -> TensorPackage {
        do {
            return try decode(try FileBytes.read(from: path, limit: byteLimit))
        } catch {
            throw PackageFailure(file: path, section: error.subject, reason: error.reason)
        }
    }

    private struct Section {
        let name: String
        let range: Range<Int>
        let digest: [UInt8]
    }

    static func decode(_ bytes: [UInt8]) throws(ReadingFailure) -> TensorPackage {
        let sections = try table(of: bytes)
        var package = TensorPackage(kind: "", manifest: [], tensors: [:])
        var seen: Set<String> = []
        for section in sections {
            guard seen.insert(section.name).inserted else {
                throw ReadingFailure("is there twice", subject: section.name)
            }
            guard Array(SHA256.hash(data: bytes[section.range])) == section.digest else {
                throw ReadingFailure("is damaged: its checksum does not match", subject: section.name)
            }
            if section.name == manifestSection {
                package.manifest = Array(bytes[section.range])
            } else if section.name.hasPrefix(kindPrefix) {
                package.kind = String(section.name.dropFirst(kindPrefix.count))
            } else if section.name.hasPrefix(tensorPrefix) {
                let name = String(section.name.dropFirst(tensorPrefix.count))
                package.tensors[name] = try tensor(in: bytes, section)
            } else {
                throw ReadingFailure("is of no known kind", subject: section.name)
            }
        }
        guard !package.kind.isEmpty, seen.contains(manifestSection) else {
            throw ReadingFailure("has no kind or no manifest")
        }
        return package
    }

    private static func table(of bytes: [UInt8]) throws(ReadingFailure) -> [Section] {
        var reader = ByteReader(bytes)
        guard bytes.starts(with: magic) else { throw ReadingFailure("is not a Shoal package") }
        _ = try reader.take(magic.count)
        let found = try reader.read(UInt32.self)
        guard found == version else {
            throw ReadingFailure("has format version \(found); this program reads version \(version)")
        }
        let count = Int(try reader.read(UInt32.self))
        guard count <= sectionLimit else { throw ReadingFailure("has \(count) sections, the limit is \(sectionLimit)") }
        var entries: [(name: String, offset: Int, count: Int, digest: [UInt8])] = []
        for _ in 0..<count {
            let name = try reader.readText(Int(try reader.read(UInt16.self)))
            let offset = try reader.readCount()
            let size = try reader.readCount()
            entries.append((name, offset, size, Array(bytes[try reader.take(32)])))
        }
        let head = reader.position
        let digest = Array(bytes[try reader.take(32)])
        guard Array(SHA256.hash(data: bytes[..<head])) == digest else {
            throw ReadingFailure("is damaged: the checksum of its table does not match")
        }
        return try place(entries, after: reader.position, in: bytes)
    }

    /// Sections lie one after another without holes but the zeros of their alignment, so no byte goes unchecked.
    private static func place(
        _ entries: [(name: String, offset: Int, count: Int, digest: [UInt8])], after start: Int, in bytes: [UInt8]
    ) throws(ReadingFailure) -> [Section] {
        var position = start
        var sections: [Section] = []
        for entry in entries {
            let offset = aligned(position)
            guard entry.offset == offset, offset <= bytes.count, entry.count <= bytes.count - offset else {
                throw ReadingFailure("is cut short or misplaced", subject: entry.name)
            }
            guard bytes[position..<offset].allSatisfy({ $0 == 0 }) else {
                throw ReadingFailure("is damaged: bytes before it are not zero", subject: entry.name)
            }
            position = offset + entry.count
            sections.append(Section(name: entry.name, range: offset..<position, digest: entry.digest))
        }
        guard position == bytes.count else {
            throw ReadingFailure("has \(bytes.count - position) bytes behind its last section")
        }
        return sections
    }

    private static func tensor(in bytes: [UInt8], _ section: Section) throws(ReadingFailure) -> Tensor {
        var reader = ByteReader(bytes, in: section.range)
        let rank = Int(try reader.read(UInt32.self))
        guard rank <= rankLimit else { throw ReadingFailure("has rank \(rank)", subject: section.name) }
        var shape: [Int] = []
        var count = 1
        for _ in 0..<rank {
            let dimension = try reader.readCount()
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw ReadingFailure("has a shape that is too large", subject: section.name) }
            shape.append(dimension)
            count = product
        }
        guard reader.remaining % 4 == 0, reader.remaining / 4 == count else {
            throw ReadingFailure("has \(reader.remaining) bytes for shape \(shape)", subject: section.name)
        }
        return Tensor(shape: shape, values: bytes.floats(in: reader.position..<reader.end))
    }
}
