import Engine
import Fusion
import Graphs
import Testing

@testable import PostTrainingQuantization

@Suite struct CalibrationTests {
    @Test(arguments: [UInt64(7), .random(in: 0...UInt64.max)], RangeMethodTests.methods)
    func quantisedNetworksComeCloseToTheirOwn(seed: UInt64, method: RangeMethod) throws {
        var samples = SampleNetwork(seed: seed)
        let network = samples.network()
        let images = (0..<24).map { _ in samples.image() }
        let calibration = try SampleNetwork.calibration(of: network, on: Array(images[..<16]))
        let quantized = try calibration.quantized(method)
        let real = try SampleNetwork.run(network, on: images)
        let rounded = try SampleNetwork.run(quantized, on: images)
        let error = SampleNetwork.error(real, rounded)
        #expect(error > 0 && error < 0.1, "\(error), seed \(seed)")

        #expect(quantized.steps.count == network.steps.count + 1)
        for step in quantized.steps { #expect((step.outputQuantization == nil) == (step.output == "logits")) }
        #expect(quantized.steps.count { $0.hasIntegers } == 6)
        #expect(throws: GraphFailure("the network is quantised already")) {
            try Calibration(of: quantized, kernels: KernelSet(.portable))
        }
    }

    /// The graph that is written computes what the steps compute, by the operators' own definitions.
    @Test(arguments: [UInt64(8), .random(in: 0...UInt64.max)])
    func quantisedGraphsComputeTheSame(seed: UInt64) throws {
        var samples = SampleNetwork(seed: seed)
        let network = samples.network()
        let images = (0..<6).map { _ in samples.image() }
        let quantized = try SampleNetwork.calibration(of: network, on: images).quantized(.standard)
        let graph = try quantized.graph(named: "sample")
        let bound = try BoundGraph(graph)
        let again = try FusedNetwork(bound)
        #expect(again.steps.map(\.outputQuantization) == quantized.steps.map(\.outputQuantization))

        let defined = try images.map { image in
            let input = TensorValue(shape: [1, 3, 12, 12], .float32(image))
            let outputs = try GraphEvaluator(bound).run(["x": input])
            guard case .float32(let logits)? = outputs[graph.outputs[0]]?.elements else {
                throw GraphFailure("no logits")
            }
            return logits
        }
        // A sum that lies between two integers may round either way.
        let limit: Float = 0.02
        #expect(SampleNetwork.error(defined, try SampleNetwork.run(again, on: images)) < limit, "seed \(seed)")
        #expect(SampleNetwork.error(defined, try SampleNetwork.run(quantized, on: images)) < limit, "seed \(seed)")
        #expect(graph.initialisers.values.count { $0.elements.type == .int8 } == 6)
        #expect(graph.initialisers.values.count { $0.elements.type == .int32 } == 6)
    }

    @Test func partsJoinToTheWhole() throws {
        var samples = SampleNetwork(seed: 9)
        let network = samples.network()
        let images = (0..<5).map { _ in samples.image() }
        let whole = try SampleNetwork.calibration(of: network, on: images)
        var joined = try SampleNetwork.calibration(of: network, on: Array(images[..<2]))
        joined.add(try SampleNetwork.calibration(of: network, on: Array(images[2...])))
        #expect(joined.imageCount == 5)
        for (name, entry) in whole.values {
            #expect(joined.values[name]?.histogram == entry.histogram, "\(name)")
            #expect(joined.values[name]?.channels.magnitudes == entry.channels.magnitudes, "\(name)")
        }
        #expect(try whole.quantized(.meanSquareError) == whole.quantized(.meanSquareError))
        #expect(whole.values["x"]?.histogram.count == 5 * 432)
        #expect(whole.values["logits"]?.histogram.count == 5 * 10, "spare lanes do not count")
    }

    @Test func withoutImagesOrNumbersItIsRefused() throws {
        var samples = SampleNetwork(seed: 10)
        let network = samples.network()
        #expect(throws: GraphFailure("there are no images to calibrate on")) {
            try SampleNetwork.calibration(of: network, on: []).quantized(.minmax)
        }
        var image = samples.image()
        image[100] = .nan
        #expect(throws: GraphFailure("x holds values that are infinite or not numbers")) {
            try SampleNetwork.calibration(of: network, on: [image]).quantized(.minmax)
        }
    }

    /// A map behind an activation that clamps does not show them.
    @Test(arguments: [Float.nan, .infinity]) func weightsThatAreNoNumbersAreRefused(weight: Float) throws {
        var samples = SampleNetwork(seed: 10)
        let network = samples.network()
        let steps = network.steps.map { step in
            guard step.name == "depthwise", case .convolution(let whole) = step.work else { return step }
            var broken = step
            var weights = whole.weights
            weights[0] = weight
            broken.work = .convolution(
                FusedConvolution(
                    window: whole.window, groups: whole.groups, inputChannels: whole.inputChannels,
                    outputChannels: whole.outputChannels, weights: weights, scale: whole.scale, shift: whole.shift))
            return broken
        }
        let broken = FusedNetwork(
            input: network.input, inputShape: network.inputShape, steps: steps, output: "logits",
            outputType: ValueType(.float32, [1, 10]))
        let failure = #expect(throws: GraphFailure.self) {
            try SampleNetwork.calibration(of: broken, on: [samples.image()]).quantized(.minmax)
        }
        #expect(failure.map { "\($0)".contains("infinite or not numbers") } == true, "\(String(describing: failure))")
    }

    /// Rounding weights shifts a channel's mean; the shift takes it back.
    @Test func biasesMakeUpForRoundedWeights() {
        let convolution = FusedConvolution(
            window: FusedWindow(kernelHeight: 1, kernelWidth: 1), groups: 1, inputChannels: 2, outputChannels: 2,
            weights: [1, 0.0035, 0, 0], scale: [2, 1], shift: [0.5, -1])
        let quantized = convolution.quantized(inputMeans: [0, 10])
        #expect(quantized.integers?.values == [127, 0, 0, 0] && quantized.integers?.scales == [2.0 / 127, 1])
        #expect(abs(quantized.shift[0] - (0.5 + 10 * 0.007)) < 1e-5 && quantized.shift[1] == -1)
        #expect(quantized.weights == quantized.integers?.reals && quantized.scale == [1, 1])
    }
}
