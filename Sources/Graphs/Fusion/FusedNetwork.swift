/// A network of one image in and one vector or map out, as steps for the kernels: batch normalisation, bias, activation
/// and residual are part of the step that they follow; reshapes of a single pixel are gone.
///
/// What it covers is what convolutional classifiers use; anything else is refused, by operator and node, and left to
/// `GraphEvaluator`.
///
/// Values are real or 8 bits (`quantizations`). A step reads the real values that its inputs stand for, residual
/// included, computes, and rounds its result where it has an `outputQuantization`. Kernels for integers may compute the
/// same from the integers, with the one rounding at the end. The network's input and output are real.
public struct FusedNetwork: Equatable, Sendable {
    public let input: String
    public let inputShape: MapShape
    /// In the order in which they run.
    public let steps: [FusedStep]
    public let output: String
    /// Shape of the output as the graph states it.
    public let outputType: ValueType

    public init(
        input: String, inputShape: MapShape, steps: [FusedStep], output: String, outputType: ValueType
    ) {
        self.input = input
        self.inputShape = inputShape
        self.steps = steps
        self.output = output
        self.outputType = outputType
    }

    /// How values of 8 bits stand for real ones, by name; all other values are real, the network's input and output
    /// among them.
    public var quantizations: [String: Quantization] {
        steps.reduce(into: [:]) { $0[$1.output] = $1.outputQuantization }
    }

    /// - Parameter bound: batch of one.
    public init(_ bound: BoundGraph) throws(GraphFailure) {
        let graph = bound.graph
        guard graph.inputs.count == 1, let input = graph.inputs.first?.name, let type = bound.types[input],
            type.element == .float32, type.rank == 4, type.shape[0] == 1
        else { throw GraphFailure("the input is not one image of 32-bit floats") }
        guard graph.outputs.count == 1, let output = graph.outputs.first, let outputType = bound.types[output] else {
            throw GraphFailure("has \(graph.outputs.count) outputs; one is supported")
        }
        guard outputType.element == .float32 else { throw GraphFailure("the output is not of 32-bit floats") }
        inputShape = MapShape(channels: type.shape[1], height: type.shape[2], width: type.shape[3])
        var fusion = Fusion(bound, input: input, inputShape)
        for index in graph.nodes.indices where !fusion.isAbsorbed(index) {
            do throws(GraphFailure) { try fusion.fuse(index) } catch { throw error.at(graph.nodes[index]) }
        }
        guard let last = fusion.map(of: output) else { throw GraphFailure("the output is computed by no step") }
        guard last != input else { throw GraphFailure("computes nothing") }
        self.input = input
        var steps = fusion.steps
        if fusion.quantizations[last] != nil {
            let shape = try fusion.shape(of: last)
            steps.append(FusedStep(name: output, work: .nothing, inputs: [last], output: output, shape: shape))
        }
        self.output = steps.last?.output == output ? output : last
        self.steps = Self.read(steps, by: self.output)
        self.outputType = outputType
    }

    /// The steps that the output needs.
    private static func read(_ steps: [FusedStep], by output: String) -> [FusedStep] {
        var needed: Set = [output]
        var kept: [FusedStep] = []
        for step in steps.reversed() where needed.contains(step.output) {
            needed.formUnion(step.inputs)
            if let residual = step.finish.residual { needed.insert(residual.value) }
            kept.append(step)
        }
        return kept.reversed()
    }
}
