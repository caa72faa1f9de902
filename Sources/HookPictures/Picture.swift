/// A plot area with axes, a grid and a legend to its right, as SVG.
struct Picture {
    static let colours = [
        "#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#bf3989", "#0a7ea4", "#57606a",
    ]
    private static let inner = (left: 64.0, top: 44.0, right: 190.0)
    private static let height = 420.0

    let width: Double
    private let bottom: Double
    private let across: ClosedRange<Double>
    private let up: ClosedRange<Double>
    private var elements: [String]
    private var notes: [(x: Double, y: Double)] = []

    /// - Parameter bottom: room below the plot area, for labels.
    init(
        title: String, across: ClosedRange<Double>, up: ClosedRange<Double>, names: (across: String, up: String),
        width: Double = 720, bottom: Double = 56, hasNumbersAcross: Bool = true
    ) {
        (self.width, self.bottom, self.across, self.up) = (width, bottom, across, up)
        elements = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(width)) \(Int(Self.height))\" "
                + "font-family=\"sans-serif\" font-size=\"12\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
        ]
        text(title, Self.inner.left, 24, "start", size: 14)
        let centre = (y(up.lowerBound) + y(up.upperBound)) / 2
        text(names.up, 18, centre, "middle", turned: -90)
        text(names.across, (x(across.lowerBound) + x(across.upperBound)) / 2, Self.height - 10, "middle")
        for tick in Self.ticks(up) {
            line(x(across.lowerBound), y(tick), x(across.upperBound), y(tick), "#e4e4e4")
            text(Self.label(tick, in: up), Self.inner.left - 6, y(tick) + 4, "end")
        }
        for tick in hasNumbersAcross ? Self.ticks(across) : [] {
            line(x(tick), y(up.lowerBound), x(tick), y(up.upperBound), "#e4e4e4")
            text(Self.label(tick, in: across), x(tick), y(up.lowerBound) + 18, "middle")
        }
        line(x(across.lowerBound), y(up.lowerBound), x(across.upperBound), y(up.lowerBound), "#333")
        line(x(across.lowerBound), y(up.lowerBound), x(across.lowerBound), y(up.upperBound), "#333")
    }

    var svg: String { (elements + ["</svg>", ""]).joined(separator: "\n") }

    func x(_ value: Double) -> Double {
        Self.inner.left + (value - across.lowerBound) / (across.upperBound - across.lowerBound)
            * (width - Self.inner.left - Self.inner.right)
    }

    func y(_ value: Double) -> Double {
        Self.height - bottom - (value - up.lowerBound) / (up.upperBound - up.lowerBound)
            * (Self.height - Self.inner.top - bottom)
    }

    // MARK: Marks

    mutating func dot(_ across: Double, _ up: Double, _ colour: String) {
        elements.append(
            "<circle cx=\"\(Self.number(x(across)))\" cy=\"\(Self.number(y(up)))\" r=\"3.5\" fill=\"\(colour)\"/>")
    }

    /// Below and right of a point; left out where it would lie on another one.
    mutating func note(_ label: String, at across: Double, _ up: Double) {
        let (left, base) = (x(across) + 6, y(up) + 13)
        guard !notes.contains(where: { abs($0.x - left) < 34 && abs($0.y - base) < 11 }) else { return }
        notes.append((left, base))
        text(label, left, base, "start", size: 10)
    }

    mutating func path(_ points: [(Double, Double)], _ colour: String) {
        let path = points.map { "\(Self.number(x($0.0))),\(Self.number(y($0.1)))" }.joined(separator: " ")
        elements.append("<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>")
    }

    mutating func level(_ value: Double) {
        line(x(across.lowerBound), y(value), x(across.upperBound), y(value), "#888", dash: "5 4")
    }

    /// A bar from the axis up.
    mutating func bar(from left: Double, to right: Double, _ value: Double, _ colour: String) {
        let (top, base) = (y(value), y(up.lowerBound))
        elements.append(
            "<rect x=\"\(Self.number(x(left)))\" y=\"\(Self.number(top))\" "
                + "width=\"\(Self.number(x(right) - x(left)))\" height=\"\(Self.number(base - top))\" "
                + "fill=\"\(colour)\"/>")
    }

    /// A label below the axis, turned so that neighbours do not overlap.
    mutating func mark(_ value: Double, _ label: String) {
        text(label, x(value) + 4, y(up.lowerBound) + 14, "end", turned: -45)
    }

    mutating func legend(_ names: [String]) {
        for (index, name) in names.enumerated() {
            let (left, row) = (width - Self.inner.right + 16, Self.inner.top + 10 + 20 * Double(index))
            let colour = Self.colours[index % Self.colours.count]
            elements.append(
                "<rect x=\"\(Self.number(left))\" y=\"\(Self.number(row - 9))\" width=\"10\" height=\"10\" "
                    + "fill=\"\(colour)\"/>")
            text(name, left + 16, row, "start")
        }
    }

    private mutating func text(
        _ text: String, _ x: Double, _ y: Double, _ anchor: String, size: Int = 12, turned degrees: Int = 0
    ) {
        let safe = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
        let turn = degrees == 0 ? "" : " transform=\"rotate(\(degrees) \(Self.number(x)) \(Self.number(y)))\""
        elements.append(
            "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" text-anchor=\"\(anchor)\" font-size=\"\(size)\""
                + "\(turn)>\(safe)</text>")
    }

    private mutating func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String, dash: String = "none"
    ) {
        elements.append(
            "<line x1=\"\(Self.number(x1))\" y1=\"\(Self.number(y1))\" x2=\"\(Self.number(x2))\" "
                + "y2=\"\(Self.number(y2))\" stroke=\"\(colour)\" stroke-dasharray=\"\(dash)\"/>")
    }

    // MARK: Numbers

    /// Whole steps around all finite values, never empty.
    static func range(_ values: [Double], step: Double) -> ClosedRange<Double> {
        let finite = values.filter(\.isFinite)
        let low = ((finite.min() ?? 0) / step).rounded(.down) * step
        let high = ((finite.max() ?? 1) / step).rounded(.up) * step
        return low...max(high, low + step)
    }

    /// 1, 2 or 5 times a power of ten, so that there are four to ten steps.
    private static func step(_ range: ClosedRange<Double>) -> Double {
        let rough = (range.upperBound - range.lowerBound) / 4
        var power = 1.0
        while power > rough { power /= 10 }
        while power * 10 <= rough { power *= 10 }
        return power * (rough >= 5 * power ? 5 : rough >= 2 * power ? 2 : 1)
    }

    private static func ticks(_ range: ClosedRange<Double>) -> [Double] {
        let step = step(range)
        let (first, last) = ((range.lowerBound / step).rounded(.up), (range.upperBound / step + 1e-9).rounded(.down))
        return last < first ? [] : (Int(first)...Int(last)).map { Double($0) * step }
    }

    private static func label(_ value: Double, in range: ClosedRange<Double>) -> String {
        let places = step(range) >= 1 ? 1.0 : step(range) >= 0.1 ? 10.0 : step(range) >= 0.01 ? 100 : 1_000
        let rounded = (value * places).rounded() / places
        return places == 1 ? "\(Int(rounded))" : "\(rounded)"
    }

    static func number(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
