/// Accuracy over latency as an SVG picture, a curve for each kind.
public struct CurvePlot: Sendable {
    public struct Series: Sendable {
        public var name: String
        /// Latency over that of the plain network, and top-1 in percent.
        public var points: [(latency: Double, top1: Double)]
        public var isLine: Bool
        /// Beside the points, where there is room; none, or one for each.
        public var labels: [String]

        public init(
            _ name: String, points: [(latency: Double, top1: Double)], isLine: Bool, labels: [String] = []
        ) {
            precondition(labels.isEmpty || labels.count == points.count, "\(labels.count) labels")
            (self.name, self.points, self.isLine, self.labels) = (name, points, isLine, labels)
        }
    }

    public var title: String
    /// In percent.
    public var baseline: Double
    public var series: [Series]

    public init(title: String, baseline: Double, series: [Series]) {
        (self.title, self.baseline, self.series) = (title, baseline, series)
    }

    public var svg: String {
        let all = series.flatMap(\.points) + [(1, baseline)]
        let (low, high) = (all.map(\.top1).min() ?? 0, all.map(\.top1).max() ?? 1)
        var picture = Picture(
            title: title, across: Picture.range(all.map(\.latency), step: 0.1),
            up: Picture.range([low, high], step: high - low < 2 ? 0.2 : 1),
            names: ("latency over the plain network", "top-1 %"))
        picture.level(baseline)
        for (index, one) in series.enumerated() {
            let colour = Picture.colours[index % Picture.colours.count]
            let points = one.points.sorted { $0.latency < $1.latency }.map { ($0.latency, $0.top1) }
            if one.isLine { picture.path(points, colour) }
            for point in points { picture.dot(point.0, point.1, colour) }
            for (point, label) in zip(one.points, one.labels) { picture.note(label, at: point.latency, point.top1) }
        }
        picture.legend(series.map(\.name))
        return picture.svg
    }
}

/// How often each decision is taken, as bars beside each other for every budget.
public struct SkipPlot: Sendable {
    public var title: String
    public var places: [String]
    /// By budget: its name, and the share of inputs, 0...1, for every place.
    public var budgets: [(name: String, ratios: [Double])]

    public init(title: String, places: [String], budgets: [(name: String, ratios: [Double])]) {
        (self.title, self.places, self.budgets) = (title, places, budgets)
    }

    public var svg: String {
        var picture = Picture(
            title: title, across: 0...Double(max(1, places.count)), up: 0...1,
            names: ("decision, by what it leaves out or who answers", "share of inputs"),
            width: min(1_600, max(560, 254 + 36 * Double(places.count))), bottom: 110, hasNumbersAcross: false)
        let width = 0.8 / Double(max(1, budgets.count))
        for (place, label) in places.enumerated() {
            for (index, budget) in budgets.enumerated() {
                let left = Double(place) + 0.1 + width * Double(index)
                picture.bar(
                    from: left, to: left + width, min(max(budget.ratios[place], 0), 1),
                    Picture.colours[index % Picture.colours.count])
            }
            picture.mark(Double(place) + 0.5, label)
        }
        picture.legend(budgets.map { "budget \($0.name)" })
        return picture.svg
    }
}
