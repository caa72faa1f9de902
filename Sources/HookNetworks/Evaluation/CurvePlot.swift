/// Accuracy over latency as an SVG picture.
public struct CurvePlot: Sendable {
    public struct Series: Sendable {
        public var name: String
        /// Latency over that of the plain network, and top-1 in percent.
        public var points: [(latency: Double, top1: Double)]
        public var isLine: Bool

        public init(_ name: String, points: [(latency: Double, top1: Double)], isLine: Bool) {
            (self.name, self.points, self.isLine) = (name, points, isLine)
        }
    }

    public var title: String
    /// In percent.
    public var baseline: Double
    public var series: [Series]

    public init(title: String, baseline: Double, series: [Series]) {
        (self.title, self.baseline, self.series) = (title, baseline, series)
    }

    private static let size = (width: 640.0, height: 400.0)
    private static let inner = (left: 60.0, top: 40.0, right: 20.0, bottom: 50.0)
    private static let colours = ["#1f6feb", "#d1242f", "#1a7f37", "#9a6700"]

    public var svg: String {
        let all = series.flatMap(\.points) + [(1, baseline)]
        let (left, right) = Self.range(all.map(\.latency), step: 0.1)
        let (low, high) = Self.range(all.map(\.top1), step: 1)
        let (size, inner) = (Self.size, Self.inner)
        func x(_ value: Double) -> Double {
            inner.left + (value - left) / (right - left) * (size.width - inner.left - inner.right)
        }
        func y(_ value: Double) -> Double {
            size.height - inner.bottom - (value - low) / (high - low) * (size.height - inner.top - inner.bottom)
        }
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(size.width)) \(Int(size.height))\" "
                + "font-family=\"sans-serif\" font-size=\"12\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            Self.text(title, size.width / 2, 22, "middle"),
        ]
        for tick in Self.ticks(left, right) {
            lines.append(Self.line(x(tick), y(low), x(tick), y(high), "#ddd"))
            lines.append(Self.text(Self.number(tick, 2), x(tick), y(low) + 18, "middle"))
        }
        for tick in Self.ticks(low, high) {
            lines.append(Self.line(x(left), y(tick), x(right), y(tick), "#ddd"))
            lines.append(Self.text(Self.number(tick, 1), x(left) - 6, y(tick) + 4, "end"))
        }
        lines.append(Self.line(x(left), y(baseline), x(right), y(baseline), "#888", dash: "5 4"))
        lines.append(Self.text("latency over the plain network", size.width / 2, size.height - 12, "middle"))
        lines.append(Self.text("top-1 %", 8, 22, "start"))
        for (index, one) in series.enumerated() {
            let colour = Self.colours[index % Self.colours.count]
            let places = one.points.sorted { $0.latency < $1.latency }.map { (x($0.latency), y($0.top1)) }
            if one.isLine {
                let path = places.map { "\(Self.number($0.0, 1)),\(Self.number($0.1, 1))" }.joined(separator: " ")
                lines.append("<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>")
            }
            for (across, down) in places {
                lines.append(
                    "<circle cx=\"\(Self.number(across, 1))\" cy=\"\(Self.number(down, 1))\" r=\"3.5\" "
                        + "fill=\"\(colour)\"/>"
                )
            }
            let row = size.height - inner.bottom - 14 - 16 * Double(series.count - 1 - index)
            lines.append(
                "<circle cx=\"\(Int(size.width - 200))\" cy=\"\(Int(row - 4))\" r=\"4\" fill=\"\(colour)\"/>")
            lines.append(Self.text(one.name, size.width - 190, row, "start"))
        }
        return (lines + ["</svg>", ""]).joined(separator: "\n")
    }

    /// Whole steps around all values, never empty.
    private static func range(_ values: [Double], step: Double) -> (Double, Double) {
        let finite = values.filter(\.isFinite)
        let low = ((finite.min() ?? 0) / step).rounded(.down) * step
        let high = ((finite.max() ?? 1) / step).rounded(.up) * step
        return (low, max(high, low + step))
    }

    private static func ticks(_ low: Double, _ high: Double) -> [Double] {
        let count = 5
        return (0...count).map { low + (high - low) * Double($0) / Double(count) }
    }

    private static func text(_ text: String, _ x: Double, _ y: Double, _ anchor: String) -> String {
        let safe = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        return "<text x=\"\(number(x, 1))\" y=\"\(number(y, 1))\" text-anchor=\"\(anchor)\">\(safe)</text>"
    }

    private static func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String, dash: String = "none"
    ) -> String {
        "<line x1=\"\(number(x1, 1))\" y1=\"\(number(y1, 1))\" x2=\"\(number(x2, 1))\" y2=\"\(number(y2, 1))\" "
            + "stroke=\"\(colour)\" stroke-dasharray=\"\(dash)\"/>"
    }

    private static func number(_ value: Double, _ places: Int) -> String {
        let scale = places == 0 ? 1.0 : places == 1 ? 10.0 : 100.0
        return "\((value * scale).rounded() / scale)"
    }
}
