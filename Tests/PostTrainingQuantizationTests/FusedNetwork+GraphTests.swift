import Engine
import Fusion
import Graphs
import Testing

@testable import PostTrainingQuantization

/// Fused networks written as graphs and fused again.
@Suite struct FusedNetworkGraphTests {
    private func check(_ network: FusedNetwork, seed: UInt64) throws {
        let graph = try network.graph(named: "written")
        let bound = try BoundGraph(graph)
        let again = try FusedNetwork(bound)
        #expect(again.outputType == network.outputType && again.inputShape == network.inputShape)
        #expect(again.steps.map(\.output) == network.steps.map(\.output))
        #expect(again.steps.map(\.finish) == network.steps.map(\.finish))
        #expect(again.steps.map(\.shape) == network.steps.map(\.shape))

        var samples = SampleNetwork(seed: seed)
        let shape = network.inputShape
        let image = samples.values(shape.channels * shape.pixels)
        let input = TensorValue(shape: [1, shape.channels, shape.height, shape.width], .float32(image))
        guard case .float32(let defined)? = try GraphEvaluator(bound).run(["x": input])[graph.outputs[0]]?.elements
        else { throw GraphFailure("no output") }
        #expect(SampleNetwork.error([defined], try SampleNetwork.run(network, on: [image])) < 1e-4)
        #expect(SampleNetwork.error([defined], try SampleNetwork.run(again, on: [image])) < 1e-4)
    }

    @Test(arguments: [
        FusedActivation.none, .relu, .clippedRelu(0.5), .leakyRelu(slope: 0.2), .hardSigmoid, .hardSwish,
        .sigmoid, .silu, .tanh, .softplus, .elu(alpha: 0.7), .gelu, .geluTanh, .mish, .clip(-0.3, 0.4),
        .linearGate(slope: 0.3, offset: 0.4),
    ])
    func activationsAreWritten(activation: FusedActivation) throws {
        var samples = SampleNetwork(seed: 21)
        try check(samples.network(activation), seed: 22)
    }

    @Test func poolsSumsAndVectorsOfMapsAreWritten() throws {
        var samples = SampleNetwork(seed: 23)
        let shape = MapShape(channels: 2, height: 5, width: 6)
        let window = FusedWindow(
            kernelHeight: 3, kernelWidth: 2, strideHeight: 2, padding: .init(top: 1, left: 0, bottom: 1, right: 1))
        let pooled = MapShape(channels: 2, height: 3, width: 6)
        let vector = FusedConvolution(
            window: FusedWindow(kernelHeight: 3, kernelWidth: 6), groups: 1, inputChannels: 2, outputChannels: 4,
            weights: samples.values(4 * 36), scale: [1, 1, 1, 1], shift: samples.values(4))
        let steps = [
            FusedStep(name: "a", work: .maximum(window), inputs: ["x"], output: "a", shape: pooled),
            FusedStep(
                name: "b", work: .average(window, countsPadding: true), inputs: ["x"], output: "b", shape: pooled),
            FusedStep(
                name: "c", work: .addition, inputs: ["a", "b"], output: "c", shape: pooled, finish: FusedFinish(.relu)),
            FusedStep(
                name: "d", work: .convolution(vector), inputs: ["c"], output: "d",
                shape: MapShape(channels: 4, height: 1, width: 1)),
        ]
        try check(
            FusedNetwork(
                input: "x", inputShape: shape, steps: steps, output: "d", outputType: ValueType(.float32, [1, 4])),
            seed: 24)
    }

    @Test func mixedRowsAreRefusedByTheOperatorsTheyComeFrom() throws {
        let shape = MapShape(channels: 1, height: 3, width: 1)
        let step = FusedStep(
            name: "v12", work: .resample(rows: [1, 0, 2].map { FusedTap($0) }, columns: [FusedTap(0)]), inputs: ["x"],
            output: "y", shape: shape)
        let network = FusedNetwork(
            input: "x", inputShape: shape, steps: [step], output: "y", outputType: ValueType(.float32, [1, 1, 3, 1]))
        let reason = "v12: a Resize, Slice or Pad whose rows and columns no operator gives by their sizes alone"
        #expect(throws: GraphFailure(reason)) { try network.graph(named: "written") }
    }

    @Test func tablesAreRefused() throws {
        let shape = MapShape(channels: 1, height: 1, width: 1)
        let step = FusedStep(
            name: "table", work: .lookup([Float](repeating: 0, count: 256)), inputs: ["x"], output: "y", shape: shape)
        let network = FusedNetwork(
            input: "x", inputShape: shape, steps: [step], output: "y", outputType: ValueType(.float32, [1, 1, 1, 1]))
        #expect(throws: GraphFailure("table: a table of 8 bits is no operator")) {
            try network.graph(named: "written")
        }
    }
}
