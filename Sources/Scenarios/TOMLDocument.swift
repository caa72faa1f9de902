/// A value of a scenario file with the line it stands on.
struct TOMLValue: Equatable {
    indirect enum Kind: Equatable {
        case text(String)
        case number(Double)
        case truth(Bool)
        case list([TOMLValue])
        case table([String: TOMLValue])
    }

    var kind: Kind
    var line: Int
}

/// Why a scenario file cannot be used, and where.
public struct ScenarioRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public let file: String
    /// From 1.
    public let line: Int
    /// As in `model[0].framesPerSecond`; empty where the text is not TOML.
    public let field: String
    public let reason: String

    public var description: String { "\(file):\(line): \(field.isEmpty ? "" : field + ": ")\(reason)" }
}

/// The part of TOML 1.0 that scenario files use: comments, `key = value`, `[[table]]`, strings of one line (basic ones
/// with `\"` and `\\`, literal ones), keys that are bare or such strings, decimal numbers, truth values, lists over
/// several lines, and inline tables. Whatever else is refused by line: dotted keys, `[table]`, dates, multi-line
/// strings.
struct TOMLDocument {
    static let byteLimit = 256 * 1_024
    private static let depthLimit = 8

    /// Tables of the top level; lists of tables under their name.
    private(set) var root: [String: TOMLValue] = [:]

    private let file: String
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    init(_ text: String, file: String) throws(ScenarioRefusal) {
        self.file = file
        bytes = Array(text.utf8)
        guard bytes.count <= Self.byteLimit else { throw refusal("more than \(Self.byteLimit) bytes") }
        var table: String?
        while true {
            skipBlank(newlines: true)
            guard let byte = peek else { return }
            if byte == UInt8(ascii: "[") {
                table = try openTable()
            } else {
                let start = line
                let (key, value) = try pair()
                try add(key, value, to: table, line: start)
            }
            skipBlank(newlines: false)
            guard peek == nil || peek == UInt8(ascii: "\n") else { throw refusal("one entry per line") }
        }
    }

    private mutating func openTable() throws(ScenarioRefusal) -> String {
        guard take("["), take("[") else { throw refusal("only lists of tables, [[name]], are allowed") }
        let name = try key()
        guard take("]"), take("]") else { throw refusal("expected ]] after [[\(name)") }
        let entry = TOMLValue(kind: .table([:]), line: line)
        switch root[name]?.kind {
        case nil: root[name] = TOMLValue(kind: .list([entry]), line: line)
        case .list(let entries): root[name]?.kind = .list(entries + [entry])
        default: throw refusal("\(name) is no list of tables")
        }
        return name
    }

    private mutating func add(
        _ key: String, _ value: TOMLValue, to table: String?, line: Int
    ) throws(ScenarioRefusal) {
        guard let table else {
            guard root.updateValue(value, forKey: key) == nil else { throw refusal("\(key) is given twice", line) }
            return
        }
        guard case .list(var entries) = root[table]?.kind, case .table(var fields) = entries.last?.kind else {
            throw refusal("\(table) is no list of tables", line)
        }
        guard fields.updateValue(value, forKey: key) == nil else { throw refusal("\(key) is given twice", line) }
        entries[entries.count - 1].kind = .table(fields)
        root[table]?.kind = .list(entries)
    }

    private mutating func pair(depth: Int = 0) throws(ScenarioRefusal) -> (String, TOMLValue) {
        let key = try key()
        guard take("=") else {
            let hint = peek == UInt8(ascii: ".") ? "; names with dots are not read, unless in quotes" : ""
            throw refusal("expected = after \(key)\(hint)")
        }
        return (key, try value(depth: depth))
    }

    private mutating func key() throws(ScenarioRefusal) -> String {
        skipBlank(newlines: false)
        if let byte = peek, Self.isQuote(byte) {
            let key = try text()
            // Refusals name it.
            guard key == Self.plain(key) else { throw refusal("a name must have no control characters") }
            return key
        }
        let start = position
        while let byte = peek, Self.isKey(byte) { position += 1 }
        guard position > start else { throw refusal("expected a name of letters, digits, - and _") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func value(depth: Int) throws(ScenarioRefusal) -> TOMLValue {
        guard depth < Self.depthLimit else { throw refusal("more than \(Self.depthLimit) values inside each other") }
        skipBlank(newlines: false)
        let start = line
        switch peek {
        case let byte? where Self.isQuote(byte): return TOMLValue(kind: .text(try text()), line: start)
        case UInt8(ascii: "["): return TOMLValue(kind: .list(try list(depth: depth)), line: start)
        case UInt8(ascii: "{"): return TOMLValue(kind: .table(try inlineTable(depth: depth)), line: start)
        default: return TOMLValue(kind: try scalar(), line: start)
        }
    }

    private mutating func list(depth: Int) throws(ScenarioRefusal) -> [TOMLValue] {
        position += 1
        var values: [TOMLValue] = []
        while true {
            skipBlank(newlines: true)
            if take("]") { return values }
            values.append(try value(depth: depth + 1))
            skipBlank(newlines: true)
            if take(",") { continue }
            guard peek == UInt8(ascii: "]") else { throw refusal("expected , or ] in a list") }
        }
    }

    private mutating func inlineTable(depth: Int) throws(ScenarioRefusal) -> [String: TOMLValue] {
        position += 1
        var fields: [String: TOMLValue] = [:]
        if take("}") { return fields }
        while true {
            let (key, value) = try pair(depth: depth + 1)
            guard fields.updateValue(value, forKey: key) == nil else { throw refusal("\(key) is given twice") }
            if take("}") { return fields }
            guard take(",") else { throw refusal("expected , or } in a table") }
        }
    }

    private mutating func text() throws(ScenarioRefusal) -> String {
        let quote = bytes[position]
        guard !bytes[position...].starts(with: [quote, quote, quote]) else {
            throw refusal("a text must stand on one line, in one quotation mark at each end")
        }
        position += 1
        var result: [UInt8] = []
        while let byte = peek, byte != UInt8(ascii: "\n") {
            position += 1
            if byte == quote { return String(decoding: result, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") else {
                result.append(byte)
                continue
            }
            guard let escaped = peek, [UInt8(ascii: "\""), UInt8(ascii: "\\")].contains(escaped) else {
                throw refusal("only \\\" and \\\\ may be escaped; between single quotes nothing has to be")
            }
            position += 1
            result.append(escaped)
        }
        throw refusal("a text has no closing quote on its line")
    }

    private mutating func scalar() throws(ScenarioRefusal) -> TOMLValue.Kind {
        let start = position
        while let byte = peek, Self.isKey(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: ".") {
            position += 1
        }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        if word == "true" || word == "false" { return .truth(word == "true") }
        let digits = word.filter { $0 != "_" }
        let isDecimal = digits.utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "+-.eE".utf8.contains($0)
        }
        guard isDecimal, let value = Double(digits), value.isFinite else {
            position = start
            throw refusal(
                "expected a value (a text in quotes, a decimal number, true, false, a list or an inline table), found "
                    + foundHere)
        }
        return .number(value)
    }

    /// What stands at the position, for refusals.
    private var foundHere: String {
        let blanks = " \t\r\n".utf8
        let word = String(decoding: bytes[position...].prefix { !blanks.contains($0) }.prefix(32), as: UTF8.self)
        guard !word.isEmpty else { return "the end of the line" }
        let plain = Self.plain(word)
        return plain.isEmpty ? "a control character" : "'\(plain)'"
    }

    private static func plain(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.properties.generalCategory != .control }))
    }

    private static func isQuote(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }

    private static func isKey(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlank(newlines: false)
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipBlank(newlines: Bool) {
        while let byte = peek {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): position += 1
            case UInt8(ascii: "#"): while let next = peek, next != UInt8(ascii: "\n") { position += 1 }
            case UInt8(ascii: "\n") where newlines:
                position += 1
                line += 1
            default: return
            }
        }
    }

    private func refusal(_ reason: String, _ line: Int? = nil) -> ScenarioRefusal {
        ScenarioRefusal(file: file, line: line ?? self.line, field: "", reason: reason)
    }
}
