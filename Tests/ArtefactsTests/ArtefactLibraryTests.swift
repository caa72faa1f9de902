import SearchSpace
import Testing

@testable import Artefacts

@Suite struct ArtefactLibraryTests {
    private static let upload = String(repeating: "0a", count: 16)
    private let keys = SigningKeys(signer: Samples.signer)

    private func open(_ disk: MemoryDisk, _ keys: SigningKeys? = nil) throws -> ArtefactLibrary<MemoryDisk> {
        try ArtefactLibrary(disk, keys: keys ?? self.keys)
    }

    private func add(
        _ version: UInt64, to library: inout ArtefactLibrary<MemoryDisk>, count: Int = 100_000
    ) throws -> SignedManifest {
        let content = Samples.content(version, count: count)
        for start in stride(from: 0, to: count, by: 30_000) {
            let piece = Array(content[start..<min(start + 30_000, count)])
            #expect(try library.received(piece, at: start, of: Self.upload) == start + piece.count)
        }
        return try library.add(
            upload: Self.upload, as: try Samples.id(), version: version, sum: ContentSum(of: content),
            atMilliseconds: 5)
    }

    @Test func whatIsAddedIsThereAfterARestartAndServed() throws {
        let disk = MemoryDisk()
        var library = try open(disk)
        let signed = try add(1, to: &library)
        #expect(signed.isSigned(by: keys.signer.key))
        var again = try open(disk)
        #expect(again.artefacts == library.artefacts && again.notes.isEmpty)
        var content: [UInt8] = []
        for chunk in 0..<signed.manifest.chunkCount {
            let (bytes, proof) = try #require(try again.chunk(chunk, of: signed.manifest.sum))
            #expect(signed.manifest.verifies(bytes, as: chunk, proof: proof))
            content += bytes
        }
        #expect(content == Samples.content(1, count: 100_000))
        #expect(try again.chunk(99, of: signed.manifest.sum) == nil)
        #expect(try again.chunk(0, of: ContentSum(of: [])) == nil)
    }

    @Test func aDamagedContentIsNotServed() throws {
        let disk = MemoryDisk()
        var library = try open(disk)
        let signed = try add(1, to: &library)
        disk.damage("c-\(signed.manifest.sum)", at: 50_000)
        var again = try open(disk)
        #expect(try again.chunk(0, of: signed.manifest.sum) == nil)
    }

    @Test func uploadsAreRefusedForWhatIsWrong() throws {
        var library = try open(MemoryDisk())
        #expect(throws: ArtefactFailure.self) { try library.received([1], at: 0, of: "../x") }
        #expect(throws: ArtefactFailure.self) { try library.received([1], at: -1, of: Self.upload) }
        #expect(throws: ArtefactFailure.self) {
            try library.received([UInt8](repeating: 0, count: (256 << 10) + 1), at: 0, of: Self.upload)
        }
        #expect(throws: ArtefactFailure.self) {
            try library.add(
                upload: Self.upload, as: Samples.id(), version: nil, sum: ContentSum(of: []), atMilliseconds: 1)
        }
        // A piece that was said twice, or comes too early, is not written.
        #expect(try library.received([1, 2], at: 0, of: Self.upload) == 2)
        #expect(try library.received([1, 2], at: 0, of: Self.upload) == 2)
        #expect(try library.received([4], at: 3, of: Self.upload) == 2)
        #expect(throws: ArtefactFailure.self) {
            try library.add(
                upload: Self.upload, as: Samples.id(), version: nil, sum: ContentSum(of: [9]), atMilliseconds: 1)
        }
        let made = try library.add(
            upload: Self.upload, as: Samples.id(), version: 4, sum: ContentSum(of: [1, 2]), atMilliseconds: 1)
        // The answer was lost, and it is asked again.
        _ = try library.received([1, 2], at: 0, of: Self.upload)
        #expect(
            try library.add(
                upload: Self.upload, as: Samples.id(), version: 4, sum: ContentSum(of: [1, 2]), atMilliseconds: 2)
                == made)
        #expect(throws: ArtefactFailure.self) {
            try library.add(
                upload: Self.upload, as: Samples.id(), version: 3, sum: ContentSum(of: [1, 2]), atMilliseconds: 2)
        }
    }

    /// Cut off at every change of the disk: what is spoken of afterwards is whole.
    @Test func everyMomentIsAGoodOneToBeKilledAt() throws {
        func live(_ disk: MemoryDisk) throws -> ArtefactLibrary<MemoryDisk> {
            var library = try open(disk)
            for version in UInt64(1)...2 {
                if library.signed(try Samples.id(), version: version) == nil {
                    _ = try add(version, to: &library, count: 3_000)
                }
                guard library.deployments.everywhere[try Samples.id()] ?? 0 < version else { continue }
                try library.deploy(library.deployments.deploying(try Samples.id(), version: version))
            }
            return library
        }
        let whole = MemoryDisk()
        let expected = try live(whole)
        for cut in 0..<whole.changes {
            let disk = MemoryDisk(seed: UInt64(cut))
            disk.changesLeft = cut
            #expect(throws: DiskFailure.self) { try live(disk) }
            let again = disk.reopened()
            for list in try open(again).artefacts.values {
                for signed in list {
                    #expect(try again.sum(of: "c-\(signed.manifest.sum)") == signed.manifest.sum, "cut \(cut)")
                }
            }
            let library = try live(again)
            #expect(library.artefacts == expected.artefacts, "cut \(cut)")
            #expect(library.deployments == expected.deployments, "cut \(cut)")
        }
    }

    /// The new keys are lasting before anything is signed by them; the rest follows, whenever it is cut off.
    @Test func aChangeOfTheKeyIsFinishedAfterACut() throws {
        let next = try keys.rotated(to: Samples.signer(2))
        for cut in 0..<7 {
            let disk = MemoryDisk(seed: UInt64(cut))
            var library = try open(disk)
            for version in UInt64(1)...4 { _ = try add(version, to: &library, count: 2_000) }
            disk.changesLeft = cut
            try? library.rotate(to: next)
            let again = disk.reopened()
            let after = try open(again, next)
            #expect(after.artefacts.values.joined().count == 4 && after.notes.isEmpty)
            #expect(after.artefacts.values.joined().allSatisfy { $0.isSigned(by: next.signer.key) }, "cut \(cut)")
            #expect(after.deployments.generation > 0, "cut \(cut)")
        }
    }

    @Test func onlyWhatIsNotDeployedCanBeRemoved() throws {
        let disk = MemoryDisk()
        var library = try open(disk)
        let (first, second) = (try add(1, to: &library), try add(2, to: &library))
        try library.deploy(library.deployments.deploying(try Samples.id(), version: 2))
        #expect(throws: ArtefactFailure.self) { try library.remove(Samples.id(), version: 2) }
        #expect(throws: ArtefactFailure.self) { try library.remove(Samples.id(), version: 9) }
        try library.remove(try Samples.id(), version: 1)
        #expect(try disk.size(of: "c-\(first.manifest.sum)") == nil)
        #expect(try disk.size(of: "c-\(second.manifest.sum)") != nil)
        #expect(try open(disk).artefacts == library.artefacts)
    }

    /// Somebody who writes to the folder cannot sign.
    @Test func aManifestOfAnotherKeyIsLeftOut() throws {
        let disk = MemoryDisk()
        var library = try open(disk)
        let signed = try add(1, to: &library)
        let forged = try Samples.signer(9).sign(signed.manifest)
        try disk.replace("m-\(ContentSum(of: signed.manifest.canonical))", with: forged.bytes)
        let again = try open(disk)
        #expect(again.artefacts.isEmpty && again.notes.count == 1)
    }
}
