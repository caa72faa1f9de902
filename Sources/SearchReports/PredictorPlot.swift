package import AdminAPI

/// Predicted against measured latency as a picture (SVG 1.1): one dot per architecture left out, the diagonal, and the
/// margin around it.
package struct PredictorPlot {
    private static let (side, left, bottom, top) = (480.0, 64.0, 48.0, 40.0)

    private let view: LatencyPredictorView
    /// Milliseconds at the ends of both axes.
    private let highest: Double

    /// `nil` for a predictor without samples.
    package init?(_ view: LatencyPredictorView) {
        guard let most = view.samples.flatMap({ [$0.measuredMilliseconds, $0.predictedMilliseconds] }).max(), most > 0
        else { return nil }
        self.view = view
        highest = Self.rounded(most * 1.05)
    }

    /// The next of 1, 2, 2.5 and 5 times a power of ten.
    private static func rounded(_ value: Double) -> Double {
        var unit = 1.0
        while unit > value { unit /= 10 }
        while unit * 10 <= value { unit *= 10 }
        return ([1, 2, 2.5, 5, 10].first { $0 * unit >= value } ?? 10) * unit
    }

    package var svg: String {
        let (width, height) = (Self.left + Self.side + 20, Self.top + Self.side + Self.bottom)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
            viewBox="0 0 \(width) \(height)" font-family="sans-serif" font-size="12">
            <title>\(Self.escaped(view.name))</title>
            <rect width="100%" height="100%" fill="white"/>
            \(margin)
            \(axes)
            \(dots)
            </svg>

            """
    }

    private func x(_ milliseconds: Double) -> String { number(Self.left + milliseconds / highest * Self.side, 2) }
    private func y(_ milliseconds: Double) -> String {
        number(Self.top + Self.side - milliseconds / highest * Self.side, 2)
    }

    private var margin: String {
        let share = view.relativeMargin ?? 0
        // Measured between predicted x (1 - share) and x (1 + share).
        let upper = highest / (1 + share)
        let lower = highest * max(0, 1 - share)
        return """
            <polygon points="\(x(0)),\(y(0)) \(x(upper)),\(y(highest)) \(x(highest)),\(y(highest)) \
            \(x(highest)),\(y(lower))" fill="#e8f0fa"/>
            <line x1="\(x(0))" y1="\(y(0))" x2="\(x(highest))" y2="\(y(highest))" stroke="#6a8fc0"/>
            """
    }

    private var axes: String {
        var lines = [
            "<rect x=\"\(x(0))\" y=\"\(y(highest))\" width=\"\(Self.side)\" height=\"\(Self.side)\" fill=\"none\""
                + " stroke=\"black\"/>",
            "<text x=\"\(x(0))\" y=\"20\">\(Self.escaped(view.name))</text>",
            "<text x=\"\(x(highest / 2))\" y=\"\(Self.top + Self.side + 40)\" text-anchor=\"middle\">"
                + "predicted, ms</text>",
            "<text x=\"14\" y=\"\(y(highest / 2))\" text-anchor=\"middle\" "
                + "transform=\"rotate(-90 14 \(y(highest / 2)))\">measured, ms</text>",
        ]
        for step in 0...4 {
            let value = highest * Double(step) / 4
            let label = number(value, highest < 1 ? 3 : highest < 20 ? 2 : 0)
            lines += [
                "<text x=\"\(x(value))\" y=\"\(Self.top + Self.side + 18)\" text-anchor=\"middle\">\(label)</text>",
                "<text x=\"\(Self.left - 6)\" y=\"\(y(value))\" text-anchor=\"end\">\(label)</text>",
            ]
        }
        return lines.joined(separator: "\n")
    }

    private var dots: String {
        view.samples.map {
            "<circle cx=\"\(x($0.predictedMilliseconds))\" cy=\"\(y($0.measuredMilliseconds))\" r=\"3\" "
                + "fill=\"\($0.isWithinMargin ? "#2a5ca0" : "#c03020")\"><title>\(Self.escaped($0.board)), "
                + "\(Self.escaped($0.subnet))</title></circle>"
        }.joined(separator: "\n")
    }

    private static func escaped(_ text: String) -> String {
        text.map { character in
            switch character {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            default: String(character)
            }
        }.joined()
    }
}
