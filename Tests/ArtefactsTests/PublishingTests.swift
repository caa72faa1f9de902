import FleetModel
import Testing

@testable import Artefacts

@Suite struct PublishingTests {
    private let keys = SigningKeys(signer: Samples.signer)
    private let second: UInt64 = 1_700_000_000

    private func board(_ name: String) throws -> BoardID { try #require(BoardID(name)) }

    private func publish(
        _ publication: Publication, by library: inout ArtefactLibrary<MemoryDisk>, after seconds: UInt64 = 0
    ) throws -> [UInt64] {
        let model = try #require(ModelName("m"))
        return try library.publish(
            .policy, [model: publication], atMilliseconds: (second + seconds) * 1_000
        ).map(\.manifest.version)
    }

    @Test func aContentIsSignedOnceAndEverybodys() throws {
        let disk = MemoryDisk()
        var library = try ArtefactLibrary(disk, keys: keys)
        let id = try Samples.id(.policy)
        #expect(try publish(Publication(everywhere: [1, 2]), by: &library) == [second])
        let generation = library.deployments.generation
        // Said again, also after a restart: nothing changes.
        library = try ArtefactLibrary(disk, keys: keys)
        #expect(try publish(Publication(everywhere: [1, 2]), by: &library, after: 9).isEmpty)
        #expect(library.deployments.generation == generation && library.deployments.everywhere == [id: second])
        #expect(library.artefacts[id]?.allSatisfy { $0.isSigned(by: keys.signer.key) } == true)
    }

    /// Also where the clock was set back.
    @Test func numbersRiseAndTwoVersionsStay() throws {
        var library = try ArtefactLibrary(MemoryDisk(), keys: keys)
        let id = try Samples.id(.policy)
        var versions: [UInt64] = []
        for content in UInt8(0)..<5 {
            versions += try publish(
                Publication(everywhere: [content]), by: &library, after: content < 3 ? UInt64(content) * 5 : 0)
        }
        #expect(versions == [second, second + 5, second + 10, second + 11, second + 12])
        #expect(library.artefacts[id]?.map(\.manifest.version) == Array(versions.suffix(2)))
        // What went before is that version again, and boards may go back to it.
        #expect(try publish(Publication(everywhere: [3]), by: &library) == [second + 11])
        let placement = library.deployments.placement(of: id, on: try board("b"))
        #expect(placement == Deployments.Placement(version: second + 11, mayDowngrade: true))
    }

    @Test func boardsThatTryOthersHaveTheirs() throws {
        var library = try ArtefactLibrary(MemoryDisk(), keys: keys)
        let id = try Samples.id(.policy)
        let (one, two, three) = (try board("one"), try board("two"), try board("three"))
        let publication = Publication(
            everywhere: [0], trials: [.init([1], boards: [one]), .init([2], boards: [two]), .init([3], boards: [])])
        _ = try publish(publication, by: &library)
        let versions = [one, two, three].map { library.deployments.placement(of: id, on: $0)?.version }
        #expect(versions == [second + 1, second + 2, second])
        // Trials of other kinds are others' business.
        let hooks = try Samples.id(.hookVersion)
        try library.deploy(library.deployments.trying(hooks, version: 7, on: [one]))
        _ = try publish(Publication(everywhere: [2]), by: &library)
        #expect(library.deployments.trials == [.init(hooks, version: 7, boards: [one])])
        #expect(
            library.deployments.placement(of: id, on: one)
                == Deployments.Placement(version: second + 2, mayDowngrade: false))
    }

    /// A power cut at any change leaves what was, or what is to be, and the next start ends it.
    @Test func itIsDoneAgainAfterACut() throws {
        let id = try Samples.id(.policy)
        for cut in 0..<12 {
            let disk = MemoryDisk(seed: UInt64(cut))
            var library = try ArtefactLibrary(disk, keys: keys)
            _ = try publish(Publication(everywhere: [0]), by: &library)
            disk.changesLeft = cut
            _ = try? publish(Publication(everywhere: [1]), by: &library, after: 3)
            library = try ArtefactLibrary(disk.reopened(), keys: keys)
            _ = try publish(Publication(everywhere: [1]), by: &library, after: 4)
            let version = try #require(library.deployments.everywhere[id], "cut \(cut)")
            let signed = try #require(library.signed(id, version: version), "cut \(cut)")
            #expect(signed.manifest.sum == ContentSum(of: [1]), "cut \(cut)")
        }
    }
}
