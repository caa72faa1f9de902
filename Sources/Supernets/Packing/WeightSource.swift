import Engine
import Packages

/// Where the parts of a supernet come from while it is put together: tensors, which are packed, or the parts of a
/// `PackedFile`, which were. Keeps what it hands out, in order, so that it can be written to such a file.
final class WeightSource {
    private enum Origin {
        case tensors((String) throws(PackageFailure) -> Tensor?)
        case packed([String: AlignedBuffer])
    }

    private let origin: Origin
    private(set) var parts: [PackedFile.Part] = []

    /// - Parameter tensor: a tensor by name; it is not kept.
    init(_ tensor: @escaping (String) throws(PackageFailure) -> Tensor?) { origin = .tensors(tensor) }

    init(_ file: PackedFile) {
        origin = .packed(Dictionary(file.parts.map { ($0.name, $0.values) }, uniquingKeysWith: { first, _ in first }))
    }

    /// The values of a tensor as the package has them, for weights that are still to be packed.
    /// - Precondition: the weights are not packed already.
    func weights(_ name: String, shape: [Int]) throws(SupernetRefusal) -> [Float] {
        guard case .tensors(let tensor) = origin else { preconditionFailure("\(name) of packed weights") }
        let found: Tensor?
        do throws(PackageFailure) { found = try tensor(name) } catch { throw .package(error) }
        guard let found else { throw .missingTensor(name: name) }
        guard found.shape == shape else { throw .wrongShape(tensor: name, expected: shape, found: found.shape) }
        return found.values
    }

    /// A value per channel.
    func vector(_ name: String, count: Int) throws(SupernetRefusal) -> [Float] {
        if case .packed = origin {
            let part = try part(name, count: count)
            return withExtendedLifetime(part) { Array(UnsafeBufferPointer(start: part.base, count: count)) }
        }
        let values = try weights(name, shape: [count])
        let part = AlignedBuffer(count: count)
        part.base.update(from: values, count: count)
        parts.append(.init(name: name, values: part))
        return values
    }

    /// - Parameter weight: `[output][rows]`, asked for unless it was packed before.
    func convolution(
        _ name: String, outputChannels: Int, rows: Int, weight: () throws(SupernetRefusal) -> [Float]
    ) throws(SupernetRefusal) -> PackedConvolution {
        if case .packed = origin {
            let count = PackedConvolution.packedCount(outputChannels: outputChannels, rows: rows)
            let part = try part(name, count: count)
            return PackedConvolution(packed: part, outputChannels: outputChannels, rows: rows)
        }
        let packed = PackedConvolution(weight: try weight(), outputChannels: outputChannels, rows: rows)
        parts.append(.init(name: name, values: packed.weights))
        return packed
    }

    func pointwise(_ name: String, from input: Int, to output: Int) throws(SupernetRefusal) -> PackedConvolution {
        try convolution(name, outputChannels: output, rows: input) { () throws(SupernetRefusal) in
            try weights(name, shape: [output, input, 1, 1])
        }
    }

    func normalization(_ name: String, channels: Int) throws(SupernetRefusal) -> BatchNormalization {
        BatchNormalization(
            name: name, weight: try vector(name + ".weight", count: channels),
            bias: try vector(name + ".bias", count: channels),
            checkpointStatistics: SubnetStatistics.Layer(
                mean: try vector(name + ".running_mean", count: channels),
                variance: try vector(name + ".running_var", count: channels)))
    }

    private func part(_ name: String, count: Int) throws(SupernetRefusal) -> AlignedBuffer {
        guard case .packed(let parts) = origin, let part = parts[name] else { throw .missingTensor(name: name) }
        guard part.count == count else { throw .wrongShape(tensor: name, expected: [count], found: [part.count]) }
        return part
    }
}
