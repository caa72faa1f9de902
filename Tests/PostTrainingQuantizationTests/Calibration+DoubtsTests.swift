import Fusion
import Testing

@testable import PostTrainingQuantization

@Suite struct CalibrationDoubtsTests {
    private static func doubts(_ images: [[Float]], seed: UInt64 = 31) throws -> [String] {
        var samples = SampleNetwork(seed: seed)
        return try SampleNetwork.calibration(of: samples.network(), on: images).doubts
    }

    private static func images(_ count: Int) -> [[Float]] {
        var samples = SampleNetwork(seed: 32)
        return (0..<count).map { _ in samples.image() }
    }

    @Test func manyDifferentImagesRaiseNone() throws {
        #expect(try Self.doubts(Self.images(64)) == [])
    }

    /// The maps of one pixel hold one value of each channel per image.
    @Test func fewValuesAreNamedWithTheirFirstMap() throws {
        let doubts = try Self.doubts(Self.images(20))
        #expect(doubts.count == 1)
        #expect(doubts.first?.hasPrefix("3 of 9 maps hold fewer than 64 values of each channel, mean is") == true)
        #expect(doubts.first?.hasSuffix("give more than 20 images") == true)
    }

    @Test func imagesThatAreTheSameAreNamed() throws {
        let image = Self.images(1)
        #expect(try Self.doubts(image).first?.hasPrefix("there is one image") == true)
        let black = [[Float]](repeating: [Float](repeating: -2, count: 3 * 12 * 12), count: 80)
        #expect(try Self.doubts(black).map { $0.hasPrefix("all 80 images are the same") } == [true])
    }

    /// However they are shared among threads.
    @Test func partsKnowWhatTheWholeKnows() throws {
        var samples = SampleNetwork(seed: 31)
        let network = samples.network()
        let images = Self.images(2)
        func joined(_ parts: [[[Float]]]) throws -> Bool {
            var whole = try SampleNetwork.calibration(of: network, on: [])
            for part in parts { whole.add(try SampleNetwork.calibration(of: network, on: part)) }
            return whole.areImagesAlike
        }
        #expect(try joined([[images[0]], [images[0], images[0]]]))
        #expect(try !joined([[images[0]], [images[1]]]))
        #expect(try !joined([[images[0], images[1]], [images[0]]]))
    }

    @Test func mapsThatNeverChangeAreNamed() throws {
        var samples = SampleNetwork(seed: 33)
        let network = samples.network()
        let steps = network.steps.map { step -> FusedStep in
            guard step.name == "depthwise", case .convolution(var convolution) = step.work else { return step }
            convolution.scale = convolution.scale.map { _ in 0 }
            convolution.shift = convolution.shift.map { _ in -1 }
            return FusedStep(
                name: step.name, work: .convolution(convolution), inputs: step.inputs, output: step.output,
                shape: step.shape, finish: step.finish)
        }
        let dead = FusedNetwork(inputs: network.inputs, steps: steps, outputs: network.outputs)
        let doubts = try SampleNetwork.calibration(of: dead, on: Self.images(64)).doubts
        #expect(doubts.count == 1)
        #expect(doubts.first?.contains("hold one and the same value on all images, depthwise is the first") == true)
    }
}
