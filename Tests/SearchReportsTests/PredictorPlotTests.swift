import AdminAPI
import Foundation
import SearchReports
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct PredictorPlotTests {
    private func view(_ samples: [(Double, Double)]) -> LatencyPredictorView {
        var view = LatencyPredictorView(
            name: "a<b>&\"c\"/m", boardClass: "c", model: "m", boards: ["x"], engineVersions: ["1"], basis: "FLOPs")
        view.relativeMargin = 0.2
        view.samples = samples.map {
            .init(
                board: "x", subnet: "s & t", measuredMilliseconds: $0.0, predictedMilliseconds: $0.1,
                isWithinMargin: $0.0 < 5)
        }
        return view
    }

    /// The picture is well-formed whatever names hold, and has a dot for each sample within its frame.
    @Test func everySampleIsADotInTheFrame() throws {
        let plot = try #require(PredictorPlot(view([(1, 1.1), (4, 3.9), (7, 6)])))
        let dots = Dots()
        let parser = XMLParser(data: Data(plot.svg.utf8))
        parser.delegate = dots
        #expect(parser.parse())
        #expect(dots.places.count == 3)
        #expect(dots.places.allSatisfy { (64...544).contains($0.0) && (40...520).contains($0.1) })
        // More predicted is further right, more measured further up.
        #expect(dots.places[0].0 < dots.places[1].0 && dots.places[0].1 > dots.places[1].1)
        #expect(dots.title == "a<b>&\"c\"/m")
    }

    @Test func withoutSamplesThereIsNoPicture() { #expect(PredictorPlot(view([])) == nil) }

    private final class Dots: NSObject, XMLParserDelegate {
        var places: [(Double, Double)] = []
        var title = ""
        private var elements: [String] = []

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            elements.append(name)
            guard name == "circle", let x = Double(attributes["cx"] ?? ""), let y = Double(attributes["cy"] ?? "")
            else { return }
            places.append((x, y))
        }

        func parser(_ parser: XMLParser, foundCharacters text: String) {
            if elements == ["svg", "title"] { title += text }
        }

        func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
            elements.removeLast()
        }
    }
}
