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
}
