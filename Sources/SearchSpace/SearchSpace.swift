/// Which subnets of a supernet exist: the values that each elastic dimension may take.
///
/// Source: Once-for-All (Cai et al., ICLR 2020), section 3.2.
public struct SearchSpace: Hashable, Codable, Sendable {
    public let name: String
    public let stageCount: Int
    /// Elastic input resolutions in pixels, ascending.
    public let resolutions: [Int]
    /// Elastic blocks per stage, ascending.
    public let depths: [Int]
    /// Elastic depthwise kernel sizes, ascending.
    public let kernelSizes: [Int]
    /// Elastic expand ratios, ascending.
    public let expandRatios: [Int]

    /// - Precondition: every dimension has at least one value, all positive.
    public init(
        name: String, stageCount: Int, resolutions: [Int], depths: [Int], kernelSizes: [Int], expandRatios: [Int]
    ) {
        precondition(stageCount > 0, "a search space has at least one stage")
        for values in [resolutions, depths, kernelSizes, expandRatios] {
            precondition(!values.isEmpty && values.allSatisfy { $0 > 0 }, "an elastic dimension has positive values")
        }
        self.name = name
        self.stageCount = stageCount
        self.resolutions = Set(resolutions).sorted()
        self.depths = Set(depths).sorted()
        self.kernelSizes = Set(kernelSizes).sorted()
        self.expandRatios = Set(expandRatios).sorted()
    }

    /// Blocks per stage at full depth.
    public var positionsPerStage: Int { depths[depths.count - 1] }
    public var positionCount: Int { stageCount * positionsPerStage }

    /// The search space of the published MobileNetV3 supernets, with the resolutions that Dynamic-OFA searches.
    public static let ofaMobileNetV3 = SearchSpace(
        name: "ofa-mbv3", stageCount: 5, resolutions: [160, 176, 192, 208, 224], depths: [2, 3, 4],
        kernelSizes: [3, 5, 7], expandRatios: [3, 4, 6])

    /// The largest subnet: every dimension at its maximum.
    public var largest: SubnetConfiguration { uniform(\.last) }
    /// The smallest subnet: every dimension at its minimum.
    public var smallest: SubnetConfiguration { uniform(\.first) }

    private func uniform(_ end: KeyPath<[Int], Int?>) -> SubnetConfiguration {
        SubnetConfiguration(
            resolution: resolutions[keyPath: end] ?? 0,
            depths: Array(repeating: depths[keyPath: end] ?? 0, count: stageCount),
            kernelSizes: Array(repeating: kernelSizes[keyPath: end] ?? 0, count: positionCount),
            expandRatios: Array(repeating: expandRatios[keyPath: end] ?? 0, count: positionCount))
    }

    /// Whether the position (0-based, over all stages) is in use at these depths.
    public func isActive(position: Int, depths: [Int]) -> Bool {
        position % positionsPerStage < depths[position / positionsPerStage]
    }

    /// The same subnet with unused positions set to the smallest values, so that equal subnets compare equal.
    /// - Precondition: the configuration is valid.
    public func canonical(_ configuration: SubnetConfiguration) -> SubnetConfiguration {
        var result = configuration
        for position in 0..<positionCount where !isActive(position: position, depths: configuration.depths) {
            result.kernelSizes[position] = kernelSizes[0]
            result.expandRatios[position] = expandRatios[0]
        }
        return result
    }
}
