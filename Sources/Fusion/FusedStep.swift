import Graphs

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// One step of a network after fusion: work for one kernel on the maps of one image.
public struct FusedStep: Equatable, Sendable {
    public enum Work: Equatable, Sendable {
        case convolution(FusedConvolution)
        case maximum(FusedWindow)
        /// Padding counts as zeros where `countsPadding` says so.
        case average(FusedWindow, countsPadding: Bool)
        /// Mean over all pixels.
        case globalAverage
        /// The sum of two maps.
        case addition
        /// Every channel of the first input times the factor in the second, a map of one pixel.
        case scaling
        /// The step's activation alone; with `outputQuantization` also the rounding of a real value, without it also
        /// the return of 8 bits to real values.
        case nothing
        /// Channels of the inputs, one after another.
        case gather([FusedChannels])
        /// One tap for every row and for every column of the result.
        case resample(rows: [FusedTap], columns: [FusedTap])
        /// Channels spread over pixels.
        case interleave(FusedInterleave)
        /// Two maps into one.
        case combination(FusedCombination)
        /// Every channel times a number plus a number.
        case affine(scale: [Float], shift: [Float])
        /// Every value where it is positive, elsewhere times its channel's slope.
        case slopes([Float])
        /// Over the channels of every pixel.
        case softmax
        /// The channels of every pixel brought to mean 0 and variance 1, then times a number plus a number.
        case layerNorm(epsilon: Float, scale: [Float], shift: [Float])
        /// The value at each of 256 integers, from the least one on, of an input of 8 bits.
        case lookup([Float])
    }

    /// Of the node that the step begins with.
    public let name: String
    public var work: Work
    /// Values that earlier steps have computed, or the network's input.
    public let inputs: [String]
    /// The value after activation and residual.
    public internal(set) var output: String
    public let shape: MapShape
    public internal(set) var finish: FusedFinish
    /// The result after activation and residual is rounded to 8 bits, and what reads it reads the values that these
    /// stand for; `nil` where it stays real.
    public var outputQuantization: Quantization?

    public init(
        name: String, work: Work, inputs: [String], output: String, shape: MapShape,
        finish: FusedFinish = FusedFinish(), outputQuantization: Quantization? = nil
    ) {
        self.name = name
        self.work = work
        self.inputs = inputs
        self.output = output
        self.shape = shape
        self.finish = finish
        self.outputQuantization = outputQuantization
    }

    public var isConvolution: Bool { if case .convolution = work { true } else { false } }
}

/// Channels, height and width of a value for one image.
public struct MapShape: Equatable, Sendable {
    public let channels: Int
    public let height: Int
    public let width: Int

    public init(channels: Int, height: Int, width: Int) {
        self.channels = channels
        self.height = height
        self.width = width
    }

    public var pixels: Int { height * width }
}

/// What is done to a step's result before it is written.
public struct FusedFinish: Equatable, Sendable {
    public struct Residual: Equatable, Sendable {
        public var value: String
        /// Whether the activation comes after the sum.
        public var isActivated: Bool

        public init(value: String, isActivated: Bool) {
            self.value = value
            self.isActivated = isActivated
        }
    }

    public var activation: FusedActivation
    /// A map of the result's shape that is added.
    public var residual: Residual?

    public init(_ activation: FusedActivation = .none, residual: Residual? = nil) {
        self.activation = activation
        self.residual = residual
    }

    /// Nothing is done.
    public var isPlain: Bool { activation == .none && residual == nil }
}

public enum FusedActivation: Equatable, Sendable {
    case none
    case relu
    /// Clipped to 0 and this, as ReLU6 is.
    case clippedRelu(Float)
    case leakyRelu(slope: Float)
    /// clamp(x / 6 + 1/2, 0, 1)
    case hardSigmoid
    /// x * hardSigmoid(x)
    case hardSwish
    case sigmoid
    /// x * sigmoid(x)
    case silu
    case tanh
    /// x where it is positive, alpha * (e^x - 1) elsewhere
    case elu(alpha: Float)
    /// x * (1 + erf(x / sqrt(2))) / 2
    case gelu
    /// The approximation of GELU by tanh.
    case geluTanh
    /// log(1 + e^x)
    case softplus
    /// x * tanh(softplus(x))
    case mish
    case clip(Float, Float)
    /// clamp(slope * x + offset, 0, 1): ONNX `HardSigmoid` with any parameters.
    case linearGate(slope: Float, offset: Float)

    /// The plain formula.
    public func value(at x: Float) -> Float {
        switch self {
        case .none: x
        case .relu: max(0, x)
        case .clippedRelu(let high): min(max(0, x), high)
        case .leakyRelu(let slope): x < 0 ? slope * x : x
        case .hardSigmoid: min(max(x / 6 + 0.5, 0), 1)
        case .hardSwish: x * min(max(x / 6 + 0.5, 0), 1)
        case .sigmoid: 1 / (1 + exp(-x))
        case .silu: x / (1 + exp(-x))
        default: Float(smoothValue(at: Double(x)))
        }
    }
}

/// A window that slides over the pixels.
public struct FusedWindow: Equatable, Sendable {
    public struct Padding: Equatable, Sendable {
        public let top: Int
        public let left: Int
        public let bottom: Int
        public let right: Int

        public init(top: Int, left: Int, bottom: Int, right: Int) {
            self.top = top
            self.left = left
            self.bottom = bottom
            self.right = right
        }

        public static let none = Padding(top: 0, left: 0, bottom: 0, right: 0)
    }

    public let kernelHeight: Int
    public let kernelWidth: Int
    public let strideHeight: Int
    public let strideWidth: Int
    public let dilationHeight: Int
    public let dilationWidth: Int
    public let padding: Padding

    public init(
        kernelHeight: Int, kernelWidth: Int, strideHeight: Int = 1, strideWidth: Int = 1, dilationHeight: Int = 1,
        dilationWidth: Int = 1, padding: Padding = .none
    ) {
        self.kernelHeight = kernelHeight
        self.kernelWidth = kernelWidth
        self.strideHeight = strideHeight
        self.strideWidth = strideWidth
        self.dilationHeight = dilationHeight
        self.dilationWidth = dilationWidth
        self.padding = padding
    }
}

/// A convolution or a fully connected layer with what follows it per channel: `sum * scale + shift`.
public struct FusedConvolution: Equatable, Sendable {
    public let window: FusedWindow
    public let groups: Int
    public let inputChannels: Int
    public let outputChannels: Int
    /// `[output channel][input channel / groups][row][column]`; those that `integers` stand for where there are any.
    public let weights: [Float]
    /// The weights as 8 bits; a kernel that also reads 8 bits may compute with them.
    public let integers: QuantizedWeights?
    public var scale: [Float]
    public var shift: [Float]

    public init(
        window: FusedWindow, groups: Int, inputChannels: Int, outputChannels: Int, weights: [Float],
        integers: QuantizedWeights? = nil, scale: [Float], shift: [Float]
    ) {
        self.window = window
        self.groups = groups
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.weights = weights
        self.integers = integers
        self.scale = scale
        self.shift = shift
    }

    public var isDepthwise: Bool { groups > 1 && groups == inputChannels && groups == outputChannels }
}
