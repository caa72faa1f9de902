import Foundation
import Testing

@testable import HookNetworks

@Suite struct CurvePlotTests {
    @Test func isWellFormedAndHoldsEveryPoint() {
        let plot = CurvePlot(
            title: "a < b & c", baseline: 93,
            series: [
                .init("hooks", points: [(0.5, 92), (0.8, 93.1)], isLine: true),
                .init("plain", points: [(1, 93)], isLine: false),
            ])
        #expect(XMLDocumentCheck.isWellFormed(plot.svg))
        // Three points and two in the legend.
        #expect(plot.svg.matches(of: /<circle/).count == 5)
        #expect(plot.svg.contains("a &lt; b &amp; c"))
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
