public import Engine

/// One fully connected layer; between two layers of a predictor stands a ReLU.
public struct DenseLayer: Equatable, Sendable {
    /// `[outputs][inputs]`
    public let weight: Tensor
    /// `[outputs]`
    public let bias: Tensor
}

/// The accuracy predictor of Once-for-All: a chain of fully connected layers, as `torch.nn.Sequential` names them
/// (`0.weight`, `0.bias`, `2.weight`, ... with ReLU at the odd places).
public enum AccuracyPredictorImporter {
    /// The layers in order; each takes what the one before it gives.
    public static func read(from path: String) throws(CheckpointFailure) -> [DenseLayer] {
        let checkpoint = try PyTorchCheckpoint.read(from: path)
        do throws(ReadingFailure) {
            return try layers(of: checkpoint.tensors)
        } catch {
            throw CheckpointFailure(error, in: path)
        }
    }

    static func layers(of tensors: [String: Tensor]) throws(ReadingFailure) -> [DenseLayer] {
        var layers: [DenseLayer] = []
        while let weight = tensors["\(2 * layers.count).weight"] {
            let place = 2 * layers.count
            guard weight.shape.count == 2, !weight.shape.contains(0) else {
                throw ReadingFailure("shape \(weight.shape) is not one of two dimensions", subject: "\(place).weight")
            }
            guard let bias = tensors["\(place).bias"] else {
                throw ReadingFailure("is missing", subject: "\(place).bias")
            }
            guard bias.shape == [weight.shape[0]] else {
                throw ReadingFailure("shape \(bias.shape) is not \([weight.shape[0]])", subject: "\(place).bias")
            }
            if let last = layers.last, last.weight.shape[0] != weight.shape[1] {
                throw ReadingFailure(
                    "takes \(weight.shape[1]) values, but the layer before it gives \(last.weight.shape[0])",
                    subject: "\(place).weight")
            }
            layers.append(DenseLayer(weight: weight, bias: bias))
        }
        guard let last = layers.last else { throw ReadingFailure("is missing", subject: "0.weight") }
        guard last.weight.shape[0] == 1 else {
            throw ReadingFailure(
                "the last layer gives \(last.weight.shape[0]) values instead of one",
                subject: "\(2 * layers.count - 2).weight")
        }
        let expected = Set(layers.indices.flatMap { ["\(2 * $0).weight", "\(2 * $0).bias"] })
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            guard expected.contains(name) else { throw ReadingFailure("is not part of a predictor", subject: name) }
            try tensor.requireFinite(name)
        }
        return layers
    }
}

extension Tensor {
    func requireFinite(_ name: String) throws(ReadingFailure) {
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            throw ReadingFailure("value \(index) is not finite", subject: name)
        }
    }
}
