import Engine
import Graphs
import PostTrainingQuantization

/// A small network with random weights: residual, squeeze-and-excite, channels of very different magnitudes.
struct SampleNetwork {
    private var state: UInt64

    init(seed: UInt64) { state = seed | 1 }

    mutating func values(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return range.lowerBound + Float(state >> 40) / Float(1 << 24) * (range.upperBound - range.lowerBound)
        }
    }

    private mutating func convolution(
        _ name: String, _ input: String, _ inputs: Int, _ shape: MapShape, kernel: Int = 1, stride: Int = 1,
        groups: Int = 1, _ activation: FusedActivation = .none, residual: String? = nil, unevenly: Bool = false
    ) -> FusedStep {
        let (border, outputs) = ((kernel - 1) / 2, shape.channels)
        let fan = inputs / groups * kernel * kernel
        let size = 1.7 / Float(fan).squareRoot()
        let convolution = FusedConvolution(
            window: FusedWindow(
                kernelHeight: kernel, kernelWidth: kernel, strideHeight: stride, strideWidth: stride,
                padding: .init(top: border, left: border, bottom: border, right: border)), groups: groups,
            inputChannels: inputs, outputChannels: outputs, weights: values(outputs * fan, in: -size...size),
            scale: values(outputs, in: 0.5...1.5).enumerated().map { unevenly && $0 % 2 == 1 ? 0.02 * $1 : $1 },
            shift: values(outputs, in: -0.2...0.2).enumerated().map { unevenly && $0 % 2 == 1 ? 0.02 * $1 : $1 })
        return FusedStep(
            name: name, work: .convolution(convolution), inputs: [input], output: name, shape: shape,
            finish: FusedFinish(activation, residual: residual.map { .init(value: $0, isActivated: false) }))
    }

    mutating func network(_ last: FusedActivation = .none) -> FusedNetwork {
        let half = MapShape(channels: 16, height: 6, width: 6)
        let wide = MapShape(channels: 24, height: 6, width: 6)
        let pixel = MapShape(channels: 24, height: 1, width: 1)
        var steps = [
            convolution("stem", "x", 3, half, kernel: 3, stride: 2, .hardSwish),
            convolution("expand", "stem", 16, wide, .clippedRelu(6), unevenly: true),
            convolution("depthwise", "expand", 24, wide, kernel: 3, groups: 24, .relu),
            FusedStep(name: "mean", work: .globalAverage, inputs: ["depthwise"], output: "mean", shape: pixel),
            convolution("gate", "mean", 24, pixel, .hardSigmoid),
            FusedStep(name: "scaled", work: .scaling, inputs: ["depthwise", "gate"], output: "scaled", shape: wide),
        ]
        steps.append(convolution("project", "scaled", 24, half, residual: "stem"))
        steps.append(
            FusedStep(
                name: "pooled", work: .globalAverage, inputs: ["project"], output: "pooled",
                shape: MapShape(channels: 16, height: 1, width: 1)))
        steps.append(convolution("logits", "pooled", 16, MapShape(channels: 10, height: 1, width: 1), last))
        return FusedNetwork(
            input: "x", inputShape: MapShape(channels: 3, height: 12, width: 12), steps: steps, output: "logits",
            outputType: ValueType(.float32, [1, 10]))
    }

    mutating func image() -> [Float] { values(3 * 12 * 12, in: -2...2) }

    /// The logits of the images.
    static func run(_ network: FusedNetwork, on images: [[Float]]) throws -> [[Float]] {
        let plan = try SteppedPlan(network, kernels: KernelSet(.portable))
        let arena = plan.makeArena()
        return images.map { image in
            image.withUnsafeBufferPointer { pixels in
                withExtendedLifetime(arena) { Array(plan.run(on: pixels, in: arena)) }
            }
        }
    }

    static func calibration(of network: FusedNetwork, on images: [[Float]]) throws -> Calibration {
        var calibration = try Calibration(of: network, kernels: KernelSet(.portable))
        let arena = calibration.makeArena()
        for image in images { image.withUnsafeBufferPointer { calibration.add($0, in: arena) } }
        return calibration
    }

    /// Root of the mean square difference over that of the first.
    static func error(_ first: [[Float]], _ second: [[Float]]) -> Float {
        let pairs = zip(first.joined(), second.joined())
        let (noise, signal) = pairs.reduce((Float(0), Float(0))) { sums, pair in
            (sums.0 + (pair.0 - pair.1) * (pair.0 - pair.1), sums.1 + pair.0 * pair.0)
        }
        return (noise / signal).squareRoot()
    }
}
