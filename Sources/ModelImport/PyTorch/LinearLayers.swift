public import Engine

/// The linear layers of a multilayer perceptron checkpoint (`0.weight`, `0.bias`, `2.weight`, …), such as the
/// accuracy predictors of once-for-all.
public enum LinearLayers {
    public struct Layer: Equatable, Sendable {
        /// `[outputs][inputs]`.
        public let weight: Tensor
        public let bias: [Float]
    }

    /// - Returns: layers in the order of their numbers.
    /// - Throws: `CheckpointFailure` when the layers do not follow on each other or other tensors are in the file.
    public static func read(from path: String) throws(CheckpointFailure) -> [Layer] {
        let tensors = try PyTorchCheckpoint.read(from: path)
        let numbers = Set(tensors.keys.compactMap { $0.split(separator: ".").first.flatMap { Int($0) } }).sorted()
        var layers: [Layer] = []
        for number in numbers {
            guard let weight = tensors["\(number).weight"], let bias = tensors["\(number).bias"] else {
                throw CheckpointFailure(file: path, tensor: "\(number).weight", reason: "weight or bias is missing")
            }
            let inputs = layers.last?.bias.count ?? weight.shape.last
            guard weight.shape.count == 2, bias.shape == [weight.shape[0]], weight.shape[1] == inputs,
                (weight.values + bias.values).allSatisfy(\.isFinite)
            else {
                throw CheckpointFailure(
                    file: path, tensor: "\(number).weight", reason: "the shape \(weight.shape) does not follow")
            }
            layers.append(Layer(weight: weight, bias: bias.values))
        }
        guard !layers.isEmpty, layers.count * 2 == tensors.count else {
            throw CheckpointFailure(file: path, reason: "is not a row of linear layers")
        }
        return layers
    }
}
