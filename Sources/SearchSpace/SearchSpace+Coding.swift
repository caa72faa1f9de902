extension SearchSpace {
    private enum Key: String, CodingKey {
        case name, stageCount, resolutions, depths, kernelSizes, expandRatios
    }

    /// The most stages that a space read from elsewhere may have, and the most values per dimension.
    public static let decodedStageLimit = 16
    public static let decodedValueLimit = 1_024

    /// Refuses what `init` would trap on, and sizes beyond the limits.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func values(_ key: Key, atMost limit: Int) throws -> [Int] {
            let values = try container.decode([Int].self, forKey: key)
            guard (1...Self.decodedValueLimit).contains(values.count), values.allSatisfy({ (1...limit).contains($0) })
            else {
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: container,
                    debugDescription: "needs 1...\(Self.decodedValueLimit) values, each within 1...\(limit)")
            }
            return values
        }
        let stageCount = try container.decode(Int.self, forKey: .stageCount)
        guard (1...Self.decodedStageLimit).contains(stageCount) else {
            throw DecodingError.dataCorruptedError(
                forKey: .stageCount, in: container, debugDescription: "is outside 1...\(Self.decodedStageLimit)")
        }
        self.init(
            name: try container.decode(String.self, forKey: .name), stageCount: stageCount,
            resolutions: try values(.resolutions, atMost: SupernetArchitecture.resolutionLimit),
            depths: try values(.depths, atMost: SupernetArchitecture.stageLimit),
            kernelSizes: try values(.kernelSizes, atMost: 7),
            expandRatios: try values(.expandRatios, atMost: 16))
    }
}
