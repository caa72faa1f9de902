/// What a supernet is made of: its search space, and the facts that its weights do not say.
///
/// The JSON form is the `--config` of `shoal import`; the widths are read off the weights and filled in there.
public struct SupernetArchitecture: Hashable, Codable, Sendable {
    public enum Activation: String, Hashable, Codable, Sendable {
        case relu
        case hardSwish = "h_swish"
    }

    public var name: String
    public var inputChannels: Int
    public var resolutions: [Int]
    public var kernelSizes: [Int]
    public var expandRatios: [Int]
    public var depths: [Int]
    public var stemStride: Int
    /// Stride of the first block of each stage.
    public var strides: [Int]
    /// Activation of each stage. Stem, final expand and feature mix use h-swish, the fixed first block ReLU.
    public var activations: [Activation]
    /// Whether the blocks of each stage have squeeze-and-excite.
    public var squeezeExcite: [Bool]
    /// Per input channel; the network's input is `(x / 255 - mean) / std`.
    public var mean: [Float]
    public var std: [Float]
    /// Class names in the order of the logits; empty when they are not known.
    public var labels: [String]
    /// Channel counts read off the weights; `nil` in a configuration that has not met its weights.
    public var widths: Widths?

    public struct Widths: Hashable, Codable, Sendable {
        public var stem: Int
        public var firstBlock: Int
        public var stages: [Int]
        public var finalExpand: Int
        public var featureMix: Int
        public var classes: Int

        public init(stem: Int, firstBlock: Int, stages: [Int], finalExpand: Int, featureMix: Int, classes: Int) {
            self.stem = stem
            self.firstBlock = firstBlock
            self.stages = stages
            self.finalExpand = finalExpand
            self.featureMix = featureMix
            self.classes = classes
        }
    }

    public init(
        name: String, inputChannels: Int, resolutions: [Int], kernelSizes: [Int], expandRatios: [Int],
        depths: [Int], stemStride: Int, strides: [Int], activations: [Activation], squeezeExcite: [Bool],
        mean: [Float], std: [Float], labels: [String], widths: Widths? = nil
    ) {
        self.name = name
        self.inputChannels = inputChannels
        self.resolutions = resolutions
        self.kernelSizes = kernelSizes
        self.expandRatios = expandRatios
        self.depths = depths
        self.stemStride = stemStride
        self.strides = strides
        self.activations = activations
        self.squeezeExcite = squeezeExcite
        self.mean = mean
        self.std = std
        self.labels = labels
        self.widths = widths
    }

    /// The two public ImageNet supernets (width multipliers 1.0 and 1.2) of once-for-all, which differ in
    /// widths alone.
    public static let imageNetMobileNetV3 = SupernetArchitecture(
        name: "ofa-mbv3", inputChannels: 3, resolutions: Array(stride(from: 128, through: 224, by: 4)),
        kernelSizes: [3, 5, 7], expandRatios: [3, 4, 6], depths: [2, 3, 4], stemStride: 2,
        strides: [2, 2, 2, 1, 2], activations: [.relu, .relu, .hardSwish, .hardSwish, .hardSwish],
        squeezeExcite: [false, true, false, true, true],
        mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], labels: [])

    /// The search space over this supernet.
    /// - Precondition: the architecture passed `validate()`.
    public var searchSpace: SearchSpace {
        SearchSpace(
            name: name, stageCount: strides.count, resolutions: resolutions, depths: depths,
            kernelSizes: kernelSizes, expandRatios: expandRatios)
    }
}
