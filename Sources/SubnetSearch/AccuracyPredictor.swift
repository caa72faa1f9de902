public import SearchSpace

/// Predicts a subnet's top-1 accuracy (a fraction) from its encoding: the mean of one or more perceptrons.
///
/// Source: Once-for-All (Cai et al., ICLR 2020), section 3.4.
public struct AccuracyPredictor: Hashable, Sendable {
    /// The most members of an ensemble.
    public static let memberLimit = 16

    public let encoding: ArchitectureEncoding
    public let members: [MultilayerPerceptron]

    /// Refuses an ensemble without members, or one whose inputs are not those of the encoding.
    public init(encoding: ArchitectureEncoding, members: [MultilayerPerceptron]) throws(PredictorRefusal) {
        guard !members.isEmpty else { throw .noMembers }
        guard members.count <= Self.memberLimit else {
            throw .wrongShape(layer: 0, reason: "more than \(Self.memberLimit) members")
        }
        for member in members where member.inputCount != encoding.featureCount {
            throw .wrongShape(
                layer: 0,
                reason: "takes \(member.inputCount) inputs, the encoding of \(encoding.space.name) has "
                    + "\(encoding.featureCount)")
        }
        self.encoding = encoding
        self.members = members
    }

    public var space: SearchSpace { encoding.space }

    /// One prediction; use an evaluator for many.
    public func predict(_ configuration: SubnetConfiguration) throws(ConfigurationRefusal) -> Double {
        var evaluator = makeEvaluator()
        return evaluator.accuracy(of: try IndexedSearchSpace(space).indices(of: configuration))
    }

    public func makeEvaluator() -> AccuracyEvaluator { AccuracyEvaluator(self) }
}

/// Evaluates one predictor many times with memory of its own; a copy belongs to one thread.
public struct AccuracyEvaluator {
    private let encoding: ArchitectureEncoding
    private let members: [PackedPerceptron]
    private var active: [Int32]
    private var scratch: PerceptronScratch

    init(_ predictor: AccuracyPredictor) {
        encoding = predictor.encoding
        members = predictor.members.map(PackedPerceptron.init)
        active = Array(repeating: 0, count: predictor.encoding.activeFeatureLimit)
        scratch = PerceptronScratch(widest: members.map(\.widest).reduce(0, max))
    }

    /// Allocates nothing.
    /// - Precondition: `indices` belongs to the predictor's space.
    public mutating func accuracy(of indices: SubnetIndices) -> Double {
        let count = encoding.activeFeatures(of: indices, into: &active)
        var sum = 0.0
        for index in members.indices {
            sum += Double(members[index].evaluate(active: active, count: count, scratch: &scratch))
        }
        return sum / Double(members.count)
    }
}

extension AccuracyPredictor: Codable {
    private enum Key: String, CodingKey { case encoding, members }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        try self.init(
            encoding: container.decode(ArchitectureEncoding.self, forKey: .encoding),
            members: container.decode([MultilayerPerceptron].self, forKey: .members))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(encoding, forKey: .encoding)
        try container.encode(members, forKey: .members)
    }
}
