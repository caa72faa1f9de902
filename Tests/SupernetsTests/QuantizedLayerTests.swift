import Engine
import Foundation
import SearchSpace
import Testing

@testable import Supernets

@Suite struct QuantizedLayerTests {
    private static func random(channels: Int, using generator: inout SeededGenerator) -> SubnetStatistics.Layer {
        SubnetStatistics.Layer(
            mean: (0..<channels).map { _ in Float.random(in: -3...3, using: &generator) },
            variance: (0..<channels).map { _ in exp2(Float.random(in: -12...8, using: &generator)) })
    }

    /// Half a step of the layer's range in either figure, and a little for the arithmetic.
    @Test(arguments: [UInt64(1), 2, .random(in: 0...UInt64.max)])
    func errorsAreWithinHalfAStep(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let layer = Self.random(channels: 300, using: &generator)
        let quantized = try #require(QuantizedLayer(layer))
        let kept = quantized.layer
        for channel in layer.mean.indices {
            let logarithm = log2(layer.variance[channel] + 1e-5)
            #expect(abs(log2(kept.variance[channel] + 1e-5) - logarithm) <= 0.501 * quantized.logarithms.step + 1e-3)
            let deviation = (kept.variance[channel] + 1e-5).squareRoot()
            #expect(
                abs(kept.mean[channel] - layer.mean[channel]) <= 0.502 * quantized.means.step * deviation + 1e-4,
                "seed \(seed)")
        }
    }

    @Test func equalValuesAndDeadChannelsAreKept() throws {
        let layer = SubnetStatistics.Layer(mean: [0.5, 0.5], variance: [0, 0])
        let kept = try #require(QuantizedLayer(layer)).layer
        #expect(kept.variance.allSatisfy { $0 < 1e-10 })
        #expect(kept.mean.allSatisfy { abs($0 - 0.5) < 1e-6 })
        #expect(try #require(QuantizedLayer(.init(mean: [], variance: []))).layer.mean.isEmpty)
    }

    @Test(arguments: [
        SubnetStatistics.Layer(mean: [.nan], variance: [1]), .init(mean: [0], variance: [.infinity]),
        .init(mean: [0], variance: [-1]), .init(mean: [0, 1], variance: [1]),
    ])
    func impossibleStatisticsAreNotKept(layer: SubnetStatistics.Layer) {
        #expect(QuantizedLayer(layer) == nil)
    }

    @Test(arguments: [UInt64(1), .random(in: 0...UInt64.max)])
    func damagedBlobsAreRefusedOrReadAsOthers(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let names = ["a", "b"]
        let layers = try ["a", "b"].reduce(into: [String: QuantizedLayer]()) { layers, name in
            layers[name] = try #require(QuantizedLayer(Self.random(channels: 5, using: &generator)))
        }
        let bytes = StatisticsCoding.encode(layers, names: names)
        #expect(try StatisticsCoding.decode(bytes, names: names) == layers)
        #expect(bytes.count == 2 * StatisticsCoding.byteCount(channels: 5))
        for count in 1..<bytes.count where count != bytes.count / 2 {
            #expect(throws: ReadingFailure.self, "\(count) bytes") {
                try StatisticsCoding.decode(Array(bytes.prefix(count)), names: names)
            }
        }
        for _ in 0..<2_000 {
            var damaged = bytes
            damaged[Int.random(in: damaged.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            _ = try? StatisticsCoding.decode(damaged, names: names)
        }
    }
}
