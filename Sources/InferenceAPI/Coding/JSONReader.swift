/// Reads JSON (RFC 8259) from front to back without building anything but what is asked for, so that a request cannot
/// make the reader take more memory than the tensors it announces.
struct JSONReader {
    /// Values inside values.
    static let depthLimit = 16
    /// Bytes of a string, as written.
    static let stringLimit = 1_024
    /// Bytes of a number.
    static let numberLimit = 64

    private let bytes: [UInt8]
    private(set) var place: Int
    private var depth = 0

    init(_ bytes: [UInt8], at place: Int = 0) {
        self.bytes = bytes
        self.place = place
    }

    private func failure(_ reason: String) -> InferenceRefusal {
        InferenceRefusal(.malformed, "the request is not JSON that can be read: \(reason) at byte \(place)")
    }

    /// The next byte that is not white space, not taken yet.
    mutating func peek() -> UInt8? {
        while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
        return place < bytes.count ? bytes[place] : nil
    }

    mutating func takes(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(InferenceRefusal) {
        guard takes(character) else { throw failure("\(character) is missing") }
    }

    mutating func expectEnd() throws(InferenceRefusal) {
        guard peek() == nil else { throw failure("something follows the end") }
    }

    /// Reads an object; `member` is to read the value of each key.
    mutating func object(
        _ member: (inout JSONReader, String) throws(InferenceRefusal) -> Void
    ) throws(InferenceRefusal) {
        try expect("{")
        try descend()
        var keys: Set<String> = []
        if !takes("}") {
            repeat {
                let key = try string()
                guard keys.insert(key).inserted else { throw failure("the key \(key.debugDescription) occurs twice") }
                try expect(":")
                try member(&self, key)
            } while takes(",")
            try expect("}")
        }
        depth -= 1
    }

    /// Reads an array; `element` is to read each element.
    mutating func array(
        _ element: (inout JSONReader) throws(InferenceRefusal) -> Void
    ) throws(InferenceRefusal) {
        try expect("[")
        try descend()
        if !takes("]") {
            repeat { try element(&self) } while takes(",")
            try expect("]")
        }
        depth -= 1
    }

    private mutating func descend() throws(InferenceRefusal) {
        depth += 1
        guard depth <= Self.depthLimit else { throw failure("more than \(Self.depthLimit) values inside each other") }
    }

    mutating func string() throws(InferenceRefusal) -> String {
        try expect("\"")
        let start = place
        var text: [UInt8] = []
        while true {
            guard place < bytes.count, place - start <= Self.stringLimit else { throw failure("a string without end") }
            let byte = bytes[place]
            place += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw failure("no UTF-8") }
                return string
            case 0..<0x20: throw failure("a control character in a string")
            case UInt8(ascii: "\\"): text += Array(try escape().utf8)
            default: text.append(byte)
            }
        }
    }

    private mutating func escape() throws(InferenceRefusal) -> String {
        guard place < bytes.count else { throw failure("a string without end") }
        let code = bytes[place]
        place += 1
        switch code {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(Unicode.Scalar(code))
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try hexadecimal()
            guard (0xD800..<0xDC00).contains(first) else {
                guard let scalar = Unicode.Scalar(first) else { throw failure("half a character") }
                return String(Character(scalar))
            }
            guard place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\\"), bytes[place + 1] == UInt8(ascii: "u")
            else { throw failure("half a character") }
            place += 2
            let second = try hexadecimal()
            guard (0xDC00..<0xE000).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            else { throw failure("half a character") }
            return String(Character(scalar))
        default: throw failure("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(InferenceRefusal) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard place < bytes.count, let digit = Character(Unicode.Scalar(bytes[place])).hexDigitValue else {
                throw failure("an escape without four digits")
            }
            value = value << 4 | UInt32(digit)
            place += 1
        }
        return value
    }

    /// Any number that a 64-bit float holds.
    mutating func number() throws(InferenceRefusal) -> Double {
        let text = try numberText()
        if text.count <= 15, text.allSatisfy({ (0x30...0x39).contains($0) }) {
            return Double(text.reduce(0) { $0 * 10 + Int($1 - 0x30) })
        }
        guard let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite else {
            throw failure("a number that is too large")
        }
        return value
    }

    mutating func integer() throws(InferenceRefusal) -> Int {
        let text = String(decoding: try numberText(), as: UTF8.self)
        guard let value = Int(text) else { throw failure("\(text) is no whole number that can be used") }
        return value
    }

    /// The number's text, which follows the grammar: -? (0 | [1-9][0-9]*) (.[0-9]+)? ([eE][+-]?[0-9]+)?
    private mutating func numberText() throws(InferenceRefusal) -> ArraySlice<UInt8> {
        _ = peek()
        let start = place
        if place < bytes.count, bytes[place] == UInt8(ascii: "-") { place += 1 }
        let whole = place
        guard digits() > 0, place == whole + 1 || bytes[whole] != UInt8(ascii: "0") else {
            throw failure("a number is missing or wrong")
        }
        if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
            place += 1
            guard digits() > 0 else { throw failure("a number without decimals") }
        }
        if place < bytes.count, bytes[place] | 0x20 == UInt8(ascii: "e") {
            place += 1
            if place < bytes.count, bytes[place] == UInt8(ascii: "+") || bytes[place] == UInt8(ascii: "-") {
                place += 1
            }
            guard digits() > 0 else { throw failure("a number without exponent") }
        }
        guard place - start <= Self.numberLimit else { throw failure("a number of \(place - start) characters") }
        return bytes[start..<place]
    }

    private mutating func digits() -> Int {
        let start = place
        while place < bytes.count, (0x30...0x39).contains(bytes[place]) { place += 1 }
        return place - start
    }

    mutating func boolean() throws(InferenceRefusal) -> Bool {
        if takes(word: "true") { return true }
        if takes(word: "false") { return false }
        throw failure("neither true nor false")
    }

    /// What a client says that has nothing to say.
    mutating func null() -> Bool { takes(word: "null") }

    private mutating func takes(word: StaticString) -> Bool {
        _ = peek()
        return word.withUTF8Buffer { word in
            guard bytes[place...].starts(with: word) else { return false }
            place += word.count
            return true
        }
    }

    /// Passes over a value of any kind.
    mutating func skip() throws(InferenceRefusal) {
        switch peek() {
        case UInt8(ascii: "{"): try object { (reader, _) throws(InferenceRefusal) in try reader.skip() }
        case UInt8(ascii: "["): try array { (reader) throws(InferenceRefusal) in try reader.skip() }
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"), UInt8(ascii: "f"): _ = try boolean()
        case UInt8(ascii: "n"): guard takes(word: "null") else { throw failure("an unknown word") }
        default: _ = try numberText()
        }
    }
}
