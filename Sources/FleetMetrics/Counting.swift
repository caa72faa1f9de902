import Synchronization

/// Counts by labels, since the start. Bounded: beyond the limit, what has new labels is counted under `other`.
public final class LabelledCounter: Sendable {
    public static let seriesLimit = 1_000
    private let labels: [String]
    private let limit: Int
    private let counts = Mutex<[[String]: UInt64]>([:])

    /// - Parameter labels: their names, in the order of the values that are counted.
    public init(_ labels: [String], limit: Int = seriesLimit) {
        self.labels = labels
        self.limit = limit
    }

    public func add(_ values: [String]) { add(1, values) }

    public func add(_ count: UInt64, _ values: [String]) {
        precondition(values.count == labels.count, "\(values.count) values for \(labels.count) labels")
        counts.withLock { counts in
            let isKnown = counts[values] != nil || counts.count < limit
            counts[isKnown ? values : labels.map { _ in "other" }, default: 0] += count
        }
    }

    public var samples: [MetricFamily.Sample] {
        counts.withLock { $0 }.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { values, count in
            .init(Double(count), labels: Dictionary(uniqueKeysWithValues: zip(labels, values)))
        }
    }
}

/// How long something takes, in seconds.
public final class DurationHistogram: Sendable {
    private struct State {
        var counts: [UInt64]
        var sum = 0.0
    }

    /// Upper bounds, rising.
    private let bounds: [Double]
    private let state: Mutex<State>

    public init(bounds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    public func observe(_ duration: Duration) {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
        let place = bounds.firstIndex { seconds <= $0 } ?? bounds.count
        state.withLock {
            $0.counts[place] += 1
            $0.sum += seconds
        }
    }

    public var samples: [MetricFamily.Sample] {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        return MetricFamily.Sample.histogram(counts, upTo: bounds, sum: sum)
    }
}

extension MetricFamily.Sample {
    /// The series of one histogram.
    /// - Parameters:
    ///   - counts: of what lies in each interval, the one beyond the last bound included.
    ///   - bounds: upper bounds, rising.
    public static func histogram(
        _ counts: [UInt64], upTo bounds: [Double], sum: Double, labels: [String: String] = [:]
    ) -> [MetricFamily.Sample] {
        precondition(counts.count == bounds.count + 1, "\(counts.count) counts for \(bounds.count) bounds")
        var total: UInt64 = 0
        var samples: [MetricFamily.Sample] = []
        for (place, count) in counts.enumerated() {
            total += count
            let bound = place < bounds.count ? Exposition.number(bounds[place]) : "+Inf"
            samples.append(
                .init(Double(total), labels: labels.merging(["le": bound]) { $1 }, suffix: "_bucket"))
        }
        return samples + [
            .init(sum, labels: labels, suffix: "_sum"), .init(Double(total), labels: labels, suffix: "_count"),
        ]
    }
}
