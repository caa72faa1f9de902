/// Why a configuration is not a subnet of a search space.
public enum ConfigurationRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    case wrongCount(field: String, expected: Int, found: Int)
    case notInSpace(field: String, index: Int?, value: Int, allowed: [Int])

    public var description: String {
        switch self {
        case .wrongCount(let field, let expected, let found):
            "\(field): expected \(expected) values, found \(found)"
        case .notInSpace(let field, let index, let value, let allowed):
            "\(field)\(index.map { "[\($0)]" } ?? ""): \(value) is not one of \(allowed)"
        }
    }
}

extension SearchSpace {
    /// Refuses a configuration that does not describe a subnet of this space. Positions beyond a stage's depth
    /// are not looked at.
    public func validate(_ configuration: SubnetConfiguration) throws(ConfigurationRefusal) {
        try require(configuration.depths.count, stageCount, "depths")
        try require(configuration.kernelSizes.count, positionCount, "kernelSizes")
        try require(configuration.expandRatios.count, positionCount, "expandRatios")
        guard resolutions.contains(configuration.resolution) else {
            throw .notInSpace(
                field: "resolution", index: nil, value: configuration.resolution, allowed: resolutions)
        }
        for (stage, depth) in configuration.depths.enumerated() where !depths.contains(depth) {
            throw .notInSpace(field: "depths", index: stage, value: depth, allowed: depths)
        }
        for position in 0..<positionCount where isActive(position: position, depths: configuration.depths) {
            let (kernel, expand) = (configuration.kernelSizes[position], configuration.expandRatios[position])
            guard kernelSizes.contains(kernel) else {
                throw .notInSpace(field: "kernelSizes", index: position, value: kernel, allowed: kernelSizes)
            }
            guard expandRatios.contains(expand) else {
                throw .notInSpace(field: "expandRatios", index: position, value: expand, allowed: expandRatios)
            }
        }
    }

    private func require(_ found: Int, _ expected: Int, _ field: String) throws(ConfigurationRefusal) {
        guard found == expected else { throw .wrongCount(field: field, expected: expected, found: found) }
    }
}
