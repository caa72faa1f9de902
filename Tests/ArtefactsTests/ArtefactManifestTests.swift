import FleetModel
import Testing

@testable import Artefacts

@Suite struct ArtefactManifestTests {
    @Test(arguments: ArtefactKind.allCases)
    func theCanonicalFormComesBack(kind: ArtefactKind) throws {
        let signed = try Samples.signed(3, Samples.id(kind, "a-model-0"))
        #expect(try ArtefactManifest(canonical: signed.manifest.canonical) == signed.manifest)
        #expect(try SignedManifest(bytes: signed.bytes) == signed)
        #expect(ArtefactKind(name: kind.name) == kind)
        #expect(signed.bytes.count <= SignedManifest.byteLimit)
    }

    /// Any other bytes are no manifest, or one that the signature is not of.
    @Test func everyChangedOrMissingByteIsNoticed() throws {
        let signed = try Samples.signed(3)
        let bytes = signed.manifest.canonical
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 0x21
            guard let manifest = try? ArtefactManifest(canonical: changed) else { continue }
            #expect(manifest.canonical == changed, "byte \(place)")
            #expect(try !SignedManifest(manifest, signature: signed.signature).isSigned(by: Samples.signer.key))
        }
        for count in bytes.indices {
            #expect(throws: ArtefactFailure.self) { try ArtefactManifest(canonical: Array(bytes.prefix(count))) }
        }
        #expect(throws: ArtefactFailure.self) { try ArtefactManifest(canonical: bytes + [0]) }
    }

    @Test func onlyTheKeyThatSignedVerifies() throws {
        let signed = try Samples.signed(1)
        #expect(signed.isSigned(by: Samples.signer.key))
        #expect(!signed.isSigned(by: Samples.signer(2).key))
        var signature = signed.signature
        signature[0] ^= 1
        #expect(try !SignedManifest(signed.manifest, signature: signature).isSigned(by: Samples.signer.key))
        #expect(throws: ArtefactFailure.self) { try SignedManifest(signed.manifest, signature: [1, 2]) }
    }

    /// A name that would mean something in a path is none.
    @Test(arguments: ["../m", "a/b", "", ".", "A", "m\u{0}", String(repeating: "m", count: 64)])
    func namesAreThoseOfModels(name: String) throws {
        var writer = ByteWriter()
        let whole = try Samples.signed(1).manifest.canonical
        // Up to the name: the mark, the kind.
        writer.add(plain: Array(whole.prefix(whole.count - 4 - 1 - 8 - 8 - 32 - 4 - 32 - 8)))
        writer.add(name)
        writer.add(plain: Array(whole.suffix(8 + 8 + 32 + 4 + 32 + 8)))
        #expect(throws: ArtefactFailure.self) { try ArtefactManifest(canonical: writer.bytes) }
    }

    @Test func figuresHaveLimits() throws {
        let good = try Samples.signed(1).manifest
        func make(version: UInt64 = 1, bytes: Int = 10_000, chunk: Int = 1_024) throws(ArtefactFailure) {
            _ = try ArtefactManifest(
                id: good.id, version: version, byteCount: bytes, sum: good.sum, chunkBytes: chunk,
                chunkRoot: good.chunkRoot, createdAtMilliseconds: 1)
        }
        try make(bytes: ArtefactLimits.bytes, chunk: ArtefactLimits.chunkBytes)
        try make(version: UInt64(Int64.max), bytes: 1)
        #expect(throws: ArtefactFailure.self) { try make(version: 0) }
        #expect(throws: ArtefactFailure.self) { try make(version: UInt64(Int64.max) + 1) }
        #expect(throws: ArtefactFailure.self) { try make(bytes: 0) }
        #expect(throws: ArtefactFailure.self) {
            try make(bytes: ArtefactLimits.bytes + 1, chunk: ArtefactLimits.chunkBytes)
        }
        #expect(throws: ArtefactFailure.self) { try make(chunk: 1_023) }
        #expect(throws: ArtefactFailure.self) { try make(chunk: ArtefactLimits.chunkBytes + 1) }
        // So many chunks that a proof would not fit.
        #expect(throws: ArtefactFailure.self) { try make(bytes: ArtefactLimits.bytes, chunk: 1_024) }
    }

    @Test func onlyTheRightBytesAreAChunk() throws {
        let signed = try Samples.signed(1, count: 2_500)
        let manifest = signed.manifest
        #expect(manifest.chunkCount == 3 && manifest.range(of: 2) == 2_048..<2_500)
        for chunk in 0..<3 {
            let (bytes, proof) = Samples.chunk(chunk, of: signed)
            #expect(manifest.verifies(bytes, as: chunk, proof: proof))
            #expect(!manifest.verifies(bytes, as: (chunk + 1) % 3, proof: proof))
            #expect(!manifest.verifies(Array(bytes.dropLast()), as: chunk, proof: proof))
            #expect(!manifest.verifies(bytes + [0], as: chunk, proof: proof))
        }
    }
}
