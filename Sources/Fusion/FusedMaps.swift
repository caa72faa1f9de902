import Glibc
public import Graphs

/// Neighbouring channels of one of a step's inputs, or of zeros.
public struct FusedChannels: Equatable, Sendable {
    /// Place in the step's inputs; `nil` for zeros.
    public let input: Int?
    public let first: Int
    public let count: Int

    public init(input: Int?, first: Int, count: Int) {
        self.input = input
        self.first = first
        self.count = count
    }
}

/// What one row or column of a result is made of: the sum of two of the input's by weight, where a weight of zero reads
/// nothing.
public struct FusedTap: Equatable, Sendable {
    public let first: Int
    public let second: Int
    public let firstWeight: Float
    public let secondWeight: Float

    public init(_ first: Int, weight: Float = 1, second: Int = 0, weight secondWeight: Float = 0) {
        self.first = first
        self.second = second
        firstWeight = weight
        self.secondWeight = secondWeight
    }

    /// A row or column of zeros.
    public static let zero = FusedTap(0, weight: 0)
}

/// Channels spread over pixels: the input holds `stride` squared phases of the result's channels, each padded to a
/// multiple of 16, in rows. Pixel (y, x) of the result is pixel ((y + top) / stride, (x + left) / stride) of the phase
/// ((y + top) % stride, (x + left) % stride).
public struct FusedInterleave: Equatable, Sendable {
    public static let multiple = 16

    public let stride: Int
    public let top: Int
    public let left: Int

    public init(stride: Int, top: Int = 0, left: Int = 0) {
        self.stride = stride
        self.top = top
        self.left = left
    }

    public static func padded(_ channels: Int) -> Int { (channels + multiple - 1) / multiple * multiple }
}

/// Two maps into one, pixel by pixel.
public struct FusedCombination: Equatable, Sendable {
    public enum Kind: String, Sendable {
        case add, subtract, multiply, divide, maximum, minimum
    }

    /// What the second input is.
    public enum Operand: Sendable {
        /// A map of the same shape.
        case each
        /// A map of one pixel: one value per channel.
        case perChannel
        /// A map of one channel: one value per pixel.
        case perPixel
    }

    public let kind: Kind
    public let operand: Operand
    /// The second input comes before the first.
    public let isReversed: Bool

    public init(_ kind: Kind, _ operand: Operand, isReversed: Bool = false) {
        self.kind = kind
        self.operand = operand
        self.isReversed = isReversed
    }
}

/// A value as the graph states it, and the map that holds its numbers.
public struct FusedPort: Equatable, Sendable {
    /// Where the channels of a value are among its dimensions; rows and columns keep their order.
    public enum Layout: Sendable {
        /// `[1, channels, ...]`
        case channelsFirst
        /// `[..., channels]`
        case channelsLast
    }

    /// Of the graph's value.
    public let name: String
    /// Of the map: a network's input, or the output of a step.
    public let map: String
    public let shape: MapShape
    public let layout: Layout
    public let type: ValueType

    public init(name: String, map: String, shape: MapShape, layout: Layout, type: ValueType) {
        self.name = name
        self.map = map
        self.shape = shape
        self.layout = layout
        self.type = type
    }
}

extension FusedActivation {
    /// The plain formula of those that take more than comparisons and a sigmoid.
    func smoothValue(at x: Double) -> Double {
        switch self {
        case .tanh: Glibc.tanh(x)
        case .elu(let alpha): x < 0 ? Double(alpha) * expm1(x) : x
        case .gelu: 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
        case .geluTanh: 0.5 * x * (1 + Glibc.tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .softplus: max(x, 0) + log1p(exp(-abs(x)))
        case .mish: x * Glibc.tanh(max(x, 0) + log1p(exp(-abs(x))))
        case .clip(let least, let most): min(max(x, Double(least)), Double(most))
        case .linearGate(let slope, let offset): min(max(Double(slope) * x + Double(offset), 0), 1)
        default: Double(value(at: Float(x)))
        }
    }
}
