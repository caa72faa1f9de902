/// A parameter of a statement. Text and bytes travel with their length, so that no byte of them ends them.
enum PostgreSQLValue: Equatable {
    case null
    case integer(Int64)
    case real(Double)
    case boolean(Bool)
    case text(String)
    case bytes([UInt8])

    static func count(_ value: Int) -> Self { .integer(Int64(value)) }
    static func optional(_ value: Int64?) -> Self { value.map { .integer($0) } ?? .null }
    static func optional(_ value: Double?) -> Self { value.map { .real($0) } ?? .null }
    static func optional(_ value: String?) -> Self { value.map { .text($0) } ?? .null }
}

/// Parameters as libpq takes them: one array each of addresses, lengths and formats.
struct PostgreSQLParameters {
    private var bytes: [UInt8] = []
    private var starts: [Int?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    init(_ values: [PostgreSQLValue]) {
        for value in values { append(value) }
        // An address exists even where all values are empty.
        bytes.append(0)
    }

    private mutating func append(_ value: PostgreSQLValue) {
        switch value {
        case .null:
            starts.append(nil)
            lengths.append(0)
            formats.append(0)
        case .integer(let number): append(word: "\(number)")
        case .real(let number): append(word: "\(number)")
        case .boolean(let flag): append(word: flag ? "t" : "f")
        case .text(let text): append(text.utf8, format: 1)
        case .bytes(let content): append(content, format: 1)
        }
    }

    /// The server reads words up to their zero.
    private mutating func append(word: String) {
        append(word.utf8, format: 0)
        bytes.append(0)
    }

    private mutating func append(_ content: some Collection<UInt8>, format: Int32) {
        starts.append(bytes.count)
        lengths.append(Int32(clamping: content.count))
        formats.append(format)
        bytes.append(contentsOf: content)
    }

    /// The pointers are good inside the body only.
    func with<Result>(
        _ body: (Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> Result
    ) -> Result {
        bytes.withUnsafeBytes { content in
            let base = content.baseAddress?.assumingMemoryBound(to: CChar.self)
            let addresses = starts.map { start in start.flatMap { offset in base.map { $0 + offset } } }
            return addresses.withUnsafeBufferPointer { addresses in
                lengths.withUnsafeBufferPointer { lengths in
                    formats.withUnsafeBufferPointer { formats in
                        body(
                            Int32(clamping: starts.count), addresses.baseAddress, lengths.baseAddress,
                            formats.baseAddress)
                    }
                }
            }
        }
    }
}
