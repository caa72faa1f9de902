/// How far an answer's confidence, its largest probability, lies from how often it is right: the expected calibration
/// error over fifteen bins of equal width (Guo et al. 2017).
public struct ConfidenceCalibration: Sendable {
    private static let binCount = 15
    private var bins = [(count: Double, confidence: Double, correct: Double)](
        repeating: (0, 0, 0), count: binCount)

    public init() {}

    /// - Parameter confidence: 0...1
    public mutating func add(_ confidence: Double, isCorrect: Bool) {
        let bin = min(Self.binCount - 1, max(0, Int(confidence * Double(Self.binCount))))
        bins[bin].count += 1
        bins[bin].confidence += confidence
        bins[bin].correct += isCorrect ? 1 : 0
    }

    /// 0...1; `nil` where nothing was added.
    public var error: Double? {
        let count = bins.reduce(0) { $0 + $1.count }
        return count == 0 ? nil : bins.reduce(0) { $0 + abs($1.correct - $1.confidence) } / count
    }
}
