import Engine
import Foundation
import Fusion
import Graphs
import MapPruning
import SearchSpace
import NetworkParts

@testable import HookNetworks

/// Small networks, samples and states for tests.
enum HookSamples {
    static let side = 12

    /// A residual network of random weights: a stem, `blocks` blocks of some channels that keep the map, and a
    /// classifier.
    static func network(
        blocks: Int, seed: UInt64, channels: Int = 16, side: Int = HookSamples.side
    ) throws -> FusedNetwork {
        try FusedNetwork(try BoundGraph(graph(blocks: blocks, seed: seed, channels: channels, side: side)))
    }

    static func graph(
        blocks: Int, seed: UInt64, channels: Int = 16, side: Int = HookSamples.side
    ) throws -> Graph {
        var draft = Draft(seed: seed)
        var x = draft.add("Relu", [draft.convolution("x", 3, channels)])
        for _ in 0..<blocks {
            let hidden = draft.add("Relu", [draft.convolution(x, channels, channels)])
            x = draft.add("Relu", [draft.add("Add", [draft.convolution(hidden, channels, channels), x])])
        }
        x = draft.add("Flatten", [draft.add("GlobalAveragePool", [x])])
        x = draft.add(
            "Gemm", [x, draft.constant([4, channels], 2), draft.constant([4], 0.1)], ["transB": .int(1)])
        return try draft.graph(side, x)
    }

    /// A chain without shortcuts: convolutions of 32 channels, every second one before a pool of 2x2, and a classifier.
    /// - Parameter lastKernel: of the last convolution; the others are 3x3.
    static func chain(
        convolutions: Int, side: Int, lastKernel: Int = 3, seed: UInt64 = 5
    ) throws -> FusedNetwork {
        var draft = Draft(seed: seed)
        var (x, size) = ("x", side)
        for index in 0..<convolutions {
            let kernel = index == convolutions - 1 ? lastKernel : 3
            x = draft.add("Relu", [draft.convolution(x, index == 0 ? 3 : 32, 32, kernel: kernel)])
            if index % 2 == 1, size > 4 {
                x = draft.add("MaxPool", [x], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
                size /= 2
            }
        }
        let weights = draft.constant([4, 32 * size * size], 0.2)
        x = draft.add(
            "Gemm", [draft.add("Flatten", [x]), weights, draft.constant([4], 0.1)], ["transB": .int(1)])
        return try FusedNetwork(BoundGraph(draft.graph(side, x)))
    }

    /// Nodes one after another, with random constants.
    private struct Draft {
        private var generator: SeededGenerator
        private var nodes: [Node] = []
        private var constants: [String: TensorValue] = [:]

        init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

        mutating func constant(_ shape: [Int], _ size: Double) -> String {
            let name = "c\(constants.count)"
            let values = (0..<shape.reduce(1, *)).map { _ in Float(size * (2 * generator.uniform() - 1)) }
            constants[name] = TensorValue(shape: shape, .float32(values))
            return name
        }

        mutating func add(_ name: String, _ inputs: [String], _ attributes: [String: Attribute] = [:]) -> String {
            nodes.append(Node(name, opset: 14, inputs: inputs, outputs: ["v\(nodes.count)"], attributes: attributes))
            return "v\(nodes.count - 1)"
        }

        /// With padding.
        mutating func convolution(_ x: String, _ inputs: Int, _ outputs: Int, kernel: Int = 3) -> String {
            let (size, side) = (1.2 / Double(kernel * kernel * inputs).squareRoot(), kernel / 2)
            let weights = constant([outputs, inputs, kernel, kernel], size)
            return add(
                "Conv", [x, weights, constant([outputs], 0.1)],
                ["pads": .ints([side, side, side, side]), "kernel_shape": .ints([kernel, kernel])])
        }

        func graph(_ side: Int, _ output: String) throws -> Graph {
            let input = GraphInput(name: "x", element: .float32, dimensions: [1, 3, side, side].map { .fixed($0) })
            return try Graph(
                name: "sample", inputs: [input], outputs: [output], initialisers: constants, nodes: nodes)
        }
    }

    /// A gate that predicts the same damage for every input, and passes its validation.
    static func constantGate(_ features: Int, damage: Double) -> Gate {
        Gate(
            mean: [Double](repeating: 0, count: features), deviation: [Double](repeating: 1, count: features),
            predictor: .perceptron(
                Perceptron(
                    [.linear(inputs: features, outputs: 1)], parameters: [Double](repeating: 0, count: features))),
            slope: 1, offset: -log(1 / damage - 1),
            validation: GateValidation(
                samples: 100, loss: 0, constantLoss: 1, acceptedDamage: 0, acceptedPrediction: 0))
    }

    static func image(_ seed: UInt64, side: Int = HookSamples.side) -> [Float] {
        var generator = SeededGenerator(seed: seed)
        return (0..<3 * side * side).map { _ in Float(2 * generator.uniform() - 1) }
    }

    /// Samples whose damage is 1 where the first feature is positive, but for a share of mistakes.
    static func samples(_ count: Int, mistakes: Double, seed: UInt64, byteLimit: Int = 1 << 20) -> GateSamples {
        var generator = SeededGenerator(seed: seed)
        var samples = GateSamples(featureCount: 3, byteLimit: byteLimit)
        for _ in 0..<count {
            let features = (0..<3).map { _ in Float(generator.normal()) }
            let isHarmful = (features[0] > 0) != (generator.uniform() < mistakes)
            features.withUnsafeBufferPointer { samples.add($0, damage: isHarmful ? 1 : 0, using: &generator) }
        }
        return samples
    }

    static func state(seed: UInt64, algorithm: TrainingAlgorithm = .backpropagation) throws -> HookState {
        var settings = GateTrainer.Settings()
        settings.algorithm = algorithm
        settings.hidden = 2
        settings.epochs = 2
        let samples = samples(500, mistakes: 0.1, seed: seed)
        var hook = HookState.Hook(
            AttachmentPoint(kind: .skip, operator: "block", flops: 10, microseconds: 2.5, parts: 1..<2))
        hook.gate = GateTrainer(settings).train(samples, seed: seed)
        hook.samples = self.samples(5, mistakes: 0.1, seed: seed)
        hook.head = HookState.Filter(weights: [1, 2], bias: [3])
        hook.substitute = HookState.Filter(weights: [4], bias: [5])
        hook.masks = [
            PartMask(
                part: 1, mask: MapMask(blocks: [true, false], strips: [true]),
                reader: HookState.Filter(weights: [6], bias: [7]))
        ]
        hook.expectedDamage = 0.25
        var state = HookState(kinds: [.skip], weightsSHA256: "ab", hooks: [hook])
        state.statistics.frames = 7
        state.statistics.algorithm = algorithm
        return state
    }
}
