import SearchSpace
import Testing

@testable import SubnetSearch

@Suite struct PerceptronTrainerTests {
    /// Exclusive or of three inputs: no linear fit gets below the targets' own deviation.
    @Test func learnsWhatNoLinearFitCan() throws {
        let inputs = (0..<8).map { bits in (0..<3).filter { bits >> $0 & 1 == 1 }.map { Int32($0) } }
        let targets = inputs.map { Float($0.count % 2 == 1 ? 1 : -1) }
        var settings = PerceptronTrainer.Settings()
        settings.epochs = 400
        settings.batch = 8
        var trainer = PerceptronTrainer(inputCount: 3, settings: settings, seed: 1)

        trainer.train(inputs: inputs, targets: targets)

        let perceptron = try MultilayerPerceptron(layers: trainer.layers(scale: 2, offset: 5))
        for (places, target) in zip(inputs, targets) {
            let vector = (0..<3).map { Float(places.contains(Int32($0)) ? 1 : 0) }
            #expect(abs(perceptron.reference(vector) - (5 + 2 * target)) < 0.2)
        }
    }

    @Test func aSeedGivesTheSameWeights() {
        func train(_ seed: UInt64) -> [MultilayerPerceptron.Layer] {
            var settings = PerceptronTrainer.Settings()
            settings.epochs = 3
            var trainer = PerceptronTrainer(inputCount: 4, settings: settings, seed: seed)
            trainer.train(inputs: [[0], [1, 2], [3]], targets: [1, 0, -1])
            return trainer.layers(scale: 1, offset: 0)
        }
        #expect(train(1) == train(1))
        #expect(train(1) != train(2))
    }
}
