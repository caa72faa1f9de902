public import Graphs

/// A network, or a part of one, as steps for the kernels: batch normalisation, bias, activation and residual are part
/// of the step that they follow; reshapes that leave channels apart from pixels are gone.
///
/// What it covers is what convolutional networks use; `SegmentedNetwork` leaves anything else to the operators'
/// definitions.
///
/// Values are real or 8 bits (`quantizations`). A step reads the real values that its inputs stand for, residual
/// included, computes, and rounds its result where it has an `outputQuantization`. Kernels for integers may compute the
/// same from the integers, with the one rounding at the end. The network's inputs and outputs are real.
public struct FusedNetwork: Equatable, Sendable {
    public let inputs: [FusedPort]
    /// In the order in which they run.
    public let steps: [FusedStep]
    public let outputs: [FusedPort]

    /// The map of the first input.
    public var input: String { inputs[0].map }
    public var inputShape: MapShape { inputs[0].shape }
    /// The map of the first output.
    public var output: String { outputs[0].map }
    /// Shape of the first output as the graph states it.
    public var outputType: ValueType { outputs[0].type }

    /// - Precondition: at least one input and one output.
    public init(inputs: [FusedPort], steps: [FusedStep], outputs: [FusedPort]) {
        precondition(!inputs.isEmpty && !outputs.isEmpty, "\(inputs.count) inputs, \(outputs.count) outputs")
        self.inputs = inputs
        self.steps = steps
        self.outputs = outputs
    }

    /// A network of one image in and one value out.
    public init(
        input: String, inputShape: MapShape, steps: [FusedStep], output: String, outputType: ValueType
    ) {
        let image = ValueType(.float32, [1, inputShape.channels, inputShape.height, inputShape.width])
        let shape = steps.last { $0.output == output }?.shape ?? inputShape
        self.init(
            inputs: [FusedPort(name: input, map: input, shape: inputShape, layout: .channelsFirst, type: image)],
            steps: steps,
            outputs: [FusedPort(name: output, map: output, shape: shape, layout: .channelsFirst, type: outputType)])
    }

    /// How values of 8 bits stand for real ones, by name; all other values are real, the network's inputs and outputs
    /// among them.
    public var quantizations: [String: Quantization] {
        steps.reduce(into: [:]) { $0[$1.output] = $1.outputQuantization }
    }

    /// The whole graph, by kernels alone.
    /// - Parameter bound: batch of one.
    /// - Throws: the first node that no kernel covers.
    public init(_ bound: BoundGraph) throws(GraphFailure) {
        let graph = bound.graph
        guard graph.inputs.count == 1, let input = graph.inputs.first?.name, let type = bound.types[input],
            type.element == .float32, type.rank == 4, type.shape[0] == 1
        else { throw GraphFailure("the input is not one image of 32-bit floats") }
        guard graph.outputs.allSatisfy({ bound.types[$0]?.element == .float32 }) else {
            throw GraphFailure("the output is not of 32-bit floats")
        }
        let segmented = try SegmentedNetwork(bound, evaluates: false)
        guard segmented.segments.count == 1, case .kernels(let network) = segmented.segments[0] else {
            throw GraphFailure("computes nothing")
        }
        self = network
    }
}
