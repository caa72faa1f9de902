public import SearchSpace

/// What a board found of one subnet, in milliseconds.
public struct LatencyReading: Hashable, Codable, Sendable {
    /// Median over batches of each batch's median.
    public var median: Double
    /// Highest and lowest of these.
    public var highest: Double
    public var lowest: Double
    public var batches: Int

    public init(median: Double, lowest: Double, highest: Double, batches: Int) {
        self.median = median
        self.lowest = lowest
        self.highest = highest
        self.batches = batches
    }

    /// - Parameter batches: medians of at least one.
    public init(batches: [Double]) {
        precondition(!batches.isEmpty, "a reading without batches")
        let sorted = batches.sorted()
        let middle = sorted.count / 2
        median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        lowest = sorted[0]
        highest = sorted[sorted.count - 1]
        self.batches = sorted.count
    }
}

/// Which subnet a board measures next for one point of a search, and which is published: verify, then commit.
/// Prediction alone breaks its deadline in about a third of cases (Dynamic-OFA, Lou et al., CVPRW 2021); a point is
/// published only where a measurement keeps the constraint, with what measurements vary on top.
///
/// What was measured corrects what is predicted: every prediction is multiplied by the median of measured over
/// predicted latency, so that a table that is wrong by one factor costs one measurement. Of the candidates that are
/// then expected to keep the constraint the most accurate is measured; after every failure more room is left. Where
/// none is expected to, the fastest is.
///
/// What batches vary is known badly from the five of one reading, and those that agree by chance would be published:
/// the mean over all readings at hand is the least that is believed of any of them. That takes points that break their
/// constraint, with noise of 5 %, from 0.8 to 0.4 % (`Benchmarks/verification`).
///
/// Bounded by `Settings.measurements` of each point; what was measured for another point costs nothing.
public enum PointVerification {
    public struct Settings: Hashable, Sendable {
        /// At most so many for one point.
        public var measurements = 6
        /// Standard errors of a single batch, by the spread of its batches, that a reading must stay below the
        /// constraint.
        public var errors = 3.0
        /// What batches vary at least, as a share of the median: a few that agree by chance prove nothing.
        public var leastDeviation = 0.004
        /// Room that is left after each failure, as a share of the constraint.
        public var caution = 0.015
        /// From so many failures on the next subnet is chosen with as much room as the readings so far would need: of
        /// a clock that jumps by a fifth the medians say nothing.
        public var patience = 3

        public init() {}
    }

    public enum Decision: Equatable, Sendable {
        case measure(PredictedSubnet)
        case publish(PredictedSubnet, LatencyReading)
        /// With why.
        case leaveOut(String)
    }

    /// - Parameters:
    ///   - limit: the constraint in milliseconds; infinite where latency is not limited.
    ///   - candidates: in any order.
    ///   - readings: of this search's subnets on boards of the class, whichever point they were measured for.
    ///   - spent: the subnets that were measured, or could not be, for this point.
    ///   - correction: see `correction(_:)`.
    public static func decision(
        limit: Double, candidates: [PredictedSubnet], readings: [SubnetConfiguration: LatencyReading],
        spent: Set<SubnetConfiguration>, correction: Double, settings: Settings = Settings()
    ) -> Decision {
        let known = candidates.compactMap { one in readings[one.configuration].map { (one, $0) } }
        let usual = errorsOfExpectation(settings)
        let settings = believing(known.map(\.1), settings)
        let kept = known.filter { keeps($0.1, limit, settings) }
        let best = kept.max { isWorse($0.0, $1.0) }
        if let best, spent.contains(best.0.configuration) { return .publish(best.0, best.1) }
        let open = candidates.filter { readings[$0.configuration] == nil && !spent.contains($0.configuration) }
        guard spent.count < settings.measurements, !open.isEmpty else {
            if let best { return .publish(best.0, best.1) }
            return .leaveOut(reason(limit, known.map(\.1), spent.count, settings))
        }
        // Half-way between what the quietest and what such readings ask for: with all of it accuracy is given away.
        let failures = Double(spent.count)
        var room = 1 + (usual + errorsOfExpectation(settings)) / 2 + settings.caution * failures
        if spent.count >= settings.patience {
            room = max(room, roomNeeded(by: known.map(\.1), settings) + settings.caution * (failures - 1))
        }
        let hopeful = open.filter { $0.latencyMilliseconds * correction * room <= limit }
            .max { isWorse($0, $1) }
        if let hopeful, best.map({ isWorse($0.0, hopeful) }) ?? true { return .measure(hopeful) }
        if let best { return .publish(best.0, best.1) }
        let fastest = open.min { ($0.latencyMilliseconds, $1.accuracy) < ($1.latencyMilliseconds, $0.accuracy) }
        return fastest.map { .measure($0) } ?? .leaveOut(reason(limit, known.map(\.1), spent.count, settings))
    }

    /// Whether a later measurement is expected to stay below the limit too.
    public static func keeps(_ reading: LatencyReading, _ limit: Double, _ settings: Settings = Settings()) -> Bool {
        highestExpected(of: reading, settings) <= limit
    }

    /// What a later measurement may take.
    private static func highestExpected(of reading: LatencyReading, _ settings: Settings) -> Double {
        max(reading.highest, reading.median + settings.errors * deviation(of: reading, settings))
    }

    /// The median of measured over predicted latency; 1 before the first measurement.
    public static func correction(_ measured: [(predicted: Double, reading: LatencyReading)]) -> Double {
        median(measured.filter { $0.predicted > 0 }.map { $0.reading.median / $0.predicted }) ?? 1
    }

    /// How many times a subnet's own latency its constraint had to be, by the median of the readings.
    private static func roomNeeded(by readings: [LatencyReading], _ settings: Settings) -> Double {
        median(readings.filter { $0.median > 0 }.map { highestExpected(of: $0, settings) / $0.median }) ?? 1
    }

    private static func median(_ values: [Double]) -> Double? {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return nil }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// Standard deviation of one batch, from the range of several: of a normal distribution's, 2.33 at five.
    private static func deviation(of reading: LatencyReading, _ settings: Settings) -> Double {
        let expectedRanges = [1.0, 1.0, 1.128, 1.693, 2.059, 2.326, 2.534, 2.704, 2.847, 2.970, 3.078]
        let range = expectedRanges[min(max(reading.batches, 1), expectedRanges.count - 1)]
        return max((reading.highest - reading.lowest) / range, settings.leastDeviation * reading.median)
    }

    /// With the mean deviation of the readings as the least that is believed.
    private static func believing(_ readings: [LatencyReading], _ settings: Settings) -> Settings {
        var believing = settings
        let shares = readings.filter { $0.median > 0 }.map { deviation(of: $0, settings) / $0.median }
        if !shares.isEmpty {
            believing.leastDeviation = max(settings.leastDeviation, shares.reduce(0, +) / Double(shares.count))
        }
        return believing
    }

    /// The least that `keeps` will ask for.
    private static func errorsOfExpectation(_ settings: Settings) -> Double {
        settings.errors * settings.leastDeviation
    }

    private static func isWorse(_ one: PredictedSubnet, _ other: PredictedSubnet) -> Bool {
        (one.accuracy, other.latencyMilliseconds) < (other.accuracy, one.latencyMilliseconds)
    }

    private static func reason(
        _ limit: Double, _ readings: [LatencyReading], _ spent: Int, _ settings: Settings
    ) -> String {
        guard let fastest = readings.min(by: { $0.median < $1.median }) else {
            return "none of \(spent) subnets could be measured"
        }
        let figures = [fastest.median, limit, highestExpected(of: fastest, settings)].map {
            "\(($0 * 1_000).rounded() / 1_000)"
        }
        return "the fastest of \(readings.count) measured subnets takes \(figures[0]) ms of \(figures[1])"
            + (fastest.median <= limit ? ", too near to it for what varies: up to \(figures[2]) ms" : "")
    }
}
