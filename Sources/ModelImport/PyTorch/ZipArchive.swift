import Engine

/// A zip file of stored (uncompressed) entries, as `torch.save` writes it; zip64 fields included.
struct ZipArchive {
    private static let endSignature: UInt32 = 0x0605_4b50
    private static let directorySignature: UInt32 = 0x0201_4b50
    private static let localSignature: UInt32 = 0x0403_4b50
    private static let zip64Locator: UInt32 = 0x0706_4b50
    private static let entryLimit = 65_536

    /// Where each entry's content lies in the file.
    private(set) var entries: [String: Range<Int>] = [:]

    static func isZip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x50, 0x4B, 3, 4]) }

    init(_ bytes: [UInt8]) throws(ReadingFailure) {
        let (offset, count) = try Self.directory(of: bytes)
        guard count <= Self.entryLimit else { throw ReadingFailure("has \(count) entries") }
        guard offset <= bytes.count else { throw ReadingFailure("is a zip file that is cut short") }
        var reader = ByteReader(bytes, in: offset..<bytes.count)
        for _ in 0..<count {
            let entry = try Entry(from: &reader)
            guard entries[entry.name] == nil else {
                throw ReadingFailure("has the zip entry \(entry.name.printable) twice")
            }
            entries[entry.name] = try Self.content(of: entry, in: bytes)
        }
    }

    /// Offset of the central directory and number of its entries.
    private static func directory(of bytes: [UInt8]) throws(ReadingFailure) -> (offset: Int, count: Int) {
        let fixed = 22
        guard bytes.count >= fixed else { throw ReadingFailure("is a zip file that is cut short") }
        let lowest = max(0, bytes.count - fixed - Int(UInt16.max))
        for start in stride(from: bytes.count - fixed, through: lowest, by: -1) {
            var reader = ByteReader(bytes, in: start..<bytes.count)
            guard try reader.read(UInt32.self) == endSignature else { continue }
            _ = try reader.take(6)
            let count = Int(try reader.read(UInt16.self))
            _ = try reader.take(4)
            let offset = Int(try reader.read(UInt32.self))
            return offset == Int(UInt32.max) || count == Int(UInt16.max)
                ? try directory64(of: bytes, before: start) : (offset, count)
        }
        throw ReadingFailure("is a zip file that is cut short: it has no central directory")
    }

    private static func directory64(of bytes: [UInt8], before end: Int) throws(ReadingFailure) -> (Int, Int) {
        guard end >= 20 else { throw ReadingFailure("has a damaged zip64 locator") }
        var locator = ByteReader(bytes, in: end - 20..<end)
        guard try locator.read(UInt32.self) == zip64Locator else { throw ReadingFailure("has a damaged zip64 locator") }
        _ = try locator.take(4)
        let start = try locator.readCount()
        guard start < end else { throw ReadingFailure("has a damaged zip64 locator") }
        var record = ByteReader(bytes, in: start..<end)
        _ = try record.take(32)
        let count = try record.readCount()
        _ = try record.take(8)
        return (try record.readCount(), count)
    }

    private struct Entry {
        let name: String
        var size: Int
        var stored: Int
        var offset: Int
        let checksum: UInt32

        init(from reader: inout ByteReader) throws(ReadingFailure) {
            guard try reader.read(UInt32.self) == directorySignature else {
                throw ReadingFailure("has a damaged zip directory")
            }
            _ = try reader.take(4)
            let flags = try reader.read(UInt16.self)
            let method = try reader.read(UInt16.self)
            _ = try reader.take(4)
            checksum = try reader.read(UInt32.self)
            stored = Int(try reader.read(UInt32.self))
            size = Int(try reader.read(UInt32.self))
            let nameCount = Int(try reader.read(UInt16.self))
            let extraCount = Int(try reader.read(UInt16.self))
            let commentCount = Int(try reader.read(UInt16.self))
            _ = try reader.take(8)
            offset = Int(try reader.read(UInt32.self))
            name = try reader.readText(nameCount)
            var extra = ByteReader(reader.bytes, in: try reader.take(extraCount))
            _ = try reader.take(commentCount)
            guard flags & 1 == 0 else { throw ReadingFailure("has the encrypted zip entry \(name.printable)") }
            guard method == 0 else { throw ReadingFailure("has the compressed zip entry \(name.printable)") }
            try widen(from: &extra)
            guard stored == size else { throw ReadingFailure("has the zip entry \(name.printable) with two sizes") }
        }

        /// Fields that did not fit into 32 bits are in extra field 1, in this order.
        private mutating func widen(from extra: inout ByteReader) throws(ReadingFailure) {
            while extra.remaining >= 4 {
                let id = try extra.read(UInt16.self)
                let range = try extra.take(Int(try extra.read(UInt16.self)))
                guard id == 1 else { continue }
                var field = ByteReader(extra.bytes, in: range)
                if size == Int(UInt32.max) { size = try field.readCount() }
                if stored == Int(UInt32.max) { stored = try field.readCount() }
                if offset == Int(UInt32.max) { offset = try field.readCount() }
            }
        }
    }

    private static func content(of entry: Entry, in bytes: [UInt8]) throws(ReadingFailure) -> Range<Int> {
        guard entry.offset <= bytes.count else {
            throw ReadingFailure("has the zip entry \(entry.name.printable) outside the file")
        }
        var reader = ByteReader(bytes, in: entry.offset..<bytes.count)
        guard try reader.read(UInt32.self) == localSignature else {
            throw ReadingFailure("has a damaged zip header for \(entry.name.printable)")
        }
        _ = try reader.take(22)
        let nameCount = Int(try reader.read(UInt16.self))
        let extraCount = Int(try reader.read(UInt16.self))
        _ = try reader.take(nameCount + extraCount)
        let range = try reader.take(entry.size)
        guard CRC32.checksum(bytes[range]) == entry.checksum else {
            throw ReadingFailure("has the damaged zip entry \(entry.name.printable): its checksum does not match")
        }
        return range
    }
}

/// The checksum of zip files (ISO 3309).
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { value in
        (0..<8).reduce(UInt32(value)) { rest, _ in rest & 1 == 1 ? rest >> 1 ^ 0xEDB8_8320 : rest >> 1 }
    }

    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { rest, byte in table[Int(UInt8(truncatingIfNeeded: rest) ^ byte)] ^ rest >> 8 }
    }
}
