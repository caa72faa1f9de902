/// A small network that predicts from features how much a decision would damage the output: a number in 0...1, the
/// expected total variation distance between the output's distribution and that of the full network.
///
/// A decision is taken when the prediction does not exceed the budget, so that one gate serves every trade-off.
public struct Gate: Equatable, Sendable {
    public enum Predictor: Equatable, Sendable {
        case perceptron(Perceptron)
        case forwardForward(ForwardForward)
    }

    /// Of every feature, over the samples that the gate was trained on.
    public let mean: [Double]
    public let deviation: [Double]
    public let predictor: Predictor
    /// The damage is the logistic function of `slope * score + offset` (Platt 1999), fitted on samples held back from
    /// the training of the score.
    public let slope: Double
    public let offset: Double
    public var validation: GateValidation

    /// - Precondition: a mean and a deviation per feature that the predictor reads.
    public init(
        mean: [Double], deviation: [Double], predictor: Predictor, slope: Double, offset: Double,
        validation: GateValidation
    ) {
        precondition(mean.count == deviation.count, "\(mean.count) means, \(deviation.count) deviations")
        (self.mean, self.deviation, self.predictor) = (mean, deviation, predictor)
        (self.slope, self.offset, self.validation) = (slope, offset, validation)
    }

    public var features: Int { mean.count }

    /// - Precondition: as many features as the gate was trained on.
    public func predictedDamage(_ features: [Double]) -> Double {
        Loss.logistic(slope * score(features) + offset)
    }

    func score(_ features: [Double]) -> Double {
        predictor.score(zip(features, zip(mean, deviation)).map { ($0 - $1.0) / $1.1 })
    }
}

extension Gate.Predictor {
    func score(_ normalised: [Double]) -> Double {
        switch self {
        case .perceptron(let network): network.output(for: normalised)[0]
        case .forwardForward(let network): network.score(normalised)
        }
    }
}

/// What a gate was worth on samples that neither its weights nor its calibration have seen. A gate that fails is not
/// used.
public struct GateValidation: Codable, Equatable, Sendable {
    public var samples: Int
    /// Mean logistic loss of the predictions.
    public var loss: Double
    /// The same of always predicting the mean damage of the training samples.
    public var constantLoss: Double
    /// Mean measured and predicted damage over the half of the samples with the lowest predictions: what the gate would
    /// let pass first.
    public var acceptedDamage: Double
    public var acceptedPrediction: Double
    /// The gate knows the decisions before it, not the input: it need not be better than a constant to be honest.
    public var isSteady: Bool?

    public init(
        samples: Int, loss: Double, constantLoss: Double, acceptedDamage: Double, acceptedPrediction: Double,
        isSteady: Bool? = nil
    ) {
        (self.samples, self.loss, self.constantLoss) = (samples, loss, constantLoss)
        (self.acceptedDamage, self.acceptedPrediction, self.isSteady) = (acceptedDamage, acceptedPrediction, isSteady)
    }

    /// Samples below which no verdict is possible.
    public static let fewestSamples = 50
    /// How far measured damage may lie above the predicted one.
    static let tolerance = (factor: 2.0, absolute: 0.01)

    /// Better than a constant where it reads the input, and not too hopeful where it lets pass.
    public var passes: Bool {
        samples >= Self.fewestSamples && (isSteady == true || loss < constantLoss)
            && acceptedDamage <= Self.tolerance.factor * acceptedPrediction + Self.tolerance.absolute
    }
}
