import AdminAPI
import FleetModel
import SearchReports
import Testing

@Suite struct SearchReportTests {
    private func search() -> SearchRecord {
        SearchRecord(
            job: SearchJob(
                name: "a", model: "m", boardClass: "c", processor: "cpu", space: "ofa-mbv3", accuracyPredictor: "/a",
                latencyTable: "/t",
                constraints: [.init(latencyMilliseconds: 5, flops: 2e6), .init(memoryBytes: 1_048_576)]),
            text: "", number: 1, submittedAtMilliseconds: 1)
    }

    @Test func constraintsWithoutAPointAreShown() {
        let rows = SearchReport.pointRows(search())
        #expect(rows.map { $0[0] } == ["5.000 ms, 2.0 MFLOPs", "1.00 MiB"])
        #expect(rows.allSatisfy { $0.count == SearchReport.pointHeader.count })
        let row = SearchReport.row(SearchView(search: search(), generation: 7))
        #expect(row.count == SearchReport.header.count)
        #expect(row[1] == "queued" && row[2] == "0/2" && row[3] == "7/100")
    }

    @Test func aFailureIsTold() {
        var record = search()
        record.state = .failed
        record.failure = "why"
        record.startedAtMilliseconds = 1_000
        record.finishedAtMilliseconds = 3_500
        let lines = SearchReport.lines(SearchView(search: record, generation: nil))
        #expect(lines.contains("failed       why"))
        #expect(lines.contains("took         2.50 s"))
    }
}
