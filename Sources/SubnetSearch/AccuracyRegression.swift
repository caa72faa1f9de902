public import SearchSpace

/// Fits an accuracy predictor to subnets whose accuracy was measured.
///
/// Candidates are ridge regressions of several penalties, an ensemble of small perceptrons, and the best ridge
/// regression with an ensemble that is fitted to what it leaves. Cross-validation over the training part chooses by
/// mean absolute error; the choice is then judged on a part that neither fitting nor choosing has seen, and fitted
/// anew to all samples.
public struct AccuracyRegression: Sendable {
    /// The most samples that one fit takes; ridge regression grows with their cube.
    public static let sampleLimit = 2_000
    public static let minimumSamples = 20

    /// A subnet and its measured top-1 accuracy as a fraction.
    public struct Sample: Hashable, Codable, Sendable {
        public let configuration: SubnetConfiguration
        public let top1: Double

        public init(configuration: SubnetConfiguration, top1: Double) {
            self.configuration = configuration
            self.top1 = top1
        }
    }

    public enum Method: Hashable, Codable, Sendable, CustomStringConvertible {
        case ridge(penalty: Double)
        case perceptrons(count: Int)
        /// Ridge regression, and perceptrons fitted to what it leaves.
        case boosted(penalty: Double, count: Int)

        public var description: String {
            switch self {
            case .ridge(let penalty): "ridge regression, penalty \(penalty)"
            case .perceptrons(let count): "\(count) perceptrons"
            case .boosted(let penalty, let count):
                "ridge regression, penalty \(penalty), and \(count) perceptrons on what it leaves"
            }
        }
    }

    /// How well predictions agree with measurements that the fit has not seen.
    public struct Quality: Hashable, Codable, Sendable {
        /// `nil` where all measurements, or all predictions, are equal.
        public let spearman: Double?
        public let meanAbsoluteError: Double
        public let count: Int
    }

    public struct Outcome: Sendable {
        /// Fitted to all samples.
        public let predictor: AccuracyPredictor
        public let method: Method
        /// Of the same method fitted to the training part, on the held-out part.
        public let heldOut: Quality
        /// Of every method that was compared, in cross-validation over the training part.
        public let crossValidation: [(method: Method, quality: Quality)]
    }

    public struct Settings: Hashable, Sendable {
        public var heldOutShare = 0.2
        public var folds = 4
        public var penalties = [0.3, 1, 3, 10, 30]
        /// Perceptrons in an ensemble; 0 leaves ridge regression alone.
        public var perceptrons = 4

        public init() {}
    }

    public let encoding: ArchitectureEncoding
    public let settings: Settings

    public init(encoding: ArchitectureEncoding, settings: Settings = Settings()) {
        precondition(settings.heldOutShare > 0 && settings.heldOutShare < 1, "a share is within 0..<1")
        precondition(settings.folds >= 2, "cross-validation needs two folds")
        precondition(settings.penalties.allSatisfy { $0 > 0 } && !settings.penalties.isEmpty, "penalties are above 0")
        precondition((0..<AccuracyPredictor.memberLimit / 2).contains(settings.perceptrons), "fewer perceptrons")
        self.encoding = encoding
        self.settings = settings
    }

    /// Deterministic for a generator. Throws a `RegressionRefusal`, or a `ConfigurationRefusal` for a subnet outside
    /// the encoding's space.
    public func fit(_ samples: [Sample], using generator: inout some RandomNumberGenerator) throws -> Outcome {
        var seeded = SeededGenerator(seed: generator.next())
        var data = try RegressionData(samples, encoding: encoding)
        data.shuffle(using: &seeded)
        let heldOutCount = max(2, Int((Double(samples.count) * settings.heldOutShare).rounded()))
        let training = data.part(heldOutCount..<samples.count)
        let heldOut = data.part(0..<heldOutCount)

        let comparison = compare(training, using: &seeded)
        let method = comparison.dropFirst().reduce(comparison[0]) {
            $1.quality.meanAbsoluteError < $0.quality.meanAbsoluteError ? $1 : $0
        }.method
        let judged = members(of: method, fittedTo: training, using: &seeded)
        return Outcome(
            predictor: try AccuracyPredictor(
                encoding: encoding, members: members(of: method, fittedTo: data, using: &seeded)),
            method: method,
            heldOut: Quality(predictions: heldOut.predictions(of: judged), measured: heldOut.targets),
            crossValidation: comparison)
    }
}
