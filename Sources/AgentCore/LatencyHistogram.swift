/// Buckets for latencies from one microsecond to about a minute, each at most 3.2 % wide.
///
/// Log-linear, as in HdrHistogram: 32 buckets per power of two. The counts live elsewhere (in atomics, on the
/// inference path); this says which bucket a latency belongs to and what counts mean.
public enum LatencyHistogram {
    /// Bits of a value that choose the bucket within its power of two.
    private static let precisionBits = 5
    private static let perOctave = 1 << precisionBits
    /// Powers of two above the first, which counts single microseconds.
    private static let octaves = 21

    public static let bucketCount = (octaves + 1) * perOctave
    /// Longer latencies are counted in the last bucket.
    public static let largestMicroseconds = (UInt64(1) << (octaves + precisionBits)) - 1

    @inlinable
    public static func bucket(forMicroseconds microseconds: UInt64) -> Int {
        bucketIndex(min(microseconds, largestMicroseconds))
    }

    @usableFromInline
    static func bucketIndex(_ value: UInt64) -> Int {
        guard value >= UInt64(perOctave) else { return Int(value) }
        let octave = value.bitWidth - value.leadingZeroBitCount - 1 - precisionBits
        return (octave + 1) * perOctave + Int(value >> octave) - perOctave
    }

    /// The largest latency that falls into the bucket, in microseconds.
    public static func upperMicroseconds(ofBucket bucket: Int) -> UInt64 {
        precondition((0..<bucketCount).contains(bucket), "bucket \(bucket) of \(bucketCount)")
        guard bucket >= perOctave else { return UInt64(bucket) }
        let octave = bucket / perOctave - 1
        return (UInt64(bucket % perOctave + perOctave + 1) << octave) - 1
    }

    /// Ends of buckets, a factor of two apart: what lies between them is counted exactly.
    public static let octaveBounds: [UInt64] = (8...20).map { (UInt64(1) << UInt64($0)) - 1 }

    /// Counts of the intervals that end at `octaveBounds`, and of what lies beyond.
    public static func octaves(of counts: [UInt64]) -> [UInt64] {
        precondition(counts.count == bucketCount, "\(counts.count) counts")
        var first = 0
        let inner = octaveBounds.map { bound in
            let end = bucketIndex(bound) + 1
            defer { first = end }
            return counts[first..<end].reduce(0, +)
        }
        return inner + [counts[first...].reduce(0, +)]
    }

    /// The latency in milliseconds below or at which `percentile` per cent of the counted values lie; 0 when there
    /// are none. Reported at the bucket's upper end, so never too good.
    public static func percentile(_ percentile: Double, of counts: [UInt64]) -> Double {
        precondition(counts.count == bucketCount && (0...100).contains(percentile), "percentile \(percentile)")
        let total = counts.reduce(0, +)
        guard total > 0 else { return 0 }
        let rank = max(1, UInt64((Double(total) * percentile / 100).rounded(.up)))
        var seen: UInt64 = 0
        for (bucket, count) in counts.enumerated() {
            seen += count
            if seen >= rank { return Double(upperMicroseconds(ofBucket: bucket)) / 1_000 }
        }
        return Double(largestMicroseconds) / 1_000
    }
}
