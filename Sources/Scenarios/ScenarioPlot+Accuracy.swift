import FleetModel

/// A model's accuracy over time: of the frames completed in each half second the mean of what their points are known to
/// reach, as `ScenarioReport.Result.accuracy` counts it.
extension ScenarioPlot {
    static let accuracyHeight = 52.0
    private static let windowMilliseconds = 500.0

    /// Windows with frames, in order: where each lies, milliseconds, and its accuracy, 0...1.
    func accuracies(of index: Int, _ frames: [RunTrace.Frame]) -> [(start: Double, accuracy: Double)] {
        let points = scenario.models[index].points
        var sums: [Int: (sum: Double, count: Int)] = [:]
        for frame in frames {
            let window = Int((frame.arrival + frame.latency) / Self.windowMilliseconds)
            let before = sums[window] ?? (0, 0)
            sums[window] = (before.sum + points[frame.point].accuracy, before.count + 1)
        }
        return sums.sorted { $0.key < $1.key }.map {
            (Double($0.key) * Self.windowMilliseconds, $0.value.sum / Double($0.value.count))
        }
    }

    func accuracyStrip(of index: Int, _ frames: [RunTrace.Frame], colour: String, top: Double) -> String {
        let model = scenario.models[index]
        let values = model.points.map(\.accuracy) + (model.accuracyFloor.map { [$0] } ?? [])
        guard let lowest = values.min(), let highest = values.max() else { return "" }
        let bottom = top + Self.accuracyHeight
        // One point alone has a line in the middle.
        let (base, span) = highest > lowest ? (lowest, highest - lowest) : (lowest - 0.5, 1)
        func y(_ accuracy: Double) -> String {
            Figure.text(bottom - (accuracy - base) / span * Self.accuracyHeight, places: 1)
        }
        var curve = ""
        var end = -Double.infinity
        for window in accuracies(of: index, frames) {
            // A model that is away leaves a gap.
            curve +=
                "\(window.start == end ? "V" : "M\(Figure.text(x(window.start), places: 1)) ")\(y(window.accuracy))"
            end = window.start + Self.windowMilliseconds
            curve += "H\(Figure.text(x(min(end, scenario.seconds * 1_000)), places: 1))"
        }
        let right = Figure.text(Self.width - 68)
        let floor = model.accuracyFloor.map {
            "<path d=\"M\(Self.left) \(y($0))H\(right)\" stroke=\"#c00\" stroke-dasharray=\"2 3\"/>"
        }
        return """
            <path d="M\(Self.left) \(Figure.text(bottom, places: 1))H\(right)" stroke="#ccc"/>
            <path d="M\(Self.left) \(Figure.text(top, places: 1))H\(right)" stroke="#eee"/>
            <text x="4" y="\(Figure.text(top + 6, places: 1))">\(Figure.text(100 * (base + span), places: 1)) %</text>
            <text x="4" y="\(Figure.text(bottom + 2, places: 1))">\(Figure.text(100 * base, places: 1)) %</text>
            <text x="\(right)" y="\(Figure.text(top + Self.accuracyHeight / 2, places: 1))"> accuracy</text>
            \(floor ?? "")<path d="\(curve)" stroke="\(colour)" stroke-width="1.6" fill="none"/>
            """
    }
}
