public import Artefacts
import Crypto
public import Files
import Foundation

/// The file of the key that signs artefacts, 0600: its secret half, and the statements that lead to it from the keys
/// before. Replaced as a whole, so that a change of the key happens or does not.
public struct SigningKeyFile: Sendable {
    /// A change fits many times; `PrivateFile` reads no more.
    private struct Content: Codable {
        struct Rotation: Codable {
            var old: Data
            var new: Data
            var signature: Data
        }

        var publicKey: String
        var secretKey: Data
        var rotations: [Rotation]
    }

    private let path: String

    public init(_ path: String) { self.path = path }

    public var isThere: Bool { PrivateFile.exists(path) }

    /// The keys in the file; at the first start new ones, which are saved before they are returned.
    /// - Throws: `PrivateFileFailure` when the file is open to others, or is not what it should be.
    public func loadOrCreate() throws -> SigningKeys {
        guard isThere else { return try create() }
        let bytes = try PrivateFile.read(path)
        guard let content = try? JSONDecoder().decode(Content.self, from: Data(bytes)),
            let signer = ArtefactSigner(secret: Array(content.secretKey)), "\(signer.key)" == content.publicKey
        else { throw PrivateFileFailure(path, "is not a key file of artefacts") }
        let rotations = content.rotations.compactMap { rotation -> KeyRotation? in
            guard let old = ArtefactKey(bytes: Array(rotation.old)), let new = ArtefactKey(bytes: Array(rotation.new))
            else { return nil }
            return KeyRotation(old: old, new: new, signature: Array(rotation.signature))
        }
        guard rotations.count == content.rotations.count else {
            throw PrivateFileFailure(path, "holds a change of the key that is none")
        }
        return SigningKeys(signer: signer, rotations: rotations)
    }

    private func create() throws -> SigningKeys {
        let secret = Self.secret()
        guard let signer = ArtefactSigner(secret: secret) else { throw PrivateFileFailure(path, "cannot be made") }
        let keys = SigningKeys(signer: signer)
        try save(keys, secret: secret)
        return keys
    }

    /// A new key, lasting when this returns, with the statement that leads to it.
    public func rotate(_ keys: SigningKeys) throws -> SigningKeys {
        let secret = Self.secret()
        guard let signer = ArtefactSigner(secret: secret) else { throw PrivateFileFailure(path, "cannot be made") }
        let next = try keys.rotated(to: signer)
        try save(next, secret: secret)
        return next
    }

    private static func secret() -> [UInt8] { Array(Curve25519.Signing.PrivateKey().rawRepresentation) }

    private func save(_ keys: SigningKeys, secret: [UInt8]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let content = Content(
            publicKey: "\(keys.signer.key)", secretKey: Data(secret),
            rotations: keys.rotations.map {
                .init(old: Data($0.old.bytes), new: Data($0.new.bytes), signature: Data($0.signature))
            })
        try PrivateFile.write(Array(try encoder.encode(content)) + [UInt8(ascii: "\n")], to: path)
    }
}
