/// How much a model's run times vary from one run to the next.
struct RunSpread: Sendable {
    /// Runs that count.
    private static let memory = 64.0
    /// A difference beyond this share says that somebody came or went, not how runs vary.
    private static let largest = 0.5
    /// Of the normal distribution: shares of runs, and standard deviations above the mean within which they lie. What
    /// is asked of all runs, none of which may be late, is asked of all but one in four thousand.
    private static let quantiles = [
        (0.5, 0), (0.75, 0.674), (0.9, 1.282), (0.95, 1.645), (0.975, 1.96), (0.99, 2.326), (0.995, 2.576),
        (0.999, 3.09), (1, 3.5),
    ]

    /// Mean square of the difference of a run and the next one, as a share of their mean: twice the variance (von
    /// Neumann 1941). A board that is slower from now on counts once, not for as long as a mean takes to follow.
    private var square = 0.0
    private var last = 0.0

    /// - Parameter slowdown: run time over that on the idle board, above 0.
    mutating func add(_ slowdown: Double) {
        defer { last = slowdown }
        guard last > 0 else { return }
        let change = 2 * (slowdown - last) / (slowdown + last)
        if abs(change) < Self.largest { square += (change * change - square) / Self.memory }
    }

    /// Standard deviation, as a share of the run time.
    var deviation: Double { (square / 2).squareRoot() }

    /// Standard deviations above the mean within which this share of runs lies, 0.5...1; 0 for less.
    static func deviations(within share: Double) -> Double {
        for ((low, start), (high, end)) in zip(quantiles, quantiles.dropFirst()) where share <= high {
            return start + (end - start) * max(0, share - low) / (high - low)
        }
        return 3.5
    }
}
