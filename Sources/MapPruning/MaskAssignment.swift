public import NetworkParts

/// What is left out of the hidden map of one part of a network, and the convolution that makes up for it.
public struct PartMask: Equatable, Sendable {
    public var part: Int
    public var mask: MapMask
    /// The convolution that reads the hidden map, fitted to what is left of it; `nil`: as it is.
    public var reader: LinearMap?

    public init(part: Int, mask: MapMask, reader: LinearMap?) {
        (self.part, self.mask, self.reader) = (part, mask, reader)
    }
}

/// A linear map with a bias per output.
public struct LinearMap: Equatable, Sendable {
    public var weights: [Float]
    public var bias: [Float]

    public init(weights: [Float], bias: [Float]) {
        self.weights = weights
        self.bias = bias
    }
}

/// Masks of several parts that were chosen and fitted together.
public struct MaskAssignment: Equatable, Sendable {
    /// In the order of the network.
    public var masks: [PartMask]
    /// Mean over images that it was not fitted on.
    public var damage: Double
    /// Floating-point operations and time that it saves.
    public var flops: Int
    public var microseconds: Double
}
