import SearchSpace
import Testing

@testable import HookNetworks

@Suite struct GateTrainerTests {
    private func trainer(_ algorithm: TrainingAlgorithm) -> GateTrainer {
        var settings = GateTrainer.Settings()
        settings.algorithm = algorithm
        settings.epochs = 15
        return GateTrainer(settings)
    }

    @Test(arguments: TrainingAlgorithm.allCases)
    func learnsWhatIsThereToLearn(algorithm: TrainingAlgorithm) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let samples = HookSamples.samples(5_000, mistakes: 0.05, seed: seed)
        let gate = try #require(trainer(algorithm).train(samples, seed: seed))
        #expect(gate.validation.passes, "seed \(seed): \(gate.validation)")
        #expect(gate.predictedDamage([2, 0, 0]) > 0.7, "seed \(seed)")
        #expect(gate.predictedDamage([-2, 0, 0]) < 0.3, "seed \(seed)")
    }

    @Test(arguments: TrainingAlgorithm.allCases)
    func sameSeedGivesTheSameGate(algorithm: TrainingAlgorithm) {
        let samples = HookSamples.samples(600, mistakes: 0.1, seed: 3)
        #expect(trainer(algorithm).train(samples, seed: 5) == trainer(algorithm).train(samples, seed: 5))
        #expect(trainer(algorithm).train(samples, seed: 5) != trainer(algorithm).train(samples, seed: 6))
    }

    @Test func tooFewSamplesGiveNoGate() {
        #expect(trainer(.backpropagation).train(HookSamples.samples(499, mistakes: 0, seed: 1), seed: 1) == nil)
    }

    @Test func aGateThatIsTooHopefulOrNoBetterThanAConstantFails() {
        let good = GateValidation(
            samples: 100, loss: 0.2, constantLoss: 0.3, acceptedDamage: 0.02, acceptedPrediction: 0.015)
        #expect(good.passes)
        var hopeful = good
        hopeful.acceptedDamage = 0.05
        #expect(!hopeful.passes)
        var useless = good
        useless.loss = 0.3
        #expect(!useless.passes)
        var untested = good
        untested.samples = 49
        #expect(!untested.passes)
    }

    @Test func calibrationFindsTheFrequencyOfEachScore() {
        let pairs = (0..<1_000).map { (score: $0 < 500 ? -1.0 : 1.0, damage: $0 % 10 < ($0 < 500 ? 1 : 4) ? 1.0 : 0) }
        let (slope, offset) = GateTrainer.calibration(pairs)
        #expect(abs(Loss.logistic(offset - slope) - 0.1) < 0.01)
        #expect(abs(Loss.logistic(offset + slope) - 0.4) < 0.01)
    }

    @Test(arguments: TrainingAlgorithm.allCases)
    func compiledGatesPredictTheSame(algorithm: TrainingAlgorithm) throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let gate = try #require(
            trainer(algorithm).train(HookSamples.samples(600, mistakes: 0.1, seed: seed), seed: seed))
        let compiled = CompiledGate(gate)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20 {
            let features = (0..<3).map { _ in Float(generator.normal()) }
            let expected = gate.predictedDamage(features.map { Double($0) })
            let actual = features.withUnsafeBufferPointer { $0.baseAddress.map(compiled.predict) }
            #expect(abs(Double(actual ?? .nan) - expected) < 1e-4, "seed \(seed)")
        }
    }

    @Test func samplesKeepToTheirMemory() {
        let limit = 100 * 4 * 4
        let samples = HookSamples.samples(1_000, mistakes: 0, seed: 2, byteLimit: limit)
        #expect(samples.byteCount == limit && samples.count == 100 && samples.seen == 1_000)
    }

    @Test func lostProbabilityIsThatOfTheClassThatWasGivenUp() {
        func lost(_ full: [Float], _ other: [Float]) -> Float {
            full.withUnsafeBufferPointer { full in
                other.withUnsafeBufferPointer { Divergence.lostProbability(full, $0) }
            }
        }
        #expect(lost([3, 1, 0], [0.2, 0.1, 0]) == 0)
        #expect(abs(lost([80, 0], [0, 1]) - 1) < 1e-6)
        #expect(abs(lost([1, 1, 0], [0, 1, 0])) < 1e-6)
    }

    @Test func divergenceIsTheShareOfProbabilityThatMoved() {
        func distance(_ a: [Float], _ b: [Float]) -> Float {
            a.withUnsafeBufferPointer { a in b.withUnsafeBufferPointer { Divergence.totalVariation(a, $0) } }
        }
        #expect(distance([1, 2, 3], [1, 2, 3]) == 0)
        #expect(abs(distance([0, 0], [40, 0]) - 0.5) < 1e-5)
        #expect(distance([80, 0], [0, 80]) == 1)
    }
}
