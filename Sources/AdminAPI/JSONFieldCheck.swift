import Foundation

/// Reads a body beside its schema before it is decoded: the decoder passes over fields that it does not know, and of
/// one that is given twice it takes either. Whether values are of the right kind is left to the decoder.
struct JSONFieldCheck {
    /// Objects and lists within one another. No body of the table has half as many.
    private static let depthLimit = 32

    private let bytes: [UInt8]
    private var index = 0

    /// - Parameter schema: of the whole body.
    /// - Throws: `AdminFailure` that names the field, or says that this is no JSON.
    static func check(_ bytes: some Sequence<UInt8>, against schema: Schema) throws(AdminFailure) {
        var check = JSONFieldCheck(bytes: Array(bytes))
        try check.value(schema, at: "", depth: 0)
        guard check.next() == nil else { throw malformed }
    }

    static let malformed = AdminFailure(.invalid, "the body is not the JSON that this path takes")

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// - Parameter schema: `nil` where values of any form may stand.
    private mutating func value(_ schema: Schema?, at place: String, depth: Int) throws(AdminFailure) {
        guard depth < Self.depthLimit else { throw Self.malformed }
        switch next() {
        case UInt8(ascii: "{"): try object(schema?.resolved, at: place, depth: depth)
        case UInt8(ascii: "["): try list(schema?.resolved, at: place, depth: depth)
        case UInt8(ascii: "\""): try skipText()
        case .some: try skipWord()
        case nil: throw Self.malformed
        }
    }

    private mutating func object(_ schema: Schema?, at place: String, depth: Int) throws(AdminFailure) {
        index += 1
        var seen: Set<String> = []
        while next() != UInt8(ascii: "}") {
            if !seen.isEmpty { try expect(",") }
            let name = try key()
            let field = place.isEmpty ? name : "\(place).\(name)"
            guard seen.insert(name).inserted else { throw AdminFailure(.invalid, "\(field): is given twice") }
            try expect(":")
            try value(try Self.schema(of: name, in: schema, at: field), at: field, depth: depth + 1)
        }
        index += 1
    }

    private mutating func list(_ schema: Schema?, at place: String, depth: Int) throws(AdminFailure) {
        index += 1
        var element: Schema?
        if case .array(let schema) = schema { element = schema }
        var isFirst = true
        while next() != UInt8(ascii: "]") {
            if !isFirst { try expect(",") }
            isFirst = false
            try value(element, at: place, depth: depth + 1)
        }
        index += 1
    }

    private static func schema(
        of name: String, in schema: Schema?, at field: String
    ) throws(AdminFailure) -> Schema? {
        switch schema {
        case .object(let required, let optional):
            if let known = required[name] ?? optional[name] { return known }
            throw AdminFailure(.invalid, "\(String(field.prefix(128))): is not a field of this body")
        case .map(let value): return value
        default: return nil
        }
    }

    /// The byte that is to be read, behind white space.
    private mutating func next() -> UInt8? {
        while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
        return index < bytes.count ? bytes[index] : nil
    }

    private mutating func expect(_ mark: Unicode.Scalar) throws(AdminFailure) {
        guard next() == UInt8(ascii: mark) else { throw Self.malformed }
        index += 1
    }

    /// With what is written by `\` read, so that no field comes twice in two spellings.
    private mutating func key() throws(AdminFailure) -> String {
        guard next() == UInt8(ascii: "\"") else { throw Self.malformed }
        let start = index
        try skipText()
        let list = Data("[".utf8 + bytes[start..<index] + "]".utf8)
        guard let name = try? JSONDecoder().decode([String].self, from: list).first else { throw Self.malformed }
        return name
    }

    private mutating func skipText() throws(AdminFailure) {
        index += 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard index < bytes.count else { throw Self.malformed }
        index += 1
    }

    /// A number, `true`, `false` or `null`.
    private mutating func skipWord() throws(AdminFailure) {
        let start = index
        while index < bytes.count, !Array(",]}: \t\n\r\"[{".utf8).contains(bytes[index]) { index += 1 }
        guard index > start else { throw Self.malformed }
    }
}

extension Schema {
    /// What a reference leads to.
    fileprivate var resolved: Schema? {
        guard case .reference(let name) = self else { return self }
        return Schema.components[name]
    }
}
