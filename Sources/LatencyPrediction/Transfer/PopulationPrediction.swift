/// What is said of architectures of which nothing is known: no source measured them, and their names tell nothing.
///
/// They are like all others of the board: one latency for all, and a margin as wide as the board's architectures
/// differ. Those that sources measured count with what is predicted of them, those that the board measured itself with
/// their latency.
struct PopulationPrediction: Sendable {
    /// Of logarithmic latency.
    let mean: Double
    /// Half width of the 90 % interval.
    let width: Double

    /// - Parameters:
    ///   - predicted: logarithmic latencies of architectures that sources measured.
    ///   - measured: logarithmic latencies of architectures that nothing is known of.
    init(predicted: [FamilyFit.Expectation], measured: [Double]) {
        let values = predicted.map(\.mean) + measured
        let count = Double(max(values.count, 1))
        let mean = values.reduce(0, +) / count
        let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(count - 1, 1)
        let noise = predicted.reduce(0) { $0 + $1.variance } / count
        self.mean = mean
        width = MarginFactor.student95(max(count - 1, 1)) * ((square + noise) * (1 + 1 / count)).squareRoot()
    }
}
