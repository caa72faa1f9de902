/// How far predicted damages lie from those measured.
///
/// The expected calibration error over bins of as many predictions each: the mean over bins of the distance between
/// mean predicted and mean measured damage (Guo et al. 2017; bins of equal counts, Nixon et al. 2019, for most
/// predictions lie close to 0). Equal predictions share a bin. The Brier score: the mean squared difference (Brier
/// 1950), which a gate also lowers by telling inputs apart.
public struct PredictionCalibration: Equatable, Sendable {
    public static let binCount = 15

    private var pairs: [(prediction: Float, damage: Float)] = []

    public init() {}

    public static func == (one: Self, other: Self) -> Bool {
        one.pairs.elementsEqual(other.pairs) { $0 == $1 }
    }

    /// - Parameters: both 0...1.
    public mutating func add(prediction: Float, damage: Float) { pairs.append((prediction, damage)) }

    public var count: Int { pairs.count }

    /// 0...1; `nil` without predictions.
    public var error: Double? {
        guard !pairs.isEmpty else { return nil }
        let sorted = pairs.sorted { $0.prediction < $1.prediction }
        var (sum, start) = (0.0, 0)
        for bin in 1...Self.binCount {
            var end = max(start, bin * sorted.count / Self.binCount)
            while end > start, end < sorted.count, sorted[end].prediction == sorted[end - 1].prediction { end += 1 }
            sum += abs(sorted[start..<end].reduce(0) { $0 + Double($1.prediction) - Double($1.damage) })
            start = end
        }
        return sum / Double(sorted.count)
    }

    /// 0...1; `nil` without predictions.
    public var brierScore: Double? {
        guard !pairs.isEmpty else { return nil }
        let sum = pairs.reduce(0.0) { sum, pair in
            let difference = Double(pair.prediction) - Double(pair.damage)
            return sum + difference * difference
        }
        return sum / Double(pairs.count)
    }

    /// `nil` without predictions.
    public var meanPrediction: Double? {
        pairs.isEmpty ? nil : pairs.reduce(0) { $0 + Double($1.prediction) } / Double(pairs.count)
    }
}
