import Crypto

/// The public half of the key that signs manifests (Ed25519, RFC 8032).
public struct ArtefactKey: Hashable, Sendable, CustomStringConvertible {
    public static let byteCount = 32
    public static let signatureBytes = 64

    public let bytes: [UInt8]

    /// `nil` unless there are 32 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// In hexadecimal.
    public var description: String { ContentSum(bytes: bytes)?.description ?? "" }

    public func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else { return false }
        return key.isValidSignature(signature, for: message)
    }
}

/// The secret half. Never printed.
public struct ArtefactSigner: Sendable, CustomStringConvertible {
    public let key: ArtefactKey
    private let secretKey: Curve25519.Signing.PrivateKey

    /// - Parameter secret: 32 random bytes.
    /// - Returns: `nil` for another number of bytes.
    public init?(secret: [UInt8]) {
        guard let secretKey = try? Curve25519.Signing.PrivateKey(rawRepresentation: secret),
            let key = ArtefactKey(bytes: Array(secretKey.publicKey.rawRepresentation))
        else { return nil }
        (self.key, self.secretKey) = (key, secretKey)
    }

    public var description: String { "signer \(key)" }

    public func sign(_ manifest: ArtefactManifest) throws(ArtefactFailure) -> SignedManifest {
        try SignedManifest(manifest, signature: try signature(of: manifest.canonical))
    }

    /// Says that another key follows this one.
    public func rotation(to next: ArtefactKey) throws(ArtefactFailure) -> KeyRotation {
        KeyRotation(
            old: key, new: next, signature: try signature(of: KeyRotation.statement(from: key, to: next)))
    }

    private func signature(of message: [UInt8]) throws(ArtefactFailure) -> [UInt8] {
        do { return Array(try secretKey.signature(for: message)) } catch {
            throw ArtefactFailure("the signing key does not sign: \(error)")
        }
    }
}

/// One key's statement that another follows it.
public struct KeyRotation: Hashable, Sendable {
    public var old: ArtefactKey
    public var new: ArtefactKey
    public var signature: [UInt8]

    public init(old: ArtefactKey, new: ArtefactKey, signature: [UInt8]) {
        (self.old, self.new, self.signature) = (old, new, signature)
    }

    static func statement(from old: ArtefactKey, to new: ArtefactKey) -> [UInt8] {
        Array("shoal artefact key rotation 1\n".utf8) + old.bytes + new.bytes
    }

    public var isSigned: Bool { old.verifies(signature, of: Self.statement(from: old, to: new)) }
}

/// Which key a board believes. The first one that it is told over its authenticated connection is kept for ever; from
/// then on only statements of the key that is believed lead to another.
public enum ArtefactTrust {
    public enum Verdict: Equatable, Sendable {
        case unchanged
        /// The first key.
        case pinned(ArtefactKey)
        case rotated(ArtefactKey)
        case refused
    }

    public static func announced(
        _ key: ArtefactKey, rotations: [KeyRotation], pinned: ArtefactKey?
    ) -> Verdict {
        guard var believed = pinned else { return .pinned(key) }
        if believed == key { return .unchanged }
        for rotation in rotations.prefix(ArtefactLimits.rotations) where rotation.old == believed {
            guard rotation.isSigned else { return .refused }
            believed = rotation.new
            if believed == key { return .rotated(key) }
        }
        return .refused
    }
}
