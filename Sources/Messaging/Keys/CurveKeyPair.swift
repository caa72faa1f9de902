import CZeroMQ
public import Files
import Foundation

/// A CURVE key pair (ZeroMQ RFC 26): who this program is to its peers. The secret half never leaves this room, except
/// into its own file of mode 0600.
public struct CurveKeyPair: Equatable, Sendable, CustomStringConvertible {
    public let publicKey: PublicKey
    let secret: [UInt8]

    public var description: String { "key pair of \(publicKey)" }

    public static func generate() throws(ZeroMQFailure) -> CurveKeyPair {
        var publicText = [CChar](repeating: 0, count: PublicKey.textCount + 1)
        var secretText = publicText
        guard zmq_curve_keypair(&publicText, &secretText) == 0 else { throw ZeroMQFailure("make a CURVE key pair") }
        guard let pair = CurveKeyPair(secretZ85: text(secretText)), pair.publicKey.z85 == text(publicText) else {
            throw ZeroMQFailure("make a CURVE key pair", code: EINVAL)
        }
        return pair
    }

    /// The public half follows from the secret one. `nil` when the text is not 32 bytes in Z85.
    private init?(secretZ85: String) {
        var publicText = [CChar](repeating: 0, count: PublicKey.textCount + 1)
        guard let bytes = PublicKey.bytes(ofZ85: secretZ85), zmq_curve_public(&publicText, secretZ85) == 0,
            let key = PublicKey(z85: Self.text(publicText))
        else { return nil }
        publicKey = key
        secret = bytes
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    // MARK: Files

    private struct Content: Codable {
        var publicKey: String
        var secretKey: String
    }

    public func save(to path: String) throws {
        let secretText = PublicKey(bytes: secret)?.z85 ?? ""
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let content = try encoder.encode(Content(publicKey: publicKey.z85, secretKey: secretText))
        try PrivateFile.write(Array(content) + [UInt8(ascii: "\n")], to: path)
    }

    /// Throws `PrivateFileFailure` when the file is open to others, or is not a key pair.
    public static func load(from path: String) throws(PrivateFileFailure) -> CurveKeyPair {
        let bytes = try PrivateFile.read(path)
        guard let content = try? JSONDecoder().decode(Content.self, from: Data(bytes)) else {
            throw PrivateFileFailure(path, "is not a key file")
        }
        guard let pair = CurveKeyPair(secretZ85: content.secretKey) else {
            throw PrivateFileFailure(path, "holds a secret key that is not 40 characters in Z85")
        }
        guard pair.publicKey.z85 == content.publicKey else {
            throw PrivateFileFailure(path, "holds two halves that are not a pair")
        }
        return pair
    }

    /// The pair in the file; at the first start a new one, which is saved before it is returned.
    public static func loadOrCreate(at path: String) throws -> CurveKeyPair {
        if PrivateFile.exists(path) { return try load(from: path) }
        let pair = try generate()
        try pair.save(to: path)
        return pair
    }
}
