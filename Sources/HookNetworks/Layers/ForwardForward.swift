import Glibc

/// Layers that learn each by itself from positive and negative samples (Hinton 2022, "The Forward-Forward Algorithm"):
/// a layer's goodness, the mean square of its activities, is to lie above a threshold for an input with its own label
/// and below it for an input with another. No gradient passes from layer to layer.
///
/// The label is one of two classes, written as two inputs after the features. Deviation from the paper: what the next
/// layer reads is normalised to mean square 1, and the answer is the difference of the summed goodness under both
/// labels.
public struct ForwardForward: Equatable, Sendable {
    /// Each `features + 2` or the width before, then its own width; biases included.
    public internal(set) var layers: [Perceptron]
    static let threshold = 1.0
    private static let labels = 2

    public init(features: Int, widths: [Int], using generator: inout some RandomNumberGenerator) {
        precondition(features > 0 && !widths.isEmpty, "\(features) features, layers \(widths)")
        var inputs = features + Self.labels
        layers = widths.map { width in
            defer { inputs = width }
            return Perceptron(
                [.linear(inputs: inputs, outputs: width), .bias(count: width), .relu(count: width)], using: &generator)
        }
    }

    init(layers: [Perceptron]) { self.layers = layers }

    var features: Int { layers[0].inputs - Self.labels }

    /// Goodness with label 1 less that with label 0: larger where the input belongs to class 1.
    public func score(_ features: [Double]) -> Double { goodness(features, label: 1) - goodness(features, label: 0) }

    private func goodness(_ features: [Double], label: Int) -> Double {
        var (input, sum) = (Self.labelled(features, label), 0.0)
        for layer in layers {
            let output = layer.output(for: input)
            sum += Self.goodness(output)
            input = Self.normalised(output)
        }
        return sum
    }

    /// One step of every layer on a sample: up with its own label, down with the other.
    mutating func learn(_ features: [Double], label: Int, weight: Double, _ optimizers: inout [Optimizer]) {
        var inputs = [Self.labelled(features, label), Self.labelled(features, 1 - label)]
        for index in layers.indices {
            var gradient = [Double](repeating: 0, count: layers[index].parameters.count)
            var trace = Perceptron.Trace(layers[index].layers)
            for (sample, isPositive) in [(0, true), (1, false)] {
                trace.run(layers[index], on: inputs[sample])
                let output = trace.output
                trace.backpropagate(
                    layers[index], Self.gradient(output, isPositive: isPositive).map { $0 * weight }, into: &gradient)
                inputs[sample] = Self.normalised(output)
            }
            optimizers[index].step(&layers[index].parameters, gradient)
        }
    }

    /// Of `log(1 + exp(-s * (goodness - threshold)))` by the layer's output, s being 1 for positive samples, else -1.
    static func gradient(_ output: [Double], isPositive: Bool) -> [Double] {
        let sign = isPositive ? 1.0 : -1.0
        let slope = -sign * Loss.logistic(-sign * (goodness(output) - threshold))
        return output.map { slope * 2 * $0 / Double(output.count) }
    }

    static func loss(_ output: [Double], isPositive: Bool) -> Double {
        log1p(exp((isPositive ? -1 : 1) * (goodness(output) - threshold)))
    }

    private static func goodness(_ output: [Double]) -> Double {
        output.reduce(0) { $0 + $1 * $1 } / Double(output.count)
    }

    private static func normalised(_ output: [Double]) -> [Double] {
        let size = (goodness(output) + 1e-8).squareRoot()
        return output.map { $0 / size }
    }

    private static func labelled(_ features: [Double], _ label: Int) -> [Double] {
        features + (label == 0 ? [1, 0] : [0, 1])
    }
}
