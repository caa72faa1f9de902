import Engine
import Packages

/// The entries of a zip file as PyTorch writes it: stored, not compressed; ZIP64 where sizes demand it.
///
/// Source: PKWARE APPNOTE 6.3. The directory alone says what there is; local headers must agree with it. Nothing may
/// lie outside the file, overlap, or occur twice, and every entry's CRC-32 is checked.
struct ZipArchive {
    /// Where each entry's bytes lie, by name.
    private(set) var entries: [String: Range<Int>] = [:]

    private static let endSize = 22
    private static let end64Size = 56
    private static let locatorSize = 20

    private struct Directory {
        var range: Range<Int>
        var count: Int
    }

    private struct Entry {
        let name: String
        let checksum: UInt32
        let size: Int
        let headerOffset: Int
    }

    init(_ bytes: [UInt8]) throws(ReadingFailure) {
        let directory = try Self.findDirectory(bytes)
        var reader = ByteReader(bytes, in: directory.range)
        var used: [Range<Int>] = []
        for _ in 0..<directory.count {
            let entry = try Self.readEntry(&reader)
            do throws(ReadingFailure) {
                guard entries[entry.name] == nil else { throw ReadingFailure("occurs twice") }
                let (extent, content) = try Self.locate(entry, in: bytes, before: directory.range.lowerBound)
                guard CRC32.checksum(bytes[content]) == entry.checksum else {
                    throw ReadingFailure("the content does not match its CRC-32")
                }
                entries[entry.name] = content
                used.append(extent)
            } catch {
                throw ReadingFailure(error.reason, subject: entry.name)
            }
        }
        guard reader.remaining == 0 else { throw ReadingFailure("the zip directory holds more than its entries") }
        used.sort { $0.lowerBound < $1.lowerBound }
        guard zip(used, used.dropFirst()).allSatisfy({ $0.upperBound <= $1.lowerBound }) else {
            throw ReadingFailure("entries of the zip file overlap")
        }
    }

    /// The directory's place, from the record at the very end of the file.
    private static func findDirectory(_ bytes: [UInt8]) throws(ReadingFailure) -> Directory {
        let endOffset = bytes.count - endSize
        guard endOffset >= 0 else { throw ReadingFailure("is too short for a zip file") }
        var end = ByteReader(bytes, in: endOffset..<bytes.count)
        guard try end.read(UInt32.self) == 0x0605_4B50 else {
            throw ReadingFailure("does not end in the record that ends a zip file; it may be truncated")
        }
        let disks = (try end.read(UInt16.self), try end.read(UInt16.self))
        let (diskCount, count) = (try end.read(UInt16.self), try end.read(UInt16.self))
        let (size, offset) = (try end.read(UInt32.self), try end.read(UInt32.self))
        guard try end.read(UInt16.self) == 0 else { throw ReadingFailure("the zip file has a comment") }
        guard count != .max, size != .max, offset != .max else {
            return try findDirectory64(bytes, endOffset: endOffset)
        }
        guard disks == (0, 0), diskCount == count else { throw ReadingFailure("is one part of several of a zip file") }
        return try directory(offset: Int(offset), size: Int(size), count: Int(count), before: endOffset)
    }

    private static func findDirectory64(_ bytes: [UInt8], endOffset: Int) throws(ReadingFailure) -> Directory {
        guard endOffset >= locatorSize + end64Size else { throw ReadingFailure("has no ZIP64 record") }
        var locator = ByteReader(bytes, in: endOffset - locatorSize..<endOffset)
        guard try locator.read(UInt32.self) == 0x0706_4B50 else { throw ReadingFailure("has no ZIP64 locator") }
        _ = try locator.read(UInt32.self)
        let recordOffset = try locator.readCount()
        guard recordOffset == endOffset - locatorSize - end64Size else {
            throw ReadingFailure("the ZIP64 record is not where the locator says")
        }
        var record = ByteReader(bytes, in: recordOffset..<endOffset)
        guard try record.read(UInt32.self) == 0x0606_4B50 else { throw ReadingFailure("has no ZIP64 record") }
        // Record size and versions; then the two disk numbers.
        _ = try record.take(12)
        guard try record.read(UInt64.self) == 0 else { throw ReadingFailure("is one part of several of a zip file") }
        let (diskCount, count) = (try record.readCount(), try record.readCount())
        let (size, offset) = (try record.readCount(), try record.readCount())
        guard diskCount == count else { throw ReadingFailure("is one part of several of a zip file") }
        return try directory(offset: offset, size: size, count: count, before: recordOffset)
    }

    private static func directory(
        offset: Int, size: Int, count: Int, before limit: Int
    ) throws(ReadingFailure) -> Directory {
        let (end, overflow) = offset.addingReportingOverflow(size)
        // Writers put the ZIP64 record and its locator between directory and end even where they are not needed.
        guard !overflow, end == limit || end == limit - locatorSize - end64Size else {
            throw ReadingFailure("the zip directory does not lie before the end record")
        }
        return Directory(range: offset..<end, count: count)
    }

    private static func readEntry(_ reader: inout ByteReader) throws(ReadingFailure) -> Entry {
        guard try reader.read(UInt32.self) == 0x0201_4B50 else { throw ReadingFailure("the zip directory is damaged") }
        _ = try reader.take(4)
        let (flags, method) = (try reader.read(UInt16.self), try reader.read(UInt16.self))
        _ = try reader.take(4)
        let checksum = try reader.read(UInt32.self)
        let (packed32, size32) = (try reader.read(UInt32.self), try reader.read(UInt32.self))
        let nameSize = Int(try reader.read(UInt16.self))
        let extraSize = Int(try reader.read(UInt16.self))
        let commentSize = Int(try reader.read(UInt16.self))
        _ = try reader.take(8)
        let offset32 = try reader.read(UInt32.self)
        let name = try reader.readText(nameSize)
        // Before anything else is said of it: its code is compressed.
        guard !name.contains("/code/"), !name.hasSuffix("/constants.pkl") else {
            throw ReadingFailure("is a TorchScript program, not a checkpoint; export the network to ONNX")
        }
        var extra = Extra64(ByteReader(reader.bytes, in: try reader.take(extraSize)))
        _ = try reader.take(commentSize)
        do throws(ReadingFailure) {
            try checkStored(flags: flags, method: method)
            let size = try extra.resolve(size32)
            guard try extra.resolve(packed32) == size else {
                throw ReadingFailure("is stored, yet its two sizes differ")
            }
            return Entry(name: name, checksum: checksum, size: size, headerOffset: try extra.resolve(offset32))
        } catch {
            throw ReadingFailure(error.reason, subject: name)
        }
    }

    private static func checkStored(flags: UInt16, method: UInt16) throws(ReadingFailure) {
        // Bits 0, 6 and 13: encryption of content and directory.
        guard flags & 0x2041 == 0 else { throw ReadingFailure("is encrypted") }
        guard method == 0 else { throw ReadingFailure("is compressed (method \(method)); PyTorch stores") }
    }

    /// The entry's bytes, and its extent with the local header.
    private static func locate(
        _ entry: Entry, in bytes: [UInt8], before limit: Int
    ) throws(ReadingFailure) -> (extent: Range<Int>, content: Range<Int>) {
        guard entry.headerOffset <= limit else { throw ReadingFailure("starts outside the file") }
        var reader = ByteReader(bytes, in: entry.headerOffset..<limit)
        guard try reader.read(UInt32.self) == 0x0403_4B50 else { throw ReadingFailure("has no local header") }
        _ = try reader.take(2)
        try checkStored(flags: try reader.read(UInt16.self), method: try reader.read(UInt16.self))
        _ = try reader.take(16)
        let (nameSize, extraSize) = (Int(try reader.read(UInt16.self)), Int(try reader.read(UInt16.self)))
        guard try reader.readText(nameSize) == entry.name else { throw ReadingFailure("has two different names") }
        _ = try reader.take(extraSize)
        let content = try reader.take(entry.size)
        return (entry.headerOffset..<content.upperBound, content)
    }

    /// The ZIP64 extra field, which holds those numbers that do not fit the directory, in order.
    private struct Extra64 {
        private var values: ByteReader?

        init(_ fields: ByteReader) {
            var fields = fields
            while let tag = try? fields.read(UInt16.self), let size = try? fields.read(UInt16.self),
                let range = try? fields.take(Int(size))
            {
                if tag == 1, values == nil { values = ByteReader(fields.bytes, in: range) }
            }
        }

        mutating func resolve(_ value: UInt32) throws(ReadingFailure) -> Int {
            guard value == .max else { return Int(value) }
            guard let count = try values?.readCount() else { throw ReadingFailure("has no ZIP64 sizes") }
            return count
        }
    }
}

/// CRC-32 of zip files: polynomial 0xEDB88320, reflected.
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
    }

    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.withUnsafeBufferPointer { bytes in
            table.withUnsafeBufferPointer { table in
                var value = UInt32.max
                for index in 0..<bytes.count {
                    value = table[Int(UInt8(truncatingIfNeeded: value) ^ bytes[index])] ^ value >> 8
                }
                return value
            }
        }
    }
}
