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

    /// The predictor whose predictions are this one's times a finite factor.
    public func scaled(by factor: Float) throws(PredictorRefusal) -> AccuracyPredictor {
        try AccuracyPredictor(encoding: encoding, members: members.map { $0.scaled(by: factor) })
    }

    /// One prediction; use an evaluator for many.
    public func predict(_ configuration: SubnetConfiguration) throws(ConfigurationRefusal) -> Double {
        var evaluator = makeEvaluator()
        return evaluator.accuracy(of: try IndexedSearchSpace(space).indices(of: configuration))
    }

    public func makeEvaluator() -> AccuracyEvaluator { AccuracyEvaluator(self) }
}

/// Evaluates one predictor many times with memory of its own; a copy belongs to one thread.
public struct AccuracyEvaluator {
    /// Subnets that one batch holds; more in one call cost no less each.
    public static let batchLimit = PackedPerceptron.batchLimit

    private let encoding: ArchitectureEncoding
    private let members: [PackedPerceptron]
    private var features: [Int32]
    private var scratch: PerceptronScratch
    private var sums = Array(repeating: 0.0, count: PackedPerceptron.batchLimit)

    init(_ predictor: AccuracyPredictor) {
        encoding = predictor.encoding
        members = predictor.members.map(PackedPerceptron.init)
        features = Array(repeating: 0, count: predictor.encoding.activeFeatureLimit)
        scratch = PerceptronScratch(
            widest: members.map(\.widest).reduce(0, max), activeLimit: predictor.encoding.activeFeatureLimit)
    }

    /// The accuracy of one subnet; several at once with `accuracies(of:into:)` cost less each.
    /// - Precondition: `indices` belongs to the predictor's space.
    public mutating func accuracy(of indices: SubnetIndices) -> Double {
        load(indices, 0)
        evaluate(1)
        return sums[0] / Double(members.count)
    }

    /// The accuracies of many subnets, in order; the same to the bit as one by one. Allocates nothing if `results` has
    /// room.
    /// - Precondition: every subnet belongs to the predictor's space.
    public mutating func accuracies(of subnets: [SubnetIndices], into results: inout [Double]) {
        results.removeAll(keepingCapacity: true)
        for start in stride(from: 0, to: subnets.count, by: Self.batchLimit) {
            let count = min(Self.batchLimit, subnets.count - start)
            for place in 0..<count { load(subnets[start + place], place) }
            evaluate(count)
            for place in 0..<count { results.append(sums[place] / Double(members.count)) }
        }
    }

    private mutating func load(_ indices: SubnetIndices, _ place: Int) {
        let count = encoding.activeFeatures(of: indices, into: &features)
        let start = place * scratch.activeStride
        for index in 0..<count { scratch.active[start + index] = features[index] }
        scratch.activeCounts[place] = Int32(count)
    }

    private mutating func evaluate(_ count: Int) {
        for place in 0..<count { sums[place] = 0 }
        for member in members { member.evaluate(count: count, scratch: &scratch, addingTo: &sums) }
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
