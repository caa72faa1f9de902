import FleetModel

/// What all panels share: the seconds below them, and behind them when the board was slowed down.
extension ScenarioPlot {
    /// Seconds from one label to the next: 1, 2 or 5 times a power of ten, at most twelve times in the scenario.
    var labelDistance: Double {
        var power = 0.01
        while true {
            for step in [power, 2 * power, 5 * power] where scenario.seconds / step <= 12 { return step }
            power *= 10
        }
    }

    /// - Parameter bottom: of the last panel.
    func secondsAxis(bottom: Double) -> String {
        let top = Figure.text(bottom, places: 1)
        let below = Figure.text(bottom + 16, places: 1)
        let labels = (0...Int(scenario.seconds / labelDistance + 1e-9)).map { number in
            let seconds = Double(number) * labelDistance
            let at = Figure.text(x(seconds * 1_000), places: 1)
            return """
                <path d="M\(at) \(top)v5" stroke="#999"/>\
                <text x="\(at)" y="\(below)" text-anchor="middle">\(Figure.text(seconds)) s</text>

                """
        }
        return labels.joined()
    }

    /// Bands over all panels, with the factor by which runs take longer.
    func loadBands(bottom: Double) -> String {
        scenario.loads.map { load in
            let (start, end) = (x(load.startSeconds * 1_000), x(min(load.endSeconds, scenario.seconds) * 1_000))
            let factor = [load.slowdown, load.endSlowdown].map { Figure.text($0) }
            let text = factor[0] == factor[1] ? "x \(factor[0])" : "x \(factor[0]) to \(factor[1])"
            return """
                <rect x="\(Figure.text(start, places: 1))" y="20" width="\(Figure.text(end - start, places: 1))" \
                height="\(Figure.text(bottom - 20, places: 1))" fill="#000" fill-opacity="0.06"/>\
                <text x="\(Figure.text(start + 3, places: 1))" y="29" fill="#777">\(text)</text>

                """
        }.joined()
    }

    static let legend =
        "dots: latency of each frame, red below: dropped; black: active point; dashed: constraint; grey: load"
}
