import Engine
import Fusion
import Graphs
import Testing

@testable import PostTrainingQuantization

/// Plans whose convolutions have precisions of their own, against the definition of every step.
@Suite struct MixedPlanTests {
    private let network: FusedNetwork
    private let forms: EightBitForms
    private let image: [Float]
    private let convolutions: [String]
    private let seed: UInt64 = 21

    init() throws {
        var samples = SampleNetwork(seed: seed)
        let plain = samples.network()
        let images = (0..<8).map { _ in samples.image() }
        let calibration = try SampleNetwork.calibration(of: plain, on: images)
        network = plain.equalized(by: calibration.gains)
        let ranges = try SampleNetwork.calibration(of: network, on: images).ranges(.minmax)
        forms = EightBitForms(network.quantized(by: ranges))
        image = images[3]
        convolutions = network.steps.filter(forms.cover).map(\.output)
    }

    /// Precisions drawn by a seed; and all of one kind.
    private func assignments(_ count: Int) -> [[String: Precision]] {
        var generator = SystemRandomNumberGenerator()
        let drawn = (0..<count).map { _ in
            Dictionary(
                uniqueKeysWithValues: convolutions.map {
                    ($0, Precision.allCases.randomElement(using: &generator) ?? .fp32)
                })
        }
        return drawn
            + Precision.allCases.map { one in Dictionary(uniqueKeysWithValues: convolutions.map { ($0, one) }) }
    }

    /// The network up to a step, whose map is its output.
    private func part(_ place: Int) -> FusedNetwork {
        let step = network.steps[place]
        return FusedNetwork(
            input: network.input, inputShape: network.inputShape, steps: Array(network.steps[...place]),
            output: step.output,
            outputType: ValueType(.float32, [1, step.shape.channels, step.shape.height, step.shape.width]))
    }

    private func defined(_ part: FusedNetwork, _ precisions: [String: Precision]) throws -> [Float] {
        let eightBits = Set(precisions.filter { $0.value == .int8 }.keys).intersection(part.steps.map(\.output))
        let graph = try part.mixed(eightBits, forms).graph(named: "part")
        let input = TensorValue(shape: [1, 3, 12, 12], .float32(image))
        let values = try GraphEvaluator(BoundGraph(graph)).run(["x": input])
        guard case .float32(let result)? = values[graph.outputs[0]]?.elements else { throw GraphFailure("no floats") }
        return result
    }

    @Test func everyStepIsWhatTheDefinitionGives() throws {
        #expect(convolutions.count == 6)
        let sets = InstructionSet.allCases.filter(\.isSupported)
        for precisions in assignments(4) {
            let hasNarrow = precisions.values.contains(.bf16)
            for place in network.steps.indices where network.steps[place].work != .scaling {
                let part = part(place)
                let reference = try defined(part, precisions)
                for set in sets {
                    let plan = try part.plan(precisions, forms, weights: PackedWeights(), kernels: KernelSet(set))
                    let actual = image.withUnsafeBufferPointer { pixels in
                        let session = Session(for: [plan])
                        return withExtendedLifetime(session) { Array(session.run(plan, on: pixels)) }
                    }
                    // A sum between two integers may round either way; bfloat16 has 8 bits.
                    let error = SampleNetwork.error([reference], [actual])
                    #expect(
                        error < (hasNarrow ? 0.04 : 0.02),
                        "\(set), \(network.steps[place].name), \(error), \(precisions), seed \(seed)")
                }
            }
        }
    }

    /// A plan that shares weights with others gives the bits of one that was made alone.
    @Test func plansThatShareWeightsGiveTheSameBits() throws {
        let kernels = KernelSet(.fastest)
        let weights = PackedWeights()
        let assignments = assignments(5)
        let shared = try assignments.map { try network.plan($0, forms, weights: weights, kernels: kernels) }
        let packed = weights.byteCount
        let session = Session(for: shared)
        for round in 0..<2 {
            for (plan, precisions) in zip(shared, assignments) {
                let alone = try network.plan(precisions, forms, weights: PackedWeights(), kernels: kernels)
                let other = Session(for: [alone])
                image.withUnsafeBufferPointer { pixels in
                    session.activate(plan)
                    #expect(
                        Array(session.run(on: pixels)) == Array(other.run(alone, on: pixels)),
                        "round \(round), \(precisions)")
                }
            }
        }
        #expect(weights.byteCount == packed, "a switch packs nothing")
        for plan in shared { #expect(plan.weightBytes < packed) }
    }

    @Test func withoutRoundingItIsThePlainPlan() throws {
        let kernels = KernelSet(.fastest)
        let plans = [
            try network.plan(kernels: kernels),
            try network.plan([:], forms, weights: PackedWeights(), kernels: kernels),
        ]
        let session = Session(for: plans)
        image.withUnsafeBufferPointer { pixels in
            let outputs = plans.map { Array(session.run($0, on: pixels)) }
            #expect(outputs[0] == outputs[1])
        }
    }
}
