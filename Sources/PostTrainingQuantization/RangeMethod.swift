import Graphs

/// How the range that 8 bits stand for is chosen from the values that occurred.
public enum RangeMethod: Equatable, Sendable {
    /// The least to the greatest value.
    case minmax
    /// As much of the values, in percent: half of the others may be below and half above.
    case percentile(Double)
    /// The range of the least mean square error after rounding.
    case meanSquareError

    /// What lost least on MobileNetV2 and ResNet-56.
    public static let standard = RangeMethod.percentile(99.99)

    /// - Returns: a range of positive width with zero in it; 0...1 where no value, or only zero, occurred.
    public func range(of histogram: ValueHistogram) -> ClosedRange<Float> {
        guard histogram.count > 0 else { return 0...1 }
        let whole = min(0, histogram.least)...max(0, histogram.greatest)
        let range: ClosedRange<Float>
        switch self {
        case .minmax: range = whole
        case .percentile(let percent): range = Self.percentile(percent, histogram).clamped(to: whole)
        case .meanSquareError: range = Self.leastError(histogram, whole)
        }
        return range.lowerBound < range.upperBound ? range : whole.lowerBound < whole.upperBound ? whole : 0...1
    }

    private static func percentile(_ percent: Double, _ histogram: ValueHistogram) -> ClosedRange<Float> {
        let outside = max(0, 1 - percent / 100) / 2 * Double(histogram.count)
        let bins = histogram.occupied
        func edge(_ bins: some Sequence<Int>) -> Int {
            var passed = 0.0
            for bin in bins {
                passed += Double(histogram.counts[bin])
                if passed > outside { return bin }
            }
            return ValueHistogram.half
        }
        let low = Double(edge(bins) - ValueHistogram.half) * histogram.width
        let high = Double(edge(bins.reversed()) + 1 - ValueHistogram.half) * histogram.width
        return Float(min(0, low))...Float(max(0, high))
    }

    // MARK: Least error

    /// Narrows the upper end, then the lower one, then the upper one again, in steps of a hundredth of the range.
    private static func leastError(_ histogram: ValueHistogram, _ whole: ClosedRange<Float>) -> ClosedRange<Float> {
        let points = histogram.occupied.filter { histogram.counts[$0] > 0 }
            .map { (value: histogram.middle($0), count: Double(histogram.counts[$0])) }
        var (low, high) = (Double(whole.lowerBound), Double(whole.upperBound))
        func best(_ end: Double, _ error: (Double) -> Double) -> Double {
            let candidates = (0..<90).map { end * (1 - Double($0) / 100) }
            return candidates.map { (end: $0, error: error($0)) }.min { $0.error < $1.error }?.end ?? end
        }
        for _ in 0..<2 {
            if whole.upperBound > 0 { high = best(Double(whole.upperBound)) { error(points, low, $0) } }
            if whole.lowerBound < 0 { low = best(Double(whole.lowerBound)) { error(points, $0, high) } }
        }
        return Float(low)...Float(high)
    }

    /// Sum of squared errors of the values after rounding to 256 steps between the ends.
    private static func error(_ points: [(value: Double, count: Double)], _ low: Double, _ high: Double) -> Double {
        let step = (high - low) / 255
        guard step > 0 else { return .infinity }
        var sum = 0.0
        for (value, count) in points {
            let excess = max(0, max(value - high, low - value))
            // Inside the range the error is spread evenly over a step.
            sum += count * (excess > 0 ? excess * excess : step * step / 12)
        }
        return sum
    }
}

extension Quantization {
    /// 256 steps over a range with zero in it, which stands for itself exactly.
    init(unsigned range: ClosedRange<Float>) {
        let scale = max((range.upperBound - range.lowerBound) / 255, .leastNormalMagnitude)
        let zero = (-range.lowerBound / scale).rounded(.toNearestOrEven)
        self.init(scale: scale, zeroPoint: Int(min(max(zero, 0), 255)), isSigned: false)
    }
}

extension RangeMethod: CustomStringConvertible {
    /// `minmax`, `percentile`, `percentile:99.9` or `mse`.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        switch parts[0] {
        case "minmax" where parts.count == 1: self = .minmax
        case "mse" where parts.count == 1: self = .meanSquareError
        case "percentile" where parts.count == 1: self = .standard
        case "percentile" where parts.count == 2:
            guard let percent = Double(parts[1]), percent > 50, percent <= 100 else { return nil }
            self = .percentile(percent)
        default: return nil
        }
    }

    public var description: String {
        switch self {
        case .minmax: "minmax"
        case .percentile(let percent): "percentile:\(percent)"
        case .meanSquareError: "mse"
        }
    }
}
