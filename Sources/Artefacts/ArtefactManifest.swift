public import FleetModel

/// What an artefact is and what its bytes are. It has one form in bytes, `canonical`, which is what is signed.
///
/// The chunks are told by the root of a tree of sums (`ChunkTree`), so that a manifest of any artefact fits into a
/// message, and each chunk is checked by itself with a proof of at most `ArtefactLimits.proofSums` sums.
public struct ArtefactManifest: Hashable, Sendable {
    public var id: ArtefactID
    /// From 1; rises.
    public var version: UInt64
    /// Of the whole.
    public var byteCount: Int
    public var sum: ContentSum
    public var chunkBytes: Int
    public var chunkRoot: ContentSum
    public var createdAtMilliseconds: UInt64

    private static let mark = Array("shoal artefact manifest 1\n".utf8)

    /// - Throws: `ArtefactFailure` where no artefact has such figures.
    public init(
        id: ArtefactID, version: UInt64, byteCount: Int, sum: ContentSum, chunkBytes: Int, chunkRoot: ContentSum,
        createdAtMilliseconds: UInt64
    ) throws(ArtefactFailure) {
        guard (1...UInt64(Int64.max)).contains(version) else {
            throw ArtefactFailure("version \(version) is none: they begin with 1")
        }
        guard (1...ArtefactLimits.bytes).contains(byteCount) else {
            throw ArtefactFailure("\(byteCount) bytes are outside 1...\(ArtefactLimits.bytes)")
        }
        guard (1_024...ArtefactLimits.chunkBytes).contains(chunkBytes) else {
            throw ArtefactFailure("chunks of \(chunkBytes) bytes are outside 1024...\(ArtefactLimits.chunkBytes)")
        }
        let chunks = (byteCount + chunkBytes - 1) / chunkBytes
        guard ChunkTree.proofCount(of: 0, among: chunks) <= ArtefactLimits.proofSums else {
            throw ArtefactFailure("\(chunks) chunks are too many: make them larger")
        }
        guard createdAtMilliseconds <= UInt64(Int64.max) else { throw ArtefactFailure("made at no time") }
        (self.id, self.version, self.byteCount, self.sum) = (id, version, byteCount, sum)
        (self.chunkBytes, self.chunkRoot) = (chunkBytes, chunkRoot)
        self.createdAtMilliseconds = createdAtMilliseconds
    }

    public var chunkCount: Int { (byteCount + chunkBytes - 1) / chunkBytes }

    /// The bytes of a chunk, from 0; the last one may be shorter.
    public func range(of chunk: Int) -> Range<Int> {
        let start = chunk * chunkBytes
        return start..<min(start + chunkBytes, byteCount)
    }

    /// Whether these bytes are that chunk.
    public func verifies(_ bytes: [UInt8], as chunk: Int, proof: [ContentSum]) -> Bool {
        guard (0..<chunkCount).contains(chunk), bytes.count == range(of: chunk).count else { return false }
        return ChunkTree.verifies(
            ChunkTree.leaf(bytes), at: chunk, among: chunkCount, proof: proof, root: chunkRoot)
    }

    public var canonical: [UInt8] {
        var writer = ByteWriter()
        writer.add(plain: Self.mark)
        writer.add(id.kind.rawValue)
        writer.add(id.name.rawValue)
        writer.add(version)
        writer.add(UInt64(byteCount))
        writer.add(sum)
        writer.add(UInt32(chunkBytes))
        writer.add(chunkRoot)
        writer.add(createdAtMilliseconds)
        return writer.bytes
    }

    /// - Throws: `ArtefactFailure` for anything but the canonical form.
    public init(canonical bytes: [UInt8]) throws(ArtefactFailure) {
        var reader = ByteReader(bytes, "manifest")
        guard try reader.plain(min(Self.mark.count, bytes.count)) == Self.mark else {
            throw ArtefactFailure("these bytes are no manifest")
        }
        let number = try reader.byte()
        guard let kind = ArtefactKind(rawValue: number) else { throw ArtefactFailure("kind \(number) is unknown") }
        let text = try reader.text(limit: FleetLimits.textBytes)
        guard let name = ModelName(text) else { throw ArtefactFailure("the manifest's name is none of a model") }
        let version: UInt64 = try reader.number()
        let byteCount: UInt64 = try reader.number()
        let sum = try reader.sum()
        let chunkBytes: UInt32 = try reader.number()
        let root = try reader.sum()
        try self.init(
            id: ArtefactID(kind, name), version: version, byteCount: Int(clamping: byteCount), sum: sum,
            chunkBytes: Int(chunkBytes), chunkRoot: root, createdAtMilliseconds: try reader.number())
        try reader.end()
    }
}

/// A manifest with a signature that its canonical bytes may or may not carry.
public struct SignedManifest: Hashable, Sendable {
    public let manifest: ArtefactManifest
    /// 64 bytes (Ed25519, RFC 8032).
    public let signature: [UInt8]

    /// - Throws: `ArtefactFailure` where the signature has another length.
    public init(_ manifest: ArtefactManifest, signature: [UInt8]) throws(ArtefactFailure) {
        guard signature.count == ArtefactKey.signatureBytes else {
            throw ArtefactFailure("a signature of \(signature.count) bytes is none")
        }
        (self.manifest, self.signature) = (manifest, signature)
    }

    public func isSigned(by key: ArtefactKey) -> Bool { key.verifies(signature, of: manifest.canonical) }

    /// Manifest and signature one after the other.
    public var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.add(manifest.canonical)
        writer.add(signature)
        return writer.bytes
    }

    /// Bytes of the longest one.
    public static let byteLimit = 1_024

    public init(bytes: [UInt8]) throws(ArtefactFailure) {
        var reader = ByteReader(bytes, "signed manifest")
        let manifest = try ArtefactManifest(canonical: try reader.content(limit: Self.byteLimit))
        try self.init(manifest, signature: try reader.content(limit: ArtefactKey.signatureBytes))
        try reader.end()
    }
}
