extension TensorPackage {
    /// Reads a file and checks everything that the layout promises. Nothing is allocated that is larger than the
    /// file.
    public static func read(from path: String) throws(PackageFailure) -> TensorPackage {
        do throws(ReadingFailure) {
            return try parse(try FileBytes.read(from: path, limit: byteLimit))
        } catch {
            throw PackageFailure(error, in: path)
        }
    }

    private struct Section {
        let name: String
        let range: Range<Int>
        let digest: ArraySlice<UInt8>
    }

    static func parse(_ bytes: [UInt8]) throws(ReadingFailure) -> TensorPackage {
        let sections = try readTable(bytes)
        var kind: String?
        var manifest: [UInt8]?
        var tensors: [String: Tensor] = [:]
        var blobs: [String: [UInt8]] = [:]
        for section in sections {
            do throws(ReadingFailure) {
                guard digest(bytes[section.range]).elementsEqual(section.digest) else {
                    throw ReadingFailure("the content does not match its SHA-256")
                }
                if section.name == "kind" {
                    var reader = ByteReader(bytes, in: section.range)
                    kind = try reader.readText(reader.remaining)
                } else if section.name == "manifest" {
                    manifest = Array(bytes[section.range])
                } else if section.name.hasPrefix(tensorPrefix) {
                    tensors[String(section.name.dropFirst(tensorPrefix.count))] = try readTensor(bytes, section.range)
                } else if section.name.hasPrefix(blobPrefix) {
                    blobs[String(section.name.dropFirst(blobPrefix.count))] = Array(bytes[section.range])
                } else {
                    throw ReadingFailure("is not a section of version \(version)")
                }
            } catch {
                throw ReadingFailure(error.reason, subject: section.name)
            }
        }
        guard let kind else { throw ReadingFailure("is missing", subject: "kind") }
        guard let manifest else { throw ReadingFailure("is missing", subject: "manifest") }
        return TensorPackage(kind: kind, manifest: manifest, tensors: tensors, blobs: blobs)
    }

    /// The table, after its checksum, and the places of the sections, which must leave no room for anything else.
    private static func readTable(_ bytes: [UInt8]) throws(ReadingFailure) -> [Section] {
        var reader = ByteReader(bytes)
        guard bytes.starts(with: magic) else { throw ReadingFailure("is not a Shoal package") }
        _ = try reader.take(magic.count)
        let found = try reader.read(UInt32.self)
        guard found <= version else {
            throw ReadingFailure("has version \(found), newer than version \(version), the newest that is read")
        }
        guard found == version else { throw ReadingFailure("has version \(found), which does not exist") }
        let count = Int(try reader.read(UInt32.self))
        guard count <= sectionLimit else { throw ReadingFailure("\(count) sections are more than \(sectionLimit)") }
        var sections: [Section] = []
        for _ in 0..<count { sections.append(try readEntry(&reader)) }
        let table = 0..<reader.position
        guard digest(bytes[table]).elementsEqual(bytes[try reader.take(digestSize)]) else {
            throw ReadingFailure("the section table does not match its SHA-256")
        }
        try checkPlaces(of: sections, after: reader.position, in: bytes)
        return sections
    }

    private static func readEntry(_ reader: inout ByteReader) throws(ReadingFailure) -> Section {
        let nameSize = Int(try reader.read(UInt16.self))
        guard nameSize <= nameLimit else {
            throw ReadingFailure("a section name of \(nameSize) bytes is longer than \(nameLimit)")
        }
        let name = try reader.readText(nameSize)
        let (offset, size) = (try reader.readCount(), try reader.readCount())
        let (end, overflow) = offset.addingReportingOverflow(size)
        guard !overflow, end <= reader.end else {
            throw ReadingFailure("\(size) bytes at offset \(offset) lie outside the file", subject: name)
        }
        return Section(name: name, range: offset..<end, digest: reader.bytes[try reader.take(digestSize)])
    }

    private static func checkPlaces(
        of sections: [Section], after tableEnd: Int, in bytes: [UInt8]
    ) throws(ReadingFailure) {
        var names: Set<String> = []
        var end = tableEnd
        for section in sections {
            guard names.insert(section.name).inserted else {
                throw ReadingFailure("occurs twice", subject: section.name)
            }
            guard section.range.lowerBound == aligned(end) else {
                throw ReadingFailure(
                    "starts at offset \(section.range.lowerBound) instead of \(aligned(end))", subject: section.name)
            }
            guard bytes[end..<section.range.lowerBound].allSatisfy({ $0 == 0 }) else {
                throw ReadingFailure("the bytes before it are not zero", subject: section.name)
            }
            end = section.range.upperBound
        }
        guard end == bytes.count else { throw ReadingFailure("\(bytes.count - end) bytes follow the last section") }
    }

    private static func readTensor(_ bytes: [UInt8], _ range: Range<Int>) throws(ReadingFailure) -> Tensor {
        var reader = ByteReader(bytes, in: range)
        let rank = Int(try reader.read(UInt32.self))
        guard rank <= rankLimit else { throw ReadingFailure("\(rank) dimensions are more than \(rankLimit)") }
        var shape: [Int] = []
        var size = 4
        for _ in 0..<rank {
            let dimension = try reader.readCount()
            shape.append(dimension)
            let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw ReadingFailure("the shape \(shape) is too large") }
            size = product
        }
        guard size == reader.remaining else {
            throw ReadingFailure("shape \(shape) needs \(size) bytes, but \(reader.remaining) are there")
        }
        return Tensor(shape: shape, values: bytes.floats(in: try reader.take(size)))
    }
}
