/// One choice of subnet: the elastic dimensions of Once-for-All (Cai et al., ICLR 2020) written down.
///
/// `kernelSizes` and `expandRatios` have one entry per position: `stages x positions per stage`, stage by stage.
/// Positions beyond a stage's depth are ignored by every reader; `SearchSpace.canonical(_:)` makes two
/// configurations that describe the same subnet equal.
public struct SubnetConfiguration: Hashable, Codable, Sendable {
    /// Height and width of the input image, in pixels.
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
}

extension SubnetConfiguration: CustomStringConvertible {
    /// Short form for tables and messages: `r28 7x6+5x4 3x3`, per stage kernel size x expand ratio of the positions in
    /// use alone; `r32 whole network` for a network without subnets. Subnets that are the same have the same.
    public var description: String {
        // A network that is no supernet has one subnet.
        if depths.isEmpty, kernelSizes.isEmpty, expandRatios.isEmpty { return "r\(resolution) whole network" }
        guard !depths.isEmpty, kernelSizes.count == expandRatios.count, kernelSizes.count % depths.count == 0 else {
            return "r\(resolution) (malformed)"
        }
        let positions = kernelSizes.count / depths.count
        let stages = depths.enumerated().map { stage, depth in
            (0..<max(0, min(depth, positions)))
                .map { "\(kernelSizes[stage * positions + $0])x\(expandRatios[stage * positions + $0])" }
                .joined(separator: "+")
        }
        return "r\(resolution) " + stages.joined(separator: " ")
    }
}
