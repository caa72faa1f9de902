public import Graphs

extension TensorValue {
    public init(_ tensor: Tensor) { self.init(shape: tensor.shape, .float32(tensor.values)) }

    /// The same values where they are 32-bit floats.
    public var tensor: Tensor? {
        guard case .float32(let values) = elements else { return nil }
        return Tensor(shape: shape, values: values)
    }
}
