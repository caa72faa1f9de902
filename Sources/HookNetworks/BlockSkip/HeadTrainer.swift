import MapPruning
import SearchSpace

/// Trains the linear layer from pooled features to classes that reads off how clear an input is by then: distilled from
/// the full network's probabilities (Hinton, Vinyals, Dean 2015), without labels.
struct HeadTrainer {
    private static let epochs = 30
    private static let batch = 32

    /// - Parameters:
    ///   - features: of every sample.
    ///   - targets: the full network's probabilities.
    /// - Returns: weights `[class][feature]`, for features as they are.
    static func train(_ features: [[Float]], _ targets: [[Double]], seed: UInt64) -> HookState.Filter? {
        guard let first = features.first, let classes = targets.first?.count, features.count == targets.count else {
            return nil
        }
        let (count, samples) = (first.count, Double(features.count))
        let mean = (0..<count).map { index in features.reduce(0) { $0 + Double($1[index]) } / samples }
        let deviation = (0..<count).map { index in
            let variance = features.reduce(0) {
                $0 + (Double($1[index]) - mean[index]) * (Double($1[index]) - mean[index])
            }
            return variance > 0 ? (variance / samples).squareRoot() : 1
        }
        let normal = features.map { sample in sample.enumerated().map { (Double($1) - mean[$0]) / deviation[$0] } }
        var generator = SeededGenerator(seed: seed)
        var network = Perceptron(
            [.linear(inputs: count, outputs: classes), .bias(count: classes)], using: &generator)
        var optimizer = Optimizer(
            .usualAdam, learningRate: 5e-3, weightDecay: 0.1, parameterCount: network.parameters.count)
        var trace = Perceptron.Trace(network.layers)
        for epoch in 0..<epochs {
            optimizer.learningRate = 5e-3 * (1 - Double(epoch) / Double(epochs))
            let order = Array(normal.indices).shuffled(using: &generator)
            for start in stride(from: 0, to: order.count, by: batch) {
                var gradient = [Double](repeating: 0, count: network.parameters.count)
                let part = order[start..<min(start + batch, order.count)]
                for index in part {
                    trace.run(network, on: normal[index])
                    let slope = Loss.softmax.gradient(trace.output, targets[index])
                    trace.backpropagate(network, slope.map { $0 / Double(part.count) }, into: &gradient)
                }
                optimizer.step(&network.parameters, gradient)
            }
        }
        return filter(network.parameters, mean, deviation, classes)
    }

    private static func filter(
        _ parameters: [Double], _ mean: [Double], _ deviation: [Double], _ classes: Int
    ) -> HookState.Filter {
        var weights = [Float](repeating: 0, count: mean.count * classes)
        var bias = Array(parameters[(mean.count * classes)...])
        for input in mean.indices {
            for one in 0..<classes {
                let weight = parameters[input * classes + one] / deviation[input]
                weights[one * mean.count + input] = Float(weight)
                bias[one] -= weight * mean[input]
            }
        }
        return HookState.Filter(weights: weights, bias: bias.map { Float($0) })
    }
}
