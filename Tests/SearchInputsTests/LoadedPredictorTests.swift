import SearchSpace
import SubnetSearch
import Testing

@testable import SearchInputs

@Suite struct LoadedPredictorTests {
    /// Predicts from `least` (nothing chosen) up, by `gain` for each larger choice.
    private func predictor(_ least: Float, _ gain: Float) throws -> AccuracyPredictor {
        let encoding = ArchitectureEncoding(SearchInputsFixture.space)
        let weights = (0..<encoding.featureCount).map { gain * Float($0 % 2) }
        return try AccuracyPredictor(
            encoding: encoding,
            members: [
                try MultilayerPerceptron(
                    layers: [.init(inputs: encoding.featureCount, outputs: 1, weights: weights, bias: [least])])
            ])
    }

    @Test func fractionsStayAndPercentBecomesFractions() throws {
        let (fractions, plain) = try LoadedPredictor.inFractions(predictor(0.7, 0.01), "p")
        #expect(plain == "published perceptron")
        let (percent, method) = try LoadedPredictor.inFractions(predictor(70, 1), "p")
        #expect(method.contains("percent"))
        let subnet = SearchInputsFixture.space.largest
        #expect(try abs(percent.predict(subnet) - fractions.predict(subnet)) < 1e-6)
        #expect(try fractions.predict(subnet) <= 1)
    }

    /// Neither a fraction nor percent: the file speaks of something else.
    @Test(arguments: [(0.9, 0.2), (-1, 0.01), (99, 5), (0.5, 10)] as [(Float, Float)])
    func whatIsNeitherIsRefused(least: Float, gain: Float) throws {
        #expect {
            try LoadedPredictor.inFractions(predictor(least, gain), "p.pth")
        } throws: {
            "\($0)".hasPrefix("p.pth: predicts accuracies from")
        }
    }

    @Test func whatARegressionSaysBeyondWhatCanBeIsStatedAsTheNearerEnd() {
        #expect(SearchedPoint.fraction(1.004) == 1 && SearchedPoint.fraction(-0.1) == 0)
        #expect(SearchedPoint.fraction(0.93) == 0.93)
    }
}
