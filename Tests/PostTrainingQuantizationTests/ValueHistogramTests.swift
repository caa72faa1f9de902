import Testing

@testable import PostTrainingQuantization

@Suite struct ValueHistogramTests {
    private func histogram(_ values: [Float]) -> ValueHistogram {
        var histogram = ValueHistogram()
        histogram.add(values)
        return histogram
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func orderAndPartsDoNotMatter(seed: UInt64) {
        var samples = SampleNetwork(seed: seed)
        let values = samples.values(1_000) + samples.values(500, in: -300...20) + samples.values(50, in: 0...1e-6)
        let whole = histogram(values)
        #expect(whole == histogram(values.reversed()), "seed \(seed)")
        for cut in [0, 1, 700, 1_200, values.count] {
            var first = histogram(Array(values[..<cut]))
            first.add(histogram(Array(values[cut...])))
            #expect(first == whole, "seed \(seed), cut \(cut)")
        }
        #expect(whole.count == values.count && whole.counts.reduce(0, +) == values.count)
        #expect(whole.least == values.min() && whole.greatest == values.max())
    }

    @Test func binsHoldTheirValues() {
        for value in [Float(0), 1, -1, 0.3, -0.3, 6, 1e-9, -7e8, 0x1p99, Float.leastNonzeroMagnitude] {
            let found = histogram([value])
            let bins = found.occupied
            #expect(bins.count == 1 && abs(found.middle(bins.lowerBound) - Double(value)) <= found.width / 2)
            // The greatest magnitude uses half of its side at least, unless it is below the finest bins.
            #expect(abs(value) < 0x1p-28 || abs(Double(value)) >= Double(ValueHistogram.half / 2) * found.width)
        }
    }

    @Test func onlyTheFirstLanesOfARowCount() {
        var found = ValueHistogram()
        [1, 2, 99, 3, 4, .nan].withUnsafeBufferPointer { found.add($0, lanes: 2, of: 3) }
        #expect(found.count == 4 && found.greatest == 4 && !found.isBroken)
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity, 0x1p100])
    func whatIsNoNumberIsReported(value: Float) {
        var found = histogram([1, value, 2])
        #expect(found.isBroken)
        found.add([3])
        var other = histogram([1])
        other.add(found)
        #expect(other.isBroken)
    }
}
