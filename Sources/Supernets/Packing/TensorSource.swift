import Engine

/// Takes tensors by name and shape out of a package.
struct TensorSource {
    let tensors: [String: Tensor]

    func values(_ name: String, shape: [Int]) throws(SupernetRefusal) -> [Float] {
        guard let tensor = tensors[name] else { throw .missingTensor(name: name) }
        guard tensor.shape == shape else {
            throw .wrongShape(tensor: name, expected: shape, found: tensor.shape)
        }
        return tensor.values
    }

    func pointwise(_ name: String, from input: Int, to output: Int) throws(SupernetRefusal) -> PackedConvolution {
        let weight = try values(name, shape: [output, input, 1, 1])
        return PackedConvolution(weight: weight, outputChannels: output, rows: input)
    }

    func normalization(_ name: String, channels: Int) throws(SupernetRefusal) -> BatchNormalization {
        BatchNormalization(
            name: name, weight: try values(name + ".weight", shape: [channels]),
            bias: try values(name + ".bias", shape: [channels]),
            checkpointStatistics: SubnetStatistics.Layer(
                mean: try values(name + ".running_mean", shape: [channels]),
                variance: try values(name + ".running_var", shape: [channels])))
    }
}
