import AdminAPI
import FleetListings
import FleetModel
import Testing

@Suite struct FleetListingTests {
    private static func model(_ name: String) -> AssignmentView.Model {
        AssignmentView.Model(
            model: name, constraintMilliseconds: 25, percentile: 99, lowestPoint: 0, highestPoint: 3,
            preferredPoint: 2, priority: 10)
    }

    @Test func whatBoardsRunStandsBesideWhatIsOnTheirDisks() {
        func board(_ name: String, _ running: UInt64?) -> ArtefactView.Board {
            ArtefactView.Board(
                board: name, status: "waits for start", version: 2, previousVersion: 1, desiredVersion: 2,
                receivedBytes: 9, reason: nil, runningVersion: running)
        }
        let view = ArtefactView(
            kind: "model-package", name: "m", versions: [], deployedVersion: 2, generation: 3,
            boards: [board("a", 0), board("b", 1), board("old", nil)])
        let listing = FleetListing<ArtefactView>.holdings
        #expect(Array(listing.header[2...4]) == ["RUNNING", "ON DISK", "KEPT"])
        let rows = listing.rows(view).map { Array($0[2...4]) }
        #expect(rows == [["configured", "2", "1"], ["1", "2", "1"], ["-", "2", "1"]])
    }

    private static func marks(_ infeasible: [String]?) -> [String] {
        let view = AssignmentView(
            board: "b", generation: 2, reportedGeneration: 2, models: [model("classifier"), model("detector")],
            infeasible: infeasible)
        let listing = FleetListing<[AssignmentView]>.assignments
        let column = listing.header.firstIndex(of: "INFEASIBLE") ?? 0
        return listing.rows([view]).map { $0[column] }
    }

    /// Each model is marked with what concerns it; what concerns all of them marks all.
    @Test func assignmentsAreMarkedWhereTheyCannotBeMet() {
        #expect(Self.marks(nil) == ["-", "-"])
        #expect(Self.marks([]) == ["-", "-"])
        #expect(Self.marks(["model detector: its fastest point takes 4 ms, the constraint is 3 ms"]) == ["-", "1"])
        #expect(Self.marks(["model detector: x", "model classifier: y", "cpu: z"]) == ["2", "2"])
    }

    private static func board(quarantined: Bool, isDrained: Bool, reported: UInt64 = 4) -> BoardView {
        BoardView(
            name: "b", boardClass: "test", status: "connected", labels: [:], cores: 1, memoryBytes: 1,
            engineVersion: "1", lastSeenMilliseconds: 1, incarnation: 1, desiredGeneration: 4,
            reportedGeneration: reported, telemetryRecords: 0, telemetryGaps: 0, infeasible: [], refusedRecords: 0,
            models: [], quarantine: quarantined ? .init(reason: "r", sinceMilliseconds: 1) : nil,
            isDrained: isDrained)
    }

    /// Beside the connection: whether nothing is learned from the board, and whether it is left alone.
    @Test func statusOfABoardTellsQuarantineAndDrain() {
        let boards = [
            Self.board(quarantined: false, isDrained: false), Self.board(quarantined: true, isDrained: false),
            Self.board(quarantined: true, isDrained: true, reported: 3),
            Self.board(quarantined: false, isDrained: true),
        ]
        let listing = FleetListing<[BoardView]>.boards
        #expect(listing.header[1] == "STATUS")
        #expect(
            listing.rows(boards).map { $0[1] } == [
                "connected", "connected, quarantined", "connected, quarantined, draining", "connected, drained",
            ])
        #expect(boards[1].status == "connected")
    }
}
