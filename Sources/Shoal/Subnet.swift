import SearchSpace

/// One choice of subnet in a supernet: the elastic dimensions of Once-for-All (Cai et al., ICLR 2020).
///
/// The JSON form is that of `shoal`'s `--subnet`. `kernelSizes` and `expandRatios` have an entry per position, stage by
/// stage; positions beyond a stage's depth are ignored.
public struct Subnet: Hashable, Codable, Sendable, CustomStringConvertible {
    /// Height and width of the image, in pixels.
    public var resolution: Int
    /// Number of blocks in use, per stage.
    public var depths: [Int]
    /// Height and width of the depthwise kernel, per position.
    public var kernelSizes: [Int]
    /// Mid channels as a multiple of the block's input channels, per position.
    public var expandRatios: [Int]

    public init(resolution: Int, depths: [Int], kernelSizes: [Int], expandRatios: [Int]) {
        self.resolution = resolution
        self.depths = depths
        self.kernelSizes = kernelSizes
        self.expandRatios = expandRatios
    }

    init(_ configuration: SubnetConfiguration) {
        self.init(
            resolution: configuration.resolution, depths: configuration.depths,
            kernelSizes: configuration.kernelSizes, expandRatios: configuration.expandRatios)
    }

    var configuration: SubnetConfiguration {
        SubnetConfiguration(
            resolution: resolution, depths: depths, kernelSizes: kernelSizes, expandRatios: expandRatios)
    }

    public var description: String { configuration.description }
}
