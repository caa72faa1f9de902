/// Why weights do not make a predictor.
public enum PredictorRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    case wrongShape(layer: Int, reason: String)
    case notFinite(layer: Int)
    case tooLarge(layer: Int, limit: Int)
    case noMembers

    public var description: String {
        switch self {
        case .wrongShape(let layer, let reason): "accuracy predictor, layer \(layer): \(reason)"
        case .notFinite(let layer): "accuracy predictor, layer \(layer): a weight is not finite"
        case .tooLarge(let layer, let limit): "accuracy predictor, layer \(layer): more than \(limit) inputs or outputs"
        case .noMembers: "accuracy predictor: has no member"
        }
    }
}

/// Linear layers with ReLU between them and one output.
public struct MultilayerPerceptron: Hashable, Sendable {
    /// The most inputs or outputs of a layer, and the most layers.
    public static let widthLimit = 4_096
    public static let layerLimit = 16

    public struct Layer: Hashable, Codable, Sendable {
        public let inputs: Int
        public let outputs: Int
        /// Row-major, [outputs][inputs].
        public let weights: [Float]
        public let bias: [Float]

        public init(inputs: Int, outputs: Int, weights: [Float], bias: [Float]) {
            self.inputs = inputs
            self.outputs = outputs
            self.weights = weights
            self.bias = bias
        }
    }

    public let layers: [Layer]

    /// Refuses layers that do not fit each other, do not end in one output, or have weights that are not finite.
    public init(layers: [Layer]) throws(PredictorRefusal) {
        guard (1...Self.layerLimit).contains(layers.count) else {
            throw .wrongShape(layer: 0, reason: "\(layers.count) layers are outside 1...\(Self.layerLimit)")
        }
        for (index, layer) in layers.enumerated() { try Self.check(layer, index) }
        for index in 1..<max(1, layers.count) where layers[index].inputs != layers[index - 1].outputs {
            let reason = "takes \(layers[index].inputs) inputs, the layer before gives \(layers[index - 1].outputs)"
            throw .wrongShape(layer: index, reason: reason)
        }
        guard layers[layers.count - 1].outputs == 1 else {
            throw .wrongShape(layer: layers.count - 1, reason: "the last layer has one output")
        }
        self.layers = layers
    }

    private static func check(_ layer: Layer, _ index: Int) throws(PredictorRefusal) {
        guard layer.inputs > 0, layer.outputs > 0 else { throw .wrongShape(layer: index, reason: "is empty") }
        guard layer.inputs <= widthLimit, layer.outputs <= widthLimit else {
            throw .tooLarge(layer: index, limit: widthLimit)
        }
        let expected = layer.inputs * layer.outputs
        guard layer.weights.count == expected else {
            throw .wrongShape(layer: index, reason: "expected \(expected) weights, found \(layer.weights.count)")
        }
        guard layer.bias.count == layer.outputs else {
            throw .wrongShape(layer: index, reason: "expected \(layer.outputs) biases, found \(layer.bias.count)")
        }
        guard (layer.weights + layer.bias).allSatisfy(\.isFinite) else { throw .notFinite(layer: index) }
    }

    public var inputCount: Int { layers[0].inputs }

    /// The definition, as plain as the formula; `PackedPerceptron` is the fast form.
    func reference(_ inputs: [Float]) -> Float {
        precondition(inputs.count == inputCount, "\(inputCount) inputs")
        var values = inputs
        for (index, layer) in layers.enumerated() {
            values = (0..<layer.outputs).map { output in
                var sum = layer.bias[output]
                for input in 0..<layer.inputs { sum += layer.weights[output * layer.inputs + input] * values[input] }
                return index < layers.count - 1 ? max(0, sum) : sum
            }
        }
        return values[0]
    }
}

extension MultilayerPerceptron: Codable {
    private enum Key: String, CodingKey { case layers }

    public init(from decoder: any Decoder) throws {
        try self.init(layers: decoder.container(keyedBy: Key.self).decode([Layer].self, forKey: .layers))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(layers, forKey: .layers)
    }
}
