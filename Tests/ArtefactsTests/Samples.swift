import FleetModel
import SearchSpace
import Testing

@testable import Artefacts

/// Artefacts with contents that follow from a seed.
enum Samples {
    static let signer = signer(1)

    static func signer(_ number: UInt8) -> ArtefactSigner {
        guard let signer = ArtefactSigner(secret: [UInt8](repeating: number, count: 32)) else {
            preconditionFailure("32 bytes are a secret")
        }
        return signer
    }

    static func id(_ kind: ArtefactKind = .hookVersion, _ name: String = "m") throws -> ArtefactID {
        ArtefactID(kind, try #require(ModelName(name)))
    }

    /// Bytes of a version: the same for the same version.
    static func content(_ version: UInt64, count: Int = 10_000) -> [UInt8] {
        var generator = SeededGenerator(seed: version)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    static func leaves(_ content: [UInt8], chunkBytes: Int = 1_024) -> [ContentSum] {
        stride(from: 0, to: content.count, by: chunkBytes).map {
            ChunkTree.leaf(Array(content[$0..<min($0 + chunkBytes, content.count)]))
        }
    }

    static func signed(
        _ version: UInt64, _ id: ArtefactID? = nil, count: Int = 10_000, by signer: ArtefactSigner = signer
    ) throws -> SignedManifest {
        let content = content(version, count: count)
        return try signer.sign(
            ArtefactManifest(
                id: try id ?? self.id(), version: version, byteCount: count, sum: ContentSum(of: content),
                chunkBytes: 1_024, chunkRoot: ChunkTree(leaves: leaves(content)).root,
                createdAtMilliseconds: 1_700_000_000_000))
    }

    static func chunk(_ chunk: Int, of signed: SignedManifest) -> (bytes: [UInt8], proof: [ContentSum]) {
        let content = content(signed.manifest.version, count: signed.manifest.byteCount)
        return (Array(content[signed.manifest.range(of: chunk)]), ChunkTree(leaves: leaves(content)).proof(of: chunk))
    }
}

/// Time that only tests move.
struct TestInstant: InstantProtocol {
    var sinceStart: Duration = .zero

    func advanced(by duration: Duration) -> TestInstant { TestInstant(sinceStart: sinceStart + duration) }
    func duration(to other: TestInstant) -> Duration { other.sinceStart - sinceStart }
    static func < (left: TestInstant, right: TestInstant) -> Bool { left.sinceStart < right.sinceStart }
    static func seconds(_ seconds: Double) -> TestInstant { TestInstant(sinceStart: .seconds(seconds)) }
}
