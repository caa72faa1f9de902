import FleetModel

/// A run over time as SVG: per model latency against its constraint and the active point, and below them the accuracy.
struct ScenarioPlot {
    static let width = 960.0
    private static let height = 240.0
    /// Of it, what latency and point take.
    private static let latencyHeight = 140.0
    static let left = 60.0
    private static let colours = ["#1b6ca8", "#b5482a", "#3a7d44", "#6d4c9f", "#8a6d1d", "#33717a"]

    let scenario: Scenario
    let trace: RunTrace
    private let title: String

    init(_ scenario: Scenario, _ trace: RunTrace, title: String) {
        (self.scenario, self.trace, self.title) = (scenario, trace, title)
    }

    var svg: String {
        let rows = scenario.models.indices.map(panel).joined()
        let bottom = Self.height * Double(scenario.models.count) + 10
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(Int(Self.width))" height="\(Int(bottom + 26))" \
            font-family="sans-serif" font-size="11">
            <rect width="100%" height="100%" fill="white"/>
            <text x="\(Int(Self.left))" y="16" font-size="13">\(Self.escaped(title))</text>
            <text x="\(Int(Self.width) - 68)" y="16" text-anchor="end" fill="#555">\(Self.legend)</text>
            \(loadBands(bottom: bottom))\(rows)\(secondsAxis(bottom: bottom))</svg>

            """
    }

    func x(_ milliseconds: Double) -> Double {
        Self.left + milliseconds / (scenario.seconds * 1_000) * (Self.width - Self.left - 70)
    }

    private func panel(_ index: Int) -> String {
        let model = scenario.models[index]
        let colour = Self.colours[index % Self.colours.count]
        let (top, bottom) = (30 + Self.height * Double(index), 30 + Self.height * Double(index) + Self.latencyHeight)
        let highest = 1.5 * model.constraintMilliseconds
        func y(_ latency: Double) -> String {
            Figure.text(bottom - min(latency, highest) / highest * (bottom - top), places: 1)
        }
        let frames = trace.frames.filter { $0.model == index }
        var dots = ""
        for frame in frames {
            let at = Figure.text(x(frame.arrival), places: 1)
            dots += "M\(at) \(y(frame.latency))h1 "
        }
        var steps = ""
        let levels = Double(max(1, model.points.count - 1))
        for frame in frames {
            let level = bottom - Double(frame.point) / levels * (bottom - top) * 0.96
            let at = Figure.text(x(frame.arrival), places: 1)
            steps +=
                steps.isEmpty ? "M\(at) \(Figure.text(level, places: 1))" : "H\(at)V\(Figure.text(level, places: 1))"
        }
        let right = Figure.text(Self.width - 68)
        let constraint = y(model.constraintMilliseconds)
        return """
            <g><path d="M\(Self.left) \(bottom)H\(right)" stroke="#999"/>
            <path d="M\(Self.left) \(constraint)H\(right)" stroke="#c00" stroke-dasharray="5 3"/>
            <text x="4" y="\(constraint)" fill="#c00">\(Figure.text(model.constraintMilliseconds)) ms</text>
            <text x="4" y="\(Figure.text(top + 10))" fill="\(colour)">\(Self.escaped(model.name))</text>
            <text x="\(right)" y="\(Figure.text(top + 10))"> point \(model.points.count - 1)</text>
            <text x="\(right)" y="\(Figure.text(bottom))"> point 0</text>
            <path d="\(dots)" stroke="\(colour)" stroke-width="1.6"/>
            <path d="\(steps)" stroke="black" stroke-width="0.8" fill="none"/>
            \(dropStrip(of: index, top: bottom))
            \(accuracyStrip(of: index, frames, colour: colour, top: bottom + 18))</g>

            """
    }

    /// Frames that never ran, each when it had arrived: between latency and accuracy, where no point's line runs.
    /// - Parameter top: where the latencies end.
    private func dropStrip(of index: Int, top: Double) -> String {
        let times = trace.drops[index]
        guard !times.isEmpty else { return "" }
        let marks = times.map { "M\(Figure.text(x($0), places: 1)) \(Figure.text(top + 5, places: 1))v8 " }.joined()
        return """
            <path d="\(marks)" stroke="#c00"/>\
            <text x="\(Figure.text(Self.width - 68))" y="\(Figure.text(top + 13))" fill="#c00"> dropped</text>
            """
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }
}
