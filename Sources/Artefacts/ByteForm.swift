/// Writes the forms of this room: numbers big-endian, everything of variable length after its length.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func add(_ flag: Bool) { bytes.append(flag ? 1 : 0) }
    /// Of a length that the reader knows.
    mutating func add(plain content: [UInt8]) { bytes += content }
    mutating func add(_ sum: ContentSum) { bytes += sum.bytes }

    mutating func add(_ content: [UInt8]) {
        add(UInt32(content.count))
        bytes += content
    }

    mutating func add(_ text: String) { add(Array(text.utf8)) }

    mutating func add<Element>(_ list: [Element], _ each: (inout ByteWriter, Element) -> Void) {
        add(UInt32(list.count))
        for element in list { each(&self, element) }
    }
}

/// Reads them; whatever is too short or too long is refused before memory is taken for it.
struct ByteReader {
    private var rest: ArraySlice<UInt8>
    private let what: String

    /// - Parameter what: names the bytes in refusals.
    init(_ bytes: [UInt8], _ what: String) { (rest, self.what) = (bytes[...], what) }

    mutating func plain(_ count: Int) throws(ArtefactFailure) -> [UInt8] {
        guard count >= 0, count <= rest.count else { throw ArtefactFailure("the \(what) is cut off") }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func number<Number: FixedWidthInteger>() throws(ArtefactFailure) -> Number {
        try plain(Number.bitWidth / 8).reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    mutating func byte() throws(ArtefactFailure) -> UInt8 { try plain(1)[0] }

    mutating func flag() throws(ArtefactFailure) -> Bool {
        let byte = try byte()
        guard byte < 2 else { throw ArtefactFailure("the \(what) holds a flag that is neither 0 nor 1") }
        return byte == 1
    }

    mutating func sum() throws(ArtefactFailure) -> ContentSum {
        guard let sum = ContentSum(bytes: try plain(ContentSum.byteCount)) else {
            throw ArtefactFailure("the \(what) is cut off")
        }
        return sum
    }

    mutating func content(limit: Int) throws(ArtefactFailure) -> [UInt8] {
        let count: UInt32 = try number()
        guard count <= limit else { throw ArtefactFailure("the \(what) holds \(count) bytes where \(limit) may be") }
        return try plain(Int(count))
    }

    mutating func text(limit: Int) throws(ArtefactFailure) -> String {
        let bytes = try content(limit: limit)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ArtefactFailure("the \(what) holds text that is not UTF-8")
        }
        return text
    }

    mutating func list<Element>(
        limit: Int, _ each: (inout ByteReader) throws(ArtefactFailure) -> Element
    ) throws(ArtefactFailure) -> [Element] {
        let count: UInt32 = try number()
        guard count <= limit else { throw ArtefactFailure("the \(what) lists \(count) where \(limit) may be") }
        var list: [Element] = []
        for _ in 0..<count { list.append(try each(&self)) }
        return list
    }

    func end() throws(ArtefactFailure) {
        guard rest.isEmpty else { throw ArtefactFailure("the \(what) has \(rest.count) bytes behind its end") }
    }
}
