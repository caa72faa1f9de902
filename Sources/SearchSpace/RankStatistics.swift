/// Statistics by rank: how well one quantity orders another, and what share lies below a value.
public enum RankStatistics {
    /// Ranks from 1 on; equal values share the mean of their ranks.
    public static func averageRanks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = Array(repeating: 0.0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
            for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
            start = end
        }
        return ranks
    }

    /// Spearman's rank correlation, -1...1; `nil` where it is not defined: fewer than two pairs, or all values of one
    /// side equal.
    /// - Precondition: both have the same count and no value is NaN.
    public static func spearman(_ first: [Double], _ second: [Double]) -> Double? {
        precondition(first.count == second.count, "a correlation needs pairs")
        precondition(!(first + second).contains { $0.isNaN }, "NaN has no rank")
        let (x, y) = (averageRanks(first), averageRanks(second))
        let mean = Double(x.count + 1) / 2
        var (covariance, varianceX, varianceY) = (0.0, 0.0, 0.0)
        for (a, b) in zip(x, y) {
            covariance += (a - mean) * (b - mean)
            varianceX += (a - mean) * (a - mean)
            varianceY += (b - mean) * (b - mean)
        }
        guard varianceX > 0, varianceY > 0 else { return nil }
        return covariance / (varianceX * varianceY).squareRoot()
    }

    /// The value below which the share `fraction` (0...1) lies, linear between neighbours (R's type 7); `nil` of
    /// nothing.
    public static func quantile(_ values: [Double], _ fraction: Double) -> Double? {
        precondition((0...1).contains(fraction), "a share is within 0...1")
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let place = fraction * Double(sorted.count - 1)
        let below = Int(place)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
    }

    public static func median(_ values: [Double]) -> Double? { quantile(values, 0.5) }
}
