import Engine
import Fusion
import Testing

@testable import PostTrainingQuantization

@Suite struct BitWidthStudyTests {
    private func study(_ seed: UInt64) throws -> (BitWidthStudy, AlignedBuffer) {
        var samples = SampleNetwork(seed: seed)
        let network = samples.network()
        let images = (0..<12).map { _ in samples.image() }
        let ranges = try SampleNetwork.calibration(of: network, on: images).ranges(.minmax)
        let buffer = AlignedBuffer(count: images[0].count)
        let study = try BitWidthStudy(
            network, ranges, kernels: KernelSet(.portable), count: images.count, labels: images.indices.map { $0 % 10 },
            images: { index in
                for (position, value) in images[index].enumerated() { buffer.base[position] = value }
                return UnsafeBufferPointer(start: buffer.base, count: buffer.count)
            },
            distance: { full, other in zip(full, other).reduce(0) { $0 + abs($1.0 - $1.1) } / Float(full.count) })
        return (study, buffer)
    }

    @Test(arguments: [UInt64(11), .random(in: 0...UInt64.max)])
    func fewerBitsDoMoreDamage(seed: UInt64) throws {
        let (study, _) = try study(seed)
        let count = study.places.count
        let exact = try study.run([Int?](repeating: nil, count: count))
        #expect(exact.damage < 1e-4 && exact.agreement == 1 && exact.top1 == study.plain.top1, "seed \(seed)")
        let damages = try [8, 5, 2].map { try study.run([Int?](repeating: $0, count: count)).damage }
        #expect(damages[0] > exact.damage && damages[0] < damages[1] && damages[1] < damages[2], "seed \(seed)")
        var one = [Int?](repeating: nil, count: count)
        one[2] = 3
        let single = try study.run(one, limit: 5)
        #expect(single.damage > 0 && single.damage < damages[2], "seed \(seed)")
    }

    /// The simulation of 8 bits throughout reads what the integers of the quantised network stand for.
    @Test func eightBitsAreThoseOfTheQuantisedNetwork() throws {
        let (study, _) = try study(12)
        let (rounded, roundings) = study.rounded(study.places.map { _ in 8 })
        #expect(roundings.count == study.places.count && rounded.steps.count == study.network.steps.count + 6)
        let range = Quantization(scale: 0.05, zeroPoint: 40, isSigned: false)
        let rounding = WidthRounding(range.values, bits: 8)
        for step in -300..<400 {
            let value = Float(step) * 0.0371
            #expect(abs(rounding(value) - range.rounded(value)) < 1e-4, "\(value)")
        }
        let narrow = WidthRounding(-1...2, bits: 2)
        #expect([-5, -0.6, -0.4, 0, 0.4, 1.4, 1.6, 9].map { narrow($0) } == [-1, -1, 0, 0, 0, 1, 2, 2])
    }

    @Test func theDescentTakesABitFromWhereItHurtsLeast() throws {
        let (study, _) = try study(13)
        // The first convolution is insensitive, damage of the others grows with every bit.
        let damages = study.places.indices.map { index in
            Dictionary(uniqueKeysWithValues: (2...8).map { ($0, index == 0 ? 0 : Double(8 - $0)) })
        }
        let path = study.descent(damages)
        #expect(path.first == study.places.map { _ in 8 } && path.last == study.places.map { _ in 2 })
        #expect(path.count == 6 * study.places.count + 1)
        #expect(path[6] == [2] + study.places.dropFirst().map { _ in 8 })
        #expect(zip(path, path.dropFirst()).allSatisfy { study.meanBits($0) > study.meanBits($1) })
        #expect(study.meanBits(path[0]) == 8)
    }
}
