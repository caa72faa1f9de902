/// A dense array of any element type in row-major order; what flows through a graph.
///
/// The engine's `Tensor` is its special case of 32-bit floats; the two share their values.
public struct TensorValue: Equatable, Sendable {
    public let shape: [Int]
    public let elements: Elements

    /// - Precondition: the number of elements is the product of the shape.
    public init(shape: [Int], _ elements: Elements) {
        precondition(elements.count == shape.reduce(1, *), "\(elements.count) values for shape \(shape)")
        self.shape = shape
        self.elements = elements
    }

    /// A vector of 64-bit integers, as shapes are.
    public init(integers: [Int]) { self.init(shape: [integers.count], .int64(integers.map(Int64.init))) }

    public var type: ValueType { ValueType(elements.type, shape) }
    public var count: Int { elements.count }

    package var doubles: [Double] { elements.doubles }
    package var integers: [Int64] { elements.integers }
}

/// Element type and shape of a value.
public struct ValueType: Equatable, Sendable, CustomStringConvertible {
    public var element: ElementType
    public var shape: [Int]

    public init(_ element: ElementType, _ shape: [Int]) {
        self.element = element
        self.shape = shape
    }

    /// - Precondition: the product does not overflow; `GraphLimits.checkedCount` has seen to it.
    public var count: Int { shape.reduce(1, *) }
    public var rank: Int { shape.count }
    public var description: String { "\(element.rawValue) \(shape)" }
}
