import AgentCore
import Testing

@Suite struct LatencyHistogramTests {
    @Test func bucketsCoverEveryLatencyWithinTheirWidth() {
        for exponent in 0..<40 {
            for offset in [0, 1, 7, 1_000] as [UInt64] {
                let value = (UInt64(1) << exponent) + offset
                let bucket = LatencyHistogram.bucket(forMicroseconds: value)
                let upper = LatencyHistogram.upperMicroseconds(ofBucket: bucket)
                let clamped = min(value, LatencyHistogram.largestMicroseconds)
                #expect(upper >= clamped)
                #expect(Double(upper) <= Double(clamped) * 1.032 + 1)
            }
        }
    }

    @Test func bucketsRiseWithTheirValues() {
        let uppers = (0..<LatencyHistogram.bucketCount).map { LatencyHistogram.upperMicroseconds(ofBucket: $0) }
        #expect(zip(uppers, uppers.dropFirst()).allSatisfy { $0 < $1 })
        #expect(uppers.last == LatencyHistogram.largestMicroseconds)
        for bucket in uppers.indices {
            #expect(LatencyHistogram.bucket(forMicroseconds: uppers[bucket]) == bucket)
        }
    }

    @Test func percentilesFollowTheCounts() {
        var counts = [UInt64](repeating: 0, count: LatencyHistogram.bucketCount)
        #expect(LatencyHistogram.percentile(99, of: counts) == 0)
        for value in 1...100 { counts[LatencyHistogram.bucket(forMicroseconds: UInt64(value) * 1_000)] += 1 }

        #expect(abs(LatencyHistogram.percentile(50, of: counts) - 50) <= 50 * 0.032)
        #expect(abs(LatencyHistogram.percentile(99, of: counts) - 99) <= 99 * 0.032)
        #expect(LatencyHistogram.percentile(100, of: counts) >= 100)
    }
}
