import SearchSpace
import Testing

@testable import SubnetSearch

@Suite struct RidgeRegressionTests {
    /// At the minimum the gradient vanishes: for every weight, the residuals over its inputs sum to penalty x weight;
    /// for the bias, all residuals sum to 0.
    @Test(arguments: [0.01, 1, 50])
    func theGradientVanishes(penalty: Double) {
        var generator = SeededGenerator(seed: 91)
        let inputs = (0..<30).map { _ in (0..<12).filter { _ in Bool.random(using: &generator) }.map { Int32($0) } }
        let targets = inputs.map { _ in Double.random(in: -1...1, using: &generator) }

        let fit = RidgeRegression.fit(inputs: inputs, targets: targets, inputCount: 12, penalty: penalty)

        let residuals = zip(inputs, targets).map { places, target in
            target - fit.bias - places.reduce(0) { $0 + fit.weights[Int($1)] }
        }
        #expect(abs(residuals.reduce(0, +)) < 1e-9)
        for place in 0..<12 {
            let sum = zip(inputs, residuals).reduce(0) { $0 + ($1.0.contains(Int32(place)) ? $1.1 : 0) }
            #expect(abs(sum - penalty * fit.weights[place]) < 1e-9)
        }
    }

    @Test func oneSampleIsItsOwnBias() {
        let fit = RidgeRegression.fit(inputs: [[0, 2]], targets: [0.75], inputCount: 3, penalty: 1)
        #expect(fit.weights == [0, 0, 0])
        #expect(fit.bias == 0.75)
    }
}
