import Fusion
import Graphs
import Testing

@testable import PostTrainingQuantization

@Suite struct EqualizationTests {
    /// Every second channel is fifty times smaller: equalised, they keep their bits.
    @Test(arguments: [UInt64(11), 12, 13])
    func smallChannelsKeepTheirBits(seed: UInt64) throws {
        var samples = SampleNetwork(seed: seed)
        let network = samples.network()
        let images = (0..<16).map { _ in samples.image() }
        let plain = try SampleNetwork.calibration(of: network, on: images)
        let equalized = try #require(plain.equalized())
        let real = try SampleNetwork.run(network, on: images)
        #expect(SampleNetwork.error(real, try SampleNetwork.run(equalized, on: images)) < 1e-4)

        func peaks(_ calibration: Calibration) -> [Float] { calibration.values["expand"]?.channels.magnitudes ?? [] }
        let after = try SampleNetwork.calibration(of: equalized, on: images)
        let (before, now) = (peaks(plain).filter { $0 > 0 }, peaks(after).filter { $0 > 0 })
        let spread = { (peaks: [Float]) in (peaks.max() ?? 0) / (peaks.min() ?? 1) }
        #expect(spread(now) < spread(before) / 4, "\(spread(before)) to \(spread(now))")
        #expect((now.max() ?? 7) <= 6)
    }

    @Test func gainsAreBoundedAndNeverShrink() {
        #expect(Calibration.gains([8, 4, 0, 1e-9], .relu, exponent: 1) == [1, 8 / (4 * 1.1), 64, 64])
        #expect(Calibration.gains([8, 4, 0], .none, exponent: 0.5)[2] == 8)
        #expect(Calibration.gains([3], .clippedRelu(6), exponent: 1) == [6 / (3 * 1.1)])
        #expect(Calibration.gains([6], .clippedRelu(6), exponent: 1) == [1])
        #expect(Calibration.gains([0, 0], .relu, exponent: 1) == [1, 1])
    }

    /// A curved activation, or a map that is read twice, stays as it is.
    @Test func onlyWhatAFactorPassesThroughIsEqualised() throws {
        var samples = SampleNetwork(seed: 14)
        let network = samples.network()
        let equalized = try #require(
            try SampleNetwork.calibration(of: network, on: (0..<8).map { _ in samples.image() }).equalized())
        let changed = zip(network.steps, equalized.steps).filter { $0 != $1 }.map(\.0.name)
        #expect(changed == ["expand", "depthwise"])
    }

    /// The greatest of a few values says little of a channel: 36 of each image.
    @Test func fewValuesEqualiseNothing() throws {
        var samples = SampleNetwork(seed: 15)
        let network = samples.network()
        let images = (0..<8).map { _ in samples.image() }
        let few = try SampleNetwork.calibration(of: network, on: Array(images[..<7]))
        let enough = try SampleNetwork.calibration(of: network, on: images)
        #expect(few.gains.isEmpty && few.equalized() == nil)
        #expect(enough.gains["expand"]?.count == 24)
    }
}
