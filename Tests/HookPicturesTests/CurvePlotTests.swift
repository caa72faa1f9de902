import Foundation
import Testing

@testable import HookPictures

@Suite struct CurvePlotTests {
    @Test func isWellFormedAndHoldsEveryPoint() {
        let plot = CurvePlot(
            title: "a < b & c", baseline: 93,
            series: [
                .init("hooks", points: [(0.5, 92), (0.8, 93.1)], isLine: true),
                .init("plain", points: [(1, 93)], isLine: false),
            ])
        #expect(XMLDocumentCheck.isWellFormed(plot.svg))
        #expect(plot.svg.matches(of: /<circle/).count == 3)
        #expect(plot.svg.contains("a &lt; b &amp; c") && plot.svg.contains(">hooks</text>"))
        #expect(plot.svg.contains(">top-1 %</text>") && plot.svg.contains(">latency over the plain network</text>"))
        expectWithin(plot.svg, width: 720, height: 420)
    }

    /// Where latency is half the plain network's, the point is left of the middle, and above where accuracy is higher.
    @Test func pointsLieWhereTheirValuesAre() throws {
        let plot = CurvePlot(
            title: "t", baseline: 90, series: [.init("hooks", points: [(0.2, 88), (0.8, 92)], isLine: true)])
        let places = plot.svg.matches(of: /<circle cx="([0-9.]+)" cy="([0-9.]+)"/).compactMap { match in
            Double(match.output.1).flatMap { x in Double(match.output.2).map { (x, $0) } }
        }
        #expect(places.count == 2 && places[0].0 < places[1].0 && places[0].1 > places[1].1, "\(places)")
        let line = try #require(plot.svg.firstMatch(of: /y1="([0-9.]+)"[^>]*stroke-dasharray="5 4"/))
        let level = try #require(Double(line.output.1))
        #expect(places[0].1 > level && level > places[1].1, "the plain network's accuracy lies between")
    }

    /// A label that would lie on another one is left out.
    @Test func labelsStandBesideTheirPoints() {
        let plot = CurvePlot(
            title: "t", baseline: 90,
            series: [
                .init(
                    "hooks", points: [(0.2, 88), (0.21, 88.01), (0.8, 92)], isLine: true,
                    labels: ["0.3", "0.25", "0.1"])
            ])
        #expect(plot.svg.contains(">0.3</text>") && plot.svg.contains(">0.1</text>") && !plot.svg.contains(">0.25<"))
        #expect(plot.svg.matches(of: /font-size="10"/).count == 2)
        expectWithin(plot.svg, width: 720, height: 420)
    }

    @Test func barsAreAsHighAsTheirShares() throws {
        let plot = SkipPlot(
            title: "t", places: ["skip 1-2", "skip 3", "exit at 5"],
            budgets: [("0.1", [0.5, 0, 1]), ("0.2", [1, 0.25, 1])])
        #expect(XMLDocumentCheck.isWellFormed(plot.svg))
        let bars = plot.svg.matches(of: /<rect x="([0-9.]+)" y="([0-9.]+)" width="([0-9.]+)" height="([0-9.]+)"/)
            .compactMap { Double($0.output.4) }.filter { $0 != 10 }
        #expect(bars.count == 6)
        for (height, share) in zip(bars, [0.5, 1, 0, 0.25, 1, 1]) { #expect(abs(height / bars[1] - share) < 0.01) }
        for name in ["skip 1-2", "exit at 5", "budget 0.2", "share of inputs"] {
            #expect(plot.svg.contains(">\(name)</text>"), "\(name)")
        }
        expectWithin(plot.svg, width: 720, height: 420)
    }

    private func expectWithin(_ svg: String, width: Double, height: Double) {
        let places = svg.matches(of: /<(?:circle c|text |rect )x="([0-9.-]+)" c?y="([0-9.-]+)"/)
        #expect(!places.isEmpty)
        for place in places {
            let (x, y) = (Double(place.output.1) ?? -1, Double(place.output.2) ?? -1)
            #expect(0...width ~= x && 0...height ~= y, "\(place.output.0)")
        }
    }
}

/// Tags that open and close in order.
private enum XMLDocumentCheck {
    static func isWellFormed(_ text: String) -> Bool {
        var open: [Substring] = []
        for tag in text.matches(of: /<(\/?)([a-z]+)[^>]*?(\/?)>/) {
            if !tag.output.3.isEmpty { continue }
            if tag.output.1.isEmpty {
                open.append(tag.output.2)
            } else if open.popLast() != tag.output.2 {
                return false
            }
        }
        return open.isEmpty
    }
}
