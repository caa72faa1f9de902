import FleetModel
import Testing

@testable import Artefacts

@Suite struct DeploymentsTests {
    @Test func generationsRiseAndBytesComeBack() throws {
        let (id, other) = (try Samples.id(), try Samples.id(.modelPackage, "n"))
        let boards = Set(["a", "b"].compactMap(BoardID.init))
        var deployments = Deployments()
        var generation: UInt64 = 0
        for change in [
            { $0.deploying(id, version: 2) }, { $0.deploying(other, version: 1) },
            { $0.trying(id, version: 3, on: boards) }, { $0.withdrawing(other) }, { $0.above(40) },
        ] as [(Deployments) -> Deployments] {
            deployments = change(deployments)
            #expect(deployments.generation > generation)
            generation = deployments.generation
            #expect(try Deployments(bytes: deployments.bytes) == deployments)
        }
        #expect(generation == 41)
        let bytes = deployments.bytes
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 1
            #expect(throws: ArtefactFailure.self) { try Deployments(bytes: changed) }
        }
    }

    /// Boards that were away still have a later version, whatever was deployed since.
    @Test func whoHasALaterVersionMayStepBack() throws {
        let id = try Samples.id()
        let board = try #require(BoardID("a"))
        func placement(_ deployments: Deployments) -> Deployments.Placement? {
            deployments.placement(of: id, on: board)
        }
        var deployments = Deployments()
        #expect(placement(deployments) == nil)
        for (version, mayDowngrade) in [(5, false), (3, true), (3, true), (4, true), (5, false), (6, false)] {
            deployments = deployments.deploying(id, version: UInt64(version))
            #expect(
                placement(deployments) == .init(version: UInt64(version), mayDowngrade: mayDowngrade), "\(version)")
        }
        deployments = deployments.withdrawing(id).deploying(id, version: 2)
        #expect(placement(deployments)?.mayDowngrade == true)
    }

    @Test func boardsOnTrialHaveTheirOwnAndComeBack() throws {
        let id = try Samples.id()
        let (first, second) = (try #require(BoardID("a")), try #require(BoardID("b")))
        var deployments = Deployments().deploying(id, version: 5).trying(id, version: 6, on: [first])
        #expect(deployments.placement(of: id, on: first)?.version == 6)
        #expect(deployments.placement(of: id, on: second)?.version == 5)
        deployments = deployments.trying(id, version: 6, on: [])
        #expect(deployments.placement(of: id, on: first) == .init(version: 5, mayDowngrade: true))
    }
}
