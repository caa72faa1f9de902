import AdminAPI
import FleetModel
import SearchReports
import SearchSpace
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
        #expect(row[1] == "queued" && row[2] == "0/2" && row[3] == "7")
    }

    @Test func whatWasRelaxedIsToldWithTheReason() throws {
        var record = search()
        record.points = [
            SearchPoint(
                constraint: 0,
                configuration: SubnetConfiguration(resolution: 28, depths: [2], kernelSizes: [3], expandRatios: [3]),
                predictedAccuracy: 0.5, predictedLatencyMilliseconds: 5.2, flops: 3, memoryBytes: 4, relaxedTo: 5.25,
                relaxedBecause: "no subnet takes less than 5.2 ms", generations: 1, evaluated: 2, candidates: [])
        ]
        let lines = SearchReport.lines(SearchView(search: record, generation: nil))
        #expect(lines.contains("relaxed      5.000 ms, 2.0 MFLOPs: no subnet takes less than 5.2 ms"))
        record.points[0].relaxedBecause = nil
        let silent = SearchReport.lines(SearchView(search: record, generation: nil))
        #expect(!silent.contains { $0.hasPrefix("relaxed") })
    }

    @Test func whatNoSubnetKeepsIsToldWithTheReason() {
        var record = search()
        record.outcome = SearchOutcome(
            softwareVersion: "1", seed: 1, inputs: [], engineVersion: nil, predictor: "p", predictorSpearman: nil,
            points: [], unmet: [.init(constraint: 1, reason: "why"), .init(constraint: 7, reason: "of another job")],
            evaluated: 1, accuracyEvaluations: 1)
        let lines = SearchReport.lines(SearchView(search: record, generation: nil))
        #expect(lines.filter { $0.hasPrefix("no subnet") } == ["no subnet    1.00 MiB: why"])
    }

    @Test func pointsThatWereLeftOutAreNamedAlsoWhereNoneIsPublished() {
        var record = search()
        record.state = .done
        var verification = SearchVerification(
            against: SearchVerification.boards, refusal: "no point keeps its constraint where it was measured")
        verification.leftOut = [.init(constraint: 1, reason: "too near")]
        record.verification = verification
        let lines = SearchReport.lines(SearchView(search: record, generation: nil))
        #expect(lines.contains("verified     no: no point keeps its constraint where it was measured"))
        #expect(lines.contains("left out     1.00 MiB: too near"))
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
