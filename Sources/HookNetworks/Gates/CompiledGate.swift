import Engine
import Glibc

/// A gate made ready for the inference path: 32-bit floats, no allocation. Belongs to one session.
final class CompiledGate {
    let features: Int
    private let gate: Gate
    private let chains: [Chain]
    private let isForwardForward: Bool
    private let slope: Float
    private let offset: Float
    private let statistics: AlignedBuffer
    private let input: AlignedBuffer
    private let scratch: AlignedBuffer
    private let width: Int

    private struct Chain {
        let layers: [(layer: Layer, offset: Int)]
        let parameters: AlignedBuffer
    }

    init(_ gate: Gate) {
        self.gate = gate
        features = gate.features
        (slope, offset) = (Float(gate.slope), Float(gate.offset))
        statistics = AlignedBuffer(count: 2 * features)
        for index in 0..<features {
            statistics.base[index] = Float(gate.mean[index])
            statistics.base[features + index] = Float(1 / gate.deviation[index])
        }
        let networks: [Perceptron]
        switch gate.predictor {
        case .perceptron(let network): (networks, isForwardForward) = ([network], false)
        case .forwardForward(let network): (networks, isForwardForward) = (network.layers, true)
        }
        chains = networks.map { network in
            let parameters = AlignedBuffer(count: network.parameters.count)
            for (index, value) in network.parameters.enumerated() { parameters.base[index] = Float(value) }
            var offset = 0
            return Chain(
                layers: network.layers.map { layer in
                    defer { offset += layer.parameterCount }
                    return (layer, offset)
                }, parameters: parameters)
        }
        width = networks.flatMap(\.layers).reduce(features + 2) { max($0, $1.inputs, $1.outputs) }
        input = AlignedBuffer(count: features + 2)
        scratch = AlignedBuffer(count: 2 * width)
    }

    var flops: Int {
        let once = chains.reduce(0) { $0 + $1.layers.reduce(0) { $0 + $1.layer.flops } }
        return 2 * features + (isForwardForward ? 2 : 1) * once
    }

    /// Predicted damage, 0...1.
    func predict(_ values: UnsafePointer<Float>) -> Float {
        let (means, inverses) = (statistics.base, statistics.base + features)
        for index in 0..<features { input.base[index] = (values[index] - means[index]) * inverses[index] }
        let score = isForwardForward ? goodness(label: 1) - goodness(label: 0) : run(chains[0], from: input.base)[0]
        return 1 / (1 + expf(-(slope * score + offset)))
    }

    private func goodness(label: Int) -> Float {
        input.base[features] = label == 0 ? 1 : 0
        input.base[features + 1] = label == 0 ? 0 : 1
        var (start, sum) = (UnsafePointer(input.base), Float(0))
        for chain in chains {
            let output = run(chain, from: start)
            let count = chain.layers[chain.layers.count - 1].layer.outputs
            var squares: Float = 0
            for index in 0..<count { squares += output[index] * output[index] }
            let goodness = squares / Float(count)
            sum += goodness
            let size = (goodness + 1e-8).squareRoot()
            for index in 0..<count { output[index] /= size }
            start = UnsafePointer(output)
        }
        return sum
    }

    private func run(_ chain: Chain, from start: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
        var source = start
        // The half of the scratch that the source does not lie in.
        var target = start == UnsafePointer(scratch.base) ? scratch.base + width : scratch.base
        for step in chain.layers {
            step.layer.forward(UnsafePointer(chain.parameters.base + step.offset), source, target)
            source = UnsafePointer(target)
            target = target == scratch.base ? scratch.base + width : scratch.base
        }
        return UnsafeMutablePointer(mutating: source)
    }
}
