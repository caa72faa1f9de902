import SearchSpace
import Testing

@testable import HookNetworks

@Suite struct LayerTests {
    private static let networks: [[Layer]] = [
        [.linear(inputs: 5, outputs: 3)],
        [.bias(count: 4)],
        [.linear(inputs: 4, outputs: 6), .bias(count: 6), .relu(count: 6), .linear(inputs: 6, outputs: 2)],
        [.layerNorm(count: 5)],
        [.linear(inputs: 3, outputs: 7), .layerNorm(count: 7), .relu(count: 7), .linear(inputs: 7, outputs: 3)],
    ]

    @Test(arguments: networks, Loss.allCases)
    func gradientsEqualFiniteDifferences(layers: [Layer], loss: Loss) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        var network = Perceptron(layers, using: &generator)
        for index in network.parameters.indices { network.parameters[index] += 0.1 * generator.normal() }
        let input = (0..<network.inputs).map { _ in generator.normal() }
        let target = (0..<network.outputs).map { _ in generator.uniform() }

        var trace = Perceptron.Trace(layers)
        trace.run(network, on: input)
        var gradient = [Double](repeating: 0, count: network.parameters.count)
        trace.backpropagate(network, loss.gradient(trace.output, target), into: &gradient)

        let step = 1e-6
        for index in network.parameters.indices {
            var (above, below) = (network, network)
            above.parameters[index] += step
            below.parameters[index] -= step
            let slope =
                (loss.value(above.output(for: input), target) - loss.value(below.output(for: input), target))
                / (2 * step)
            #expect(abs(slope - gradient[index]) < 1e-5 * max(1, abs(slope)), "parameter \(index), seed \(seed)")
        }
    }

    @Test func layerNormGivesMeanZeroAndDeviationOne() {
        var generator = SeededGenerator(seed: 1)
        let output = Perceptron([.layerNorm(count: 4)], using: &generator).output(for: [1, 5, -2, 8])
        #expect(abs(output.reduce(0, +)) < 1e-12)
        #expect(abs(output.reduce(0) { $0 + $1 * $1 } / 4 - 1) < 1e-5)
    }

    @Test(arguments: [Optimizer.Method.usualAdam, .sgd(momentum: 0.9)])
    func optimizersFindTheMinimumOfABowl(method: Optimizer.Method) {
        var parameters = [3.0, -2.0]
        var optimizer = Optimizer(method, learningRate: 0.02, parameterCount: 2)
        for _ in 0..<2_000 { optimizer.step(&parameters, [parameters[0] - 1, 4 * (parameters[1] - 0.5)]) }
        #expect(abs(parameters[0] - 1) < 1e-3 && abs(parameters[1] - 0.5) < 1e-3, "\(parameters)")
    }

    @Test(arguments: [true, false])
    func forwardForwardGradientEqualsFiniteDifferences(isPositive: Bool) {
        let output = [0.3, 1.4, 0, 2.1]
        let gradient = ForwardForward.gradient(output, isPositive: isPositive)
        for index in output.indices {
            var (above, below) = (output, output)
            above[index] += 1e-6
            below[index] -= 1e-6
            let difference =
                ForwardForward.loss(above, isPositive: isPositive) - ForwardForward.loss(below, isPositive: isPositive)
            let slope = difference / 2e-6
            #expect(abs(slope - gradient[index]) < 1e-6, "\(index)")
        }
    }
}
