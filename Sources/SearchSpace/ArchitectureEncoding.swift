/// Why a space cannot be written as the published predictor's inputs.
public struct EncodingRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    public let field: String
    public let reason: String

    public var description: String { "once-for-all encoding, \(field): \(reason)" }
}

/// A subnet as the inputs of an accuracy predictor: a vector of zeros and ones, given by the places of its ones.
///
/// The order is kernel sizes (position x value), expand ratios (position x value), resolution; a position beyond its
/// stage's depth has no ones. Every subnet therefore has `2 x active positions + 1` ones.
public struct ArchitectureEncoding: Hashable, Sendable {
    /// Which values the inputs are one-hot over.
    public enum Form: String, Hashable, Codable, Sendable {
        /// The space's own.
        case ownValues = "own-values"
        /// Those of the accuracy predictor that once-for-all publishes.
        case onceForAll = "once-for-all"
    }

    public let form: Form
    public let space: SearchSpace
    public let featureCount: Int
    /// Values that a position's kernel size and expand ratio are one-hot over.
    public let kernelSizes: [Int]
    public let expandRatios: [Int]
    /// The place of a resolution among the resolution inputs, by index in the space.
    private let resolutionSlots: [Int]
    private let kernelSlots: [Int]
    private let expandSlots: [Int]

    private init(
        form: Form, space: SearchSpace, kernelSizes: [Int], expandRatios: [Int], resolutionSlots: [Int],
        resolutionInputs: Int
    ) {
        self.form = form
        self.space = space
        self.kernelSizes = kernelSizes
        self.expandRatios = expandRatios
        self.resolutionSlots = resolutionSlots
        kernelSlots = space.kernelSizes.compactMap { kernelSizes.firstIndex(of: $0) }
        expandSlots = space.expandRatios.compactMap { expandRatios.firstIndex(of: $0) }
        featureCount = space.positionCount * (kernelSizes.count + expandRatios.count) + resolutionInputs
    }

    /// One-hot over the space's own values.
    public init(_ space: SearchSpace) {
        self.init(
            form: .ownValues, space: space, kernelSizes: space.kernelSizes, expandRatios: space.expandRatios,
            resolutionSlots: Array(space.resolutions.indices), resolutionInputs: space.resolutions.count)
    }

    /// The 128 inputs of the accuracy predictor that once-for-all publishes: 20 positions x kernel sizes 3, 5, 7;
    /// 20 positions x expand ratios 3, 4, 6; one of eight bins of 16 pixels from 112 on.
    ///
    /// Source: once-for-all, tutorial, accuracy predictor.
    public static func onceForAll(_ space: SearchSpace) throws(EncodingRefusal) -> ArchitectureEncoding {
        guard space.stageCount == 5, space.positionsPerStage == 4 else {
            let found = "\(space.stageCount) x \(space.positionsPerStage)"
            throw EncodingRefusal(field: "depths", reason: "needs 5 stages x 4 positions, \(space.name) has \(found)")
        }
        let (kernelSizes, expandRatios) = ([3, 5, 7], [3, 4, 6])
        try require(space.kernelSizes, among: kernelSizes, "kernelSizes")
        try require(space.expandRatios, among: expandRatios, "expandRatios")
        for resolution in space.resolutions where !(112..<240).contains(resolution) {
            throw EncodingRefusal(field: "resolutions", reason: "\(resolution) is outside 112..<240")
        }
        return ArchitectureEncoding(
            form: .onceForAll, space: space, kernelSizes: kernelSizes, expandRatios: expandRatios,
            resolutionSlots: space.resolutions.map { ($0 - 112) / 16 }, resolutionInputs: 8)
    }

    private static func require(
        _ values: [Int], among allowed: [Int], _ field: String
    ) throws(EncodingRefusal) {
        for value in values where !allowed.contains(value) {
            throw EncodingRefusal(field: field, reason: "\(value) is not one of \(allowed)")
        }
    }

    /// The most ones that any subnet of the space has.
    public var activeFeatureLimit: Int { 2 * space.positionCount + 1 }

    /// Writes the places of a subnet's ones and returns how many there are.
    /// - Precondition: `indices` belongs to the space; `features` has room for `activeFeatureLimit`.
    public func activeFeatures(of indices: SubnetIndices, into features: inout [Int32]) -> Int {
        let stages = space.stageCount
        let perStage = space.depths[space.depths.count - 1]
        let positions = stages * perStage
        let expandBase = positions * kernelSizes.count
        var count = 0
        for stage in 0..<stages {
            for block in 0..<space.depths[Int(indices.values[1 + stage])] {
                let position = stage * perStage + block
                let kernel = kernelSlots[Int(indices.values[1 + stages + position])]
                let expand = expandSlots[Int(indices.values[1 + stages + positions + position])]
                features[count] = Int32(truncatingIfNeeded: position * kernelSizes.count + kernel)
                features[count + 1] = Int32(truncatingIfNeeded: expandBase + position * expandRatios.count + expand)
                count += 2
            }
        }
        let resolution = resolutionSlots[Int(indices.values[0])]
        features[count] = Int32(
            truncatingIfNeeded: expandBase + positions * expandRatios.count + resolution)
        return count + 1
    }

    /// The inputs as a plain vector of `featureCount` zeros and ones.
    public func features(of configuration: SubnetConfiguration) throws(ConfigurationRefusal) -> [Float] {
        let indices = try IndexedSearchSpace(space).indices(of: configuration)
        var places = Array(repeating: Int32(0), count: activeFeatureLimit)
        let count = activeFeatures(of: indices, into: &places)
        var vector = Array(repeating: Float(0), count: featureCount)
        for place in places.prefix(count) { vector[Int(place)] = 1 }
        return vector
    }
}

extension ArchitectureEncoding: Codable {
    private enum Key: String, CodingKey { case form, space }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let space = try container.decode(SearchSpace.self, forKey: .space)
        switch try container.decode(Form.self, forKey: .form) {
        case .ownValues: self.init(space)
        case .onceForAll: self = try .onceForAll(space)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(form, forKey: .form)
        try container.encode(space, forKey: .space)
    }
}
