import Engine
import Foundation
import SearchSpace
import Testing

@testable import HookNetworks

@Suite struct ModelCascadeTests {
    private let small: Plan
    private let large: Plan

    init() throws {
        small = try HookSamples.network(blocks: 1, seed: 1).plan(kernels: .selected())
        large = try HookSamples.network(blocks: 4, seed: 2).plan(kernels: .selected())
    }

    /// Predicts the same damage for every image.
    private func gate(_ features: Int, damage: Double) -> Gate {
        Gate(
            mean: [Double](repeating: 0, count: features), deviation: [Double](repeating: 1, count: features),
            predictor: .perceptron(
                Perceptron(
                    [.linear(inputs: features, outputs: 1)], parameters: [Double](repeating: 0, count: features))),
            slope: 1, offset: -log(1 / damage - 1),
            validation: GateValidation(
                samples: 100, loss: 0, constantLoss: 1, acceptedDamage: 0, acceptedPrediction: 0))
    }

    private func plainOutput(_ plan: Plan, _ image: [Float]) -> [Float] {
        let session = Session(for: [plan])
        defer { withExtendedLifetime(session) {} }
        return image.withUnsafeBufferPointer { Array(session.run(plan, on: $0)) }
    }

    @Test func theBudgetDecidesWhoAnswers() throws {
        let count = try ModelCascade(small: small, large: large, gate: nil).featureCount
        let cascade = try ModelCascade(small: small, large: large, gate: gate(count, damage: 0.1))
        let image = HookSamples.image(3)
        let (low, high) = (plainOutput(small, image), plainOutput(large, image))
        image.withUnsafeBufferPointer { pixels in
            let accepted = cascade.run(on: pixels, budget: 0.2)
            #expect(!accepted.isFromLarge && Array(accepted.logits) == low)
            let escalated = cascade.run(on: pixels, budget: 0.05)
            #expect(escalated.isFromLarge && Array(escalated.logits) == zip(low, high).map { ($0 + $1) / 2 })
            let off = cascade.run(on: pixels, budget: -1)
            #expect(off.isFromLarge && Array(off.logits) == high, "hooks off is bit-identical")
        }
    }

    @Test func withoutAGateTheLargeNetworkAnswersBitForBit() throws {
        let cascade = try ModelCascade(small: small, large: large, gate: nil)
        let image = HookSamples.image(4)
        image.withUnsafeBufferPointer {
            #expect(Array(cascade.run(on: $0, budget: 1).logits) == plainOutput(large, image))
        }
    }

    @Test func samplesHoldTheDistanceOfTheTwoAnswers() throws {
        let cascade = try ModelCascade(small: small, large: large, gate: nil)
        let image = HookSamples.image(5)
        var (samples, generator) = (
            GateSamples(featureCount: cascade.featureCount, byteLimit: 1 << 16), SeededGenerator(seed: 1)
        )
        image.withUnsafeBufferPointer { cascade.sample($0, into: &samples, using: &generator) }
        let expected = plainOutput(large, image).withUnsafeBufferPointer { high in
            plainOutput(small, image).withUnsafeBufferPointer { Divergence.totalVariation(high, $0) }
        }
        #expect(samples.count == 1 && samples.damage(0) == expected)
    }

    @Test func networksThatDoNotBelongTogetherAreRefused() throws {
        #expect(throws: HookRefusal.self) {
            _ = try ModelCascade(small: small, large: large, gate: gate(3, damage: 0.1))
        }
    }
}
