import AdminAPI
import SearchReports
import Testing

@Suite struct TransferReportTests {
    private func view(isUsed: Bool, sources: Int = 1, refusal: String? = nil) -> LatencyPredictorView {
        var view = LatencyPredictorView(
            name: "new/m", boardClass: "new", model: "m", boards: ["x"], engineVersions: ["1"], basis: "FLOPs")
        view.relativeMargin = 0.5
        view.transfer = LatencyTransferView(
            isUsed: isUsed, measured: 12, wanted: 20,
            sources: (0..<sources).map {
                .init(
                    boardClass: "old-\($0)", engineVersion: "2", boards: ["y", "z"], weight: 0.75, shared: 9,
                    measurements: 30, spread: $0 == 0 ? 0.031 : nil)
            }, relativeMargin: refusal == nil ? 0.08 : nil, statedCoverage: 0.9, checked: 8, within: 7,
            coverage: 0.875, spearman: 0.99, medianRelativeError: 0.02, refusal: refusal, checks: [])
        return view
    }

    @Test func whatIsUsedIsListed() {
        #expect(
            PredictorReport.row(view(isUsed: true)) == [
                "new/m", "1", "12", "8.0", "87.5", "0.990", "2.0", "its own measurements and old-0 0.75",
            ])
        #expect(PredictorReport.row(view(isUsed: false))[3] == "50.0")
        #expect(PredictorReport.row(view(isUsed: true, sources: 0)).last == "its own measurements")
    }

    @Test func provenanceIsDescribed() {
        let text = PredictorReport.lines(view(isUsed: true, sources: 2)).joined(separator: "\n")
        for part in [
            "used: 12 of 20 subnets", "old-0, engine 2: weight 0.75, strays 3.1 %, 30 subnets, 9 shared; boards y, z",
            "old-1, engine 2: weight 0.75, not compared yet",
            "margin       8.0 % of the middle subnet, stated to hold 90.0 %",
            "7 of 8 measurements", "median error 2.0 %",
        ] { #expect(text.contains(part), "\(part) in \(text)") }
        let nothing = PredictorReport.lines(view(isUsed: false, sources: 0, refusal: "few")).joined(separator: "\n")
        #expect(nothing.contains("not used yet") && nothing.contains("no other class") && nothing.contains("few"))
    }
}
