/// A dense array of 32-bit floats in row-major order.
public struct Tensor: Equatable, Sendable {
    public let shape: [Int]
    public let values: [Float]

    /// - Precondition: `values.count` is the product of `shape`.
    public init(shape: [Int], values: [Float]) {
        precondition(values.count == shape.reduce(1, *), "\(values.count) values for shape \(shape)")
        self.shape = shape
        self.values = values
    }

    public var count: Int { values.count }
}
