import Graphs
import Testing

@testable import PostTrainingQuantization

@Suite struct RangeMethodTests {
    static let methods: [RangeMethod] = [.minmax, .percentile(99), .percentile(99.99), .meanSquareError]

    private func range(_ method: RangeMethod, _ values: [Float]) -> ClosedRange<Float> {
        var histogram = ValueHistogram()
        histogram.add(values)
        return method.range(of: histogram)
    }

    @Test(arguments: methods)
    func rangesLieWithinTheValuesAroundZero(method: RangeMethod) {
        var samples = SampleNetwork(seed: 3)
        for bounds in [Float(-1)...3, 0...6, 2...5, -9 ... -4, 1e-6...2e-6, -1e9...1] {
            let values = samples.values(5_000, in: bounds)
            let found = range(method, values)
            #expect(found.contains(0) && found.lowerBound < found.upperBound)
            #expect(found.lowerBound >= min(0, values.min() ?? 0) && found.upperBound <= max(0, values.max() ?? 0))
            #expect(found == range(method, values.reversed()))
        }
    }

    @Test(arguments: methods)
    func rangesScaleWithTheValues(method: RangeMethod) {
        var samples = SampleNetwork(seed: 4)
        let values = samples.values(4_000, in: -1...2) + [9]
        let found = range(method, values)
        for power in [Float(0.125), 4, 1024] {
            let scaled = range(method, values.map { $0 * power })
            #expect(abs(scaled.lowerBound - found.lowerBound * power) <= 1e-6 * power)
            #expect(abs(scaled.upperBound - found.upperBound * power) <= 1e-5 * power)
        }
    }

    @Test(arguments: methods)
    func constantsAndNothingHaveRangesToo(method: RangeMethod) {
        #expect(range(method, []) == 0...1)
        #expect(range(method, [0, 0, 0]) == 0...1)
        #expect(range(method, [3, 3]).upperBound >= 2.9)
        #expect(range(method, [-3, -3]).lowerBound <= -2.9)
        let one = Quantization(unsigned: range(method, [Float](repeating: 5, count: 100)))
        #expect(abs(one.rounded(5) - 5) <= 0.05)
    }

    /// More of the values never makes the range smaller, and all of them are the least and the greatest.
    @Test func percentilesAreMonotone() {
        var samples = SampleNetwork(seed: 5)
        let values = samples.values(20_000).map { $0 * $0 * $0 * 50 }
        var last: ClosedRange<Float> = 0...0
        for percent in [60, 90, 99, 99.9, 99.99, 100] {
            let found = range(.percentile(percent), values)
            #expect(found.lowerBound <= last.lowerBound && found.upperBound >= last.upperBound, "\(percent)")
            last = found
        }
        #expect(last == range(.minmax, values))
    }

    @Test func outliersAreCutWhereThatPays() {
        var samples = SampleNetwork(seed: 6)
        let values = samples.values(100_000, in: 0...1) + [1_000]
        #expect(range(.minmax, values).upperBound == 1_000)
        #expect(range(.percentile(99.99), values).upperBound < 2)
        // Cut at r, the one costs (2 - r)^2 and each of the many on average r^2 / 255^2 / 12: least at 1.32.
        let many = samples.values(400_000, in: 0...1) + [2]
        #expect(abs(range(.meanSquareError, many).upperBound - 1.32) < 0.1)
        #expect(range(.meanSquareError, samples.values(1_000, in: 0...1)).upperBound > 0.9)
    }

    @Test func zeroStandsForItself() {
        for bounds in [Float(-1)...3, 0...6, -4...0, -0.001...900, 0...Float.leastNormalMagnitude] {
            let quantization = Quantization(unsigned: bounds)
            #expect(quantization.rounded(0) == 0)
            #expect(quantization.values.upperBound >= bounds.upperBound - quantization.scale)
        }
    }

    @Test func methodsAreWrittenAsTheyAreRead() {
        for method in Self.methods { #expect(RangeMethod(method.description) == method) }
        #expect(RangeMethod("percentile") == .percentile(99.99))
        for text in ["", "max", "mse:1", "percentile:", "percentile:50", "percentile:101", "percentile:nan"] {
            #expect(RangeMethod(text) == nil, "\(text)")
        }
    }
}
