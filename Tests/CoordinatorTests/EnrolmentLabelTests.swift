import AdminAPI
import FleetModel
import Foundation
import Messaging
import Testing

/// A real coordinator, real enrolments: a token says which labels a board must carry.
@Suite struct EnrolmentLabelTests {
    private let programs: RealPrograms

    init() throws { programs = try RealPrograms() }

    @Test(.timeLimit(.minutes(2)))
    func onlyABoardWithTheTokensLabelsEnrols() async throws {
        defer { programs.remove() }
        let process = try programs.coordinator()
        defer { process.terminate() }
        let client = try await programs.client()
        let file = programs.folder + "/bundle.json"
        try await programs.run([
            "board", "enrol", "--output", file, "--label", "site=north", "--label", "tier=edge",
        ])
        let bundle = try EnrolmentBundle.load(from: file)
        var board = BoardDescription(
            id: try #require(BoardID("edge-1")), boardClass: "test", labels: ["site": "south", "tier": "edge"],
            cores: 1, memoryBytes: 1 << 30, engineVersion: "1", models: [])
        let keys = try CurveKeyPair.generate()

        await #expect(
            throws: EnrolmentFailure.refused(
                "The token is for boards with other labels; this one does not carry site=north.")
        ) { try await Enrolment.enrol(bundle, keys: keys, board: board, timeout: .seconds(20)) }
        board.labels["site"] = "north"
        let name = try await Enrolment.enrol(bundle, keys: keys, board: board, timeout: .seconds(20))
        #expect(name == board.id)

        let token: TokenView = try await client.post(
            "v1/tokens", TokenRequest(uses: 1, validSeconds: 60, labels: ["site": "north"]))
        #expect(token.labels == ["site": "north"])
        let audit: [Entry] = try await client.get("v1/audit")
        let made = try #require(audit.first { $0.action == "enrolmentTokenCreated" }?.after)
        #expect(made.hasPrefix("good for 1 boards with site=north, tier=edge for 3600 s, as token "))
        // By whom it was let in, and with what; the refused attempt is no enrolment.
        let enrolled = audit.filter { $0.action == "boardEnrolled" }
        #expect(enrolled.map(\.target) == ["board edge-1"])
        #expect(enrolled.first.map { made.hasSuffix($0.actor) } == true)
        #expect(
            enrolled.first?.after == "key \(keys.publicKey.z85), class test, labels site=north, tier=edge")
        try await programs.run(["audit", "verify"])
    }

    @Test(.timeLimit(.minutes(2)))
    func labelsThatNoBoardCanCarryAreRefused() async throws {
        defer { programs.remove() }
        let process = try programs.coordinator()
        defer { process.terminate() }
        let client = try await programs.client()
        let long = String(repeating: "x", count: FleetLimits.labelBytes + 1)
        for labels in [["": "x"], ["x": long], ["x": "a\nb"]] {
            let failure = await #expect(throws: AdminFailure.self) {
                let _: TokenView = try await client.post(
                    "v1/tokens", TokenRequest(uses: 1, validSeconds: 60, labels: labels))
            }
            #expect(failure?.kind == .invalid)
        }
        let twice = ["board", "enrol", "--output", programs.folder + "/b.json", "--label", "a=1", "--label", "a=2"]
        #expect(try await programs.status(twice) != 0)
    }

    private struct Entry: Decodable {
        var action: String
        var actor: String
        var target: String
        var after: String?
    }
}
