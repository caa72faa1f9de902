import Crypto

/// A SHA-256, which names content and chunks.
public struct ContentSum: Hashable, Sendable, CustomStringConvertible {
    public static let byteCount = 32

    private let (first, second, third, fourth): (UInt64, UInt64, UInt64, UInt64)

    /// `nil` unless there are 32 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in bytes.enumerated() { words[index / 8] = words[index / 8] << 8 | UInt64(byte) }
        (first, second, third, fourth) = (words[0], words[1], words[2], words[3])
    }

    /// `nil` unless there are 64 lower-case hexadecimal digits.
    public init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 2 * Self.byteCount else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        self.init(bytes: bytes)
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    public init(of content: [UInt8]) {
        var hasher = ContentHasher()
        hasher.add(content)
        self = hasher.sum
    }

    public var bytes: [UInt8] {
        [first, second, third, fourth].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
    }

    public var description: String {
        bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }
}

/// Sums content that comes piece by piece.
public struct ContentHasher {
    private var hash = SHA256()

    public init() {}

    public mutating func add(_ bytes: [UInt8]) { hash.update(data: bytes) }

    public var sum: ContentSum {
        guard let sum = ContentSum(bytes: Array(hash.finalize())) else {
            preconditionFailure("a SHA-256 has \(ContentSum.byteCount) bytes")
        }
        return sum
    }
}
