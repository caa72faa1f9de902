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
        /// The step's activation alone.
        case nothing
    }

    /// Of the node that the step begins with.
    public let name: String
    public let work: Work
    /// Values that earlier steps have computed, or the network's input.
    public let inputs: [String]
    /// The value after activation and residual.
    public let output: String
    public let shape: MapShape
    public let finish: FusedFinish
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
    }

    public var activation: FusedActivation = .none
    /// A map of the result's shape that is added.
    public var residual: Residual?

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
    /// `[output channel][input channel / groups][row][column]`
    public let weights: [Float]
    public var scale: [Float]
    public var shift: [Float]

    public var isDepthwise: Bool { groups > 1 && groups == inputChannels && groups == outputChannels }
}
