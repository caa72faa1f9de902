/// JSON written as YAML: the same fields in the same order with the same values, a field a line.
///
/// Strings that could be read as anything else, or that hold more than plain words, keep their quotes: a JSON string is
/// one of YAML too. Numbers stay as they are written, but for exponents, which readers of YAML 1.1 take for text unless
/// they have a point and a sign.
public enum YAMLText {
    /// - Parameter json: what an encoder wrote with plain slashes; it is not checked.
    public static func of(json: String) -> String {
        var writer = YAMLWriter(json: Array(json.utf8))
        writer.value(indent: 0, isAfterKey: false)
        return writer.output
    }
}

private struct YAMLWriter {
    private let json: [UInt8]
    private var place = 0
    private(set) var output = ""

    init(json: [UInt8]) { self.json = json }

    /// The next value. What stands in lines of its own is indented by that many blanks.
    mutating func value(indent: Int, isAfterKey: Bool) {
        let first = next
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") { return collection(indent, isAfterKey) }
        let scalar = first == UInt8(ascii: "\"") ? text() : bare()
        output += (isAfterKey ? " " : "") + scalar
    }

    /// The next byte that is no blank; 0 after the last.
    private var next: UInt8 {
        mutating get {
            while place < json.count, json[place] <= UInt8(ascii: " ") { place += 1 }
            return place < json.count ? json[place] : 0
        }
    }

    private mutating func collection(_ indent: Int, _ isAfterKey: Bool) {
        let isMap = next == UInt8(ascii: "{")
        place += 1
        guard next != UInt8(ascii: isMap ? "}" : "]") else {
            place += 1
            output += (isAfterKey ? " " : "") + (isMap ? "{}" : "[]")
            return
        }
        var isOnNewLine = isAfterKey
        repeat {
            if isOnNewLine { output += "\n" + String(repeating: " ", count: indent) }
            isOnNewLine = true
            if isMap { key() } else { output += "- " }
            value(indent: indent + 2, isAfterKey: isMap)
        } while hasMore()
    }

    /// With the colon after it.
    private mutating func key() {
        guard next == UInt8(ascii: "\"") else { return }
        let name = text()
        output += name + ":"
        if next == UInt8(ascii: ":") { place += 1 }
    }

    /// Steps over the comma, or over the bracket that ends it.
    private mutating func hasMore() -> Bool {
        let isComma = next == UInt8(ascii: ",")
        place += 1
        return isComma
    }

    private mutating func text() -> String {
        let start = place
        place += 1
        while place < json.count, json[place] != UInt8(ascii: "\"") {
            place += json[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        place = min(place + 1, json.count)
        let content = json[start..<place].dropFirst().dropLast()
        return Self.isPlain(content) ? String(decoding: content, as: UTF8.self) : Self.quoted(json[start..<place])
    }

    private mutating func bare() -> String {
        let start = place
        let ends = [UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]")]
        while place < json.count, json[place] > UInt8(ascii: " "), !ends.contains(json[place]) { place += 1 }
        return Self.number(String(decoding: json[start..<place], as: UTF8.self))
    }

    /// `1e+30` as `1.0e+30`; what has no exponent as it is.
    private static func number(_ text: String) -> String {
        guard text != "true", text != "false", let letter = text.firstIndex(where: { $0 == "e" || $0 == "E" }) else {
            return text
        }
        let (digits, exponent) = (text[..<letter], text[text.index(after: letter)...])
        let sign = exponent.hasPrefix("-") || exponent.hasPrefix("+") ? "" : "+"
        return digits + (digits.contains(".") ? "" : ".0") + "e" + sign + exponent
    }

    /// Words that readers of YAML 1.1 or 1.2 take for no strings.
    private static let reserved: Set = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]

    /// Begins with a letter or `/`, goes on with what means nothing to YAML anywhere, and does not end in a blank.
    private static func isPlain(_ content: ArraySlice<UInt8>) -> Bool {
        guard let first = content.first, isLetter(first) || first == UInt8(ascii: "/"),
            content.last != UInt8(ascii: " ")
        else { return false }
        let isHarmless = content.allSatisfy { byte in
            isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || " /_.-+=%(),;".utf8.contains(byte)
        }
        return isHarmless && !reserved.contains(String(decoding: content, as: UTF8.self).lowercased())
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    /// The JSON string with escapes for what YAML takes for ends of lines or does not take at all.
    private static func quoted(_ literal: ArraySlice<UInt8>) -> String {
        var text = ""
        for scalar in String(decoding: literal, as: UTF8.self).unicodeScalars {
            switch scalar.value {
            case 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
