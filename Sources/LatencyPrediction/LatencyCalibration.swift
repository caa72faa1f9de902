import SearchSpace

/// A latency predictor fitted to a board by a few measured subnets: `measured = intercept + slope x predicted`, with
/// the margin that the measurements themselves support.
///
/// The line is Theil-Sen's (median of all pairs' slopes), which a quarter of wild measurements does not move. The
/// margin is the quantile of leave-one-out errors relative to the fitted latency, at the rank of split conformal
/// prediction.
///
/// Source: Theil 1950; Sen, JASA 1968; Lei et al., "Distribution-free predictive inference for regression", JASA 2018.
public struct LatencyCalibration: Hashable, Sendable {
    /// The most measurements that one calibration takes; pairs and leave-one-out grow with its cube.
    public static let sampleLimit = 256
    public static let minimumSamples = 4

    /// One subnet's latency, as the table predicts it and as the board measured it, in milliseconds.
    public struct Sample: Hashable, Codable, Sendable {
        public let predicted: Double
        public let measured: Double

        public init(predicted: Double, measured: Double) {
            self.predicted = predicted
            self.measured = measured
        }
    }

    public let intercept: Double
    /// Above 0.
    public let slope: Double
    /// Half width of the stated interval, as a share of the calibrated latency.
    public let relativeMargin: Double
    /// The share of new measurements that the interval is to hold: what was asked for, or what so few samples can
    /// support, n / (n + 1), if that is less.
    public let coverage: Double
    /// Between predicted and measured; `nil` where all measured values are equal.
    public let spearman: Double?
    public let sampleCount: Int

    /// - Parameter coverage: the share of new measurements within the margin, above 0 and below 1.
    public init(samples: [Sample], coverage: Double = 0.9) throws(LatencyRefusal) {
        precondition(coverage > 0 && coverage < 1, "a coverage is within 0..<1")
        try Self.check(samples)
        let line = try Self.line(samples)
        var errors: [Double] = []
        for index in samples.indices {
            var others = samples
            let left = others.remove(at: index)
            errors.append(Self.relativeError(of: left, byLineThrough: others))
        }
        let rank = Int((Double(errors.count + 1) * coverage).rounded(.up))
        let margin = errors.sorted()[min(rank, errors.count) - 1]
        guard margin.isFinite else {
            throw .unusableSamples("the others do not predict a sample that is left out")
        }
        (intercept, slope) = line
        relativeMargin = margin
        self.coverage = min(coverage, Double(errors.count) / Double(errors.count + 1))
        spearman = RankStatistics.spearman(samples.map(\.predicted), samples.map(\.measured))
        sampleCount = samples.count
    }

    /// Calibrated milliseconds; never below 0.
    public func calibrate(_ predicted: Double) -> Double { max(0, intercept + slope * predicted) }

    /// The latencies within which a new measurement lies with the stated coverage.
    public func interval(_ predicted: Double) -> ClosedRange<Double> {
        let value = calibrate(predicted)
        return max(0, value * (1 - relativeMargin))...(value * (1 + relativeMargin))
    }

    private static func check(_ samples: [Sample]) throws(LatencyRefusal) {
        guard samples.count >= minimumSamples else {
            throw .unusableSamples("\(samples.count) samples, needs at least \(minimumSamples)")
        }
        guard samples.count <= sampleLimit else { throw .unusableSamples("more than \(sampleLimit) samples") }
        for (index, sample) in samples.enumerated() {
            for value in [sample.predicted, sample.measured] where !value.isFinite || value <= 0 {
                throw .unusableSamples("sample \(index): \(value) is not a latency")
            }
        }
    }

    /// Infinite where the others give no line, or one on which the sample would take no time.
    private static func relativeError(of sample: Sample, byLineThrough others: [Sample]) -> Double {
        guard let other = try? line(others) else { return .infinity }
        let expected = other.intercept + other.slope * sample.predicted
        return expected > 0 ? abs(sample.measured - expected) / expected : .infinity
    }

    private static func line(_ samples: [Sample]) throws(LatencyRefusal) -> (intercept: Double, slope: Double) {
        var slopes: [Double] = []
        for (index, first) in samples.enumerated() {
            for second in samples[(index + 1)...] where second.predicted != first.predicted {
                slopes.append((second.measured - first.measured) / (second.predicted - first.predicted))
            }
        }
        guard let slope = RankStatistics.median(slopes) else {
            throw .unusableSamples("all predicted latencies are equal")
        }
        guard slope.isFinite, slope > 0 else {
            throw .unusableSamples("measured latency does not rise with the predicted one")
        }
        let intercepts = samples.map { $0.measured - slope * $0.predicted }
        return (RankStatistics.median(intercepts) ?? 0, slope)
    }
}

extension LatencyCalibration: Codable {
    private enum Key: String, CodingKey {
        case intercept, slope, relativeMargin, coverage, spearman, sampleCount
    }

    /// Refuses figures that no fit yields.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func number(_ key: Key, within range: ClosedRange<Double>) throws -> Double {
            let value = try container.decode(Double.self, forKey: key)
            guard range.contains(value) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: container, debugDescription: "\(value) is outside \(range)")
            }
            return value
        }
        let limit = Double.greatestFiniteMagnitude
        intercept = try number(.intercept, within: -limit...limit)
        slope = try number(.slope, within: Double.leastNonzeroMagnitude...limit)
        relativeMargin = try number(.relativeMargin, within: 0...limit)
        coverage = try number(.coverage, within: 0...1)
        spearman = try container.contains(.spearman) ? number(.spearman, within: -1...1) : nil
        sampleCount = Int(try number(.sampleCount, within: 1...Double(Self.sampleLimit)))
    }
}
