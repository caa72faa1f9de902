import SearchSpace
import Testing

@testable import MapPruning

@Suite struct MapMomentsTests {
    private static let (side, channels, outputs) = (8, 20, 3)

    private func map(_ generator: inout SeededGenerator) -> [Float] {
        var map = [Float](repeating: 0, count: 2 * Self.side * Self.side * 16)
        for index in map.indices where index / (Self.side * Self.side * 16) * 16 + index % 16 < Self.channels {
            map[index] = Float.random(in: -1...1, using: &generator) + 0.5
        }
        return map
    }

    private let pixels = Array(0..<side * side)

    private func weights(_ columns: Int, _ generator: inout SeededGenerator) -> [Float] {
        (0..<columns * Self.outputs).map { _ in Float.random(in: -1...1, using: &generator) }
    }

    @Test(arguments: [1, 3])
    func aSampleIsWhatTheWindowReadsWithZerosAround(taps: Int) {
        var generator = SeededGenerator(seed: 3)
        let map = map(&generator)
        let moments = MapMoments(channels: Self.channels, taps: taps, outputs: 1, images: 1)
        let samples = moments.samples(map, height: Self.side, width: Self.side, at: pixels)
        #expect(samples.count == pixels.count * Self.channels * taps * taps)
        for (sample, pixel) in pixels.enumerated() {
            for channel in [0, 15, 16, 19] {
                for tap in 0..<taps * taps {
                    let (y, x) = (pixel / 8 + tap / taps - taps / 2, pixel % 8 + tap % taps - taps / 2)
                    let isInside = (0..<8).contains(y) && (0..<8).contains(x)
                    let expected = isInside ? map[((channel / 16) * 64 + y * 8 + x) * 16 + channel % 16] : 0
                    #expect(samples[sample * moments.columns + channel * taps * taps + tap] == expected)
                }
            }
        }
    }

    /// Where nothing before the convolution is left out, it stays what it is.
    @Test func aMapAsItWasNeedsNoFit() throws {
        var generator = SeededGenerator(seed: 4)
        var moments = MapMoments(channels: Self.channels, taps: 1, outputs: Self.outputs, images: 2)
        let weights = weights(Self.channels, &generator)
        for _ in 0..<2 {
            let map = map(&generator)
            let read = moments.samples(map, height: Self.side, width: Self.side, at: pixels)
            let nothing = [Float](repeating: 0, count: pixels.count * Self.outputs)
            moments.add(read, whole: read, added: nothing, weights: weights)
        }
        let fitted = moments.fit(weights: weights, bias: [1, 2, 3])
        let fit = try #require(fitted)
        #expect(fit.weights == weights.map { Double($0) } && fit.bias == [1, 2, 3])
    }

    /// Maps that a change before them has mixed and shifted: the fit undoes it, and makes up for what the shortcut
    /// lost.
    @Test(arguments: [UInt64(5), .random(in: 0...UInt64.max)])
    func theFitMakesUpForWhatWasChangedBefore(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let columns = Self.channels
        var moments = MapMoments(channels: columns, taps: 1, outputs: Self.outputs, images: 8)
        let weights = weights(columns, &generator)
        var (reads, wanted) = ([[Float]](), [[Float]]())
        for _ in 0..<8 {
            let map = map(&generator)
            let whole = moments.samples(map, height: Self.side, width: Self.side, at: pixels)
            let read = whole.enumerated().map { 0.5 * $1 + ($0 % columns == 0 ? 0.3 : 0.1) }
            let added = pixels.indices.flatMap { sample in
                (0..<Self.outputs).map { 0.2 * read[sample * columns + $0] + 0.7 }
            }
            moments.add(read, whole: whole, added: added, weights: weights)
            for sample in pixels.indices {
                let row = Array(whole[sample * columns..<(sample + 1) * columns])
                reads.append(Array(read[sample * columns..<(sample + 1) * columns]))
                wanted.append(
                    (0..<Self.outputs).map { output in
                        added[sample * Self.outputs + output]
                            + (0..<columns).reduce(Float(output)) { $0 + weights[output * columns + $1] * row[$1] }
                    })
            }
        }
        let fitted = moments.fit(weights: weights, bias: [0, 1, 2])
        let fit = try #require(fitted)
        var (left, before) = (0.0, 0.0)
        for (read, wanted) in zip(reads, wanted) {
            for output in 0..<Self.outputs {
                let (new, old) = (0..<columns).reduce((fit.bias[output], Double(output))) {
                    let value = Double(read[$1])
                    return (
                        $0.0 + fit.weights[output * columns + $1] * value,
                        $0.1 + Double(weights[output * columns + $1]) * value
                    )
                }
                left += (new - Double(wanted[output])) * (new - Double(wanted[output]))
                before += (old - Double(wanted[output])) * (old - Double(wanted[output]))
            }
        }
        #expect(left < 1e-4 * before, "\(left) of \(before), seed \(seed)")
    }

    @Test func fewSamplesFitNothing() {
        var moments = MapMoments(channels: 64, taps: 1, outputs: 1, images: 1)
        moments.add(
            [Float](repeating: 1, count: 64), whole: [Float](repeating: 1, count: 64), added: [0],
            weights: [Float](repeating: 1, count: 64))
        let fit = moments.fit(weights: [Float](repeating: 1, count: 64), bias: [0])
        #expect(fit == nil)
    }
}
