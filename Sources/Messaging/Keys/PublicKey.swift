import CZeroMQ

/// The public half of a CURVE key pair, in Z85 (ZeroMQ RFC 32): 40 characters for 32 bytes.
public struct PublicKey: Hashable, Sendable, CustomStringConvertible {
    public static let byteCount = 32
    static let textCount = 40

    public let z85: String

    /// `nil` when the text is not 32 bytes in Z85.
    public init?(z85: String) {
        guard Self.bytes(ofZ85: z85) != nil else { return nil }
        self.z85 = z85
    }

    /// `nil` unless there are 32 bytes.
    init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        var text = [CChar](repeating: 0, count: Self.textCount + 1)
        guard zmq_z85_encode(&text, bytes, bytes.count) != nil else { return nil }
        z85 = String(decoding: text.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    public var description: String { z85 }

    private static let alphabet = Set(
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)

    static func bytes(ofZ85 text: String) -> [UInt8]? {
        guard text.utf8.count == textCount, text.utf8.allSatisfy(alphabet.contains) else { return nil }
        var bytes = [UInt8](repeating: 0, count: byteCount)
        return zmq_z85_decode(&bytes, text) == nil ? nil : bytes
    }
}

extension PublicKey: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let key = PublicKey(z85: text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "A key is 40 characters in Z85."))
        }
        self = key
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(z85)
    }
}
