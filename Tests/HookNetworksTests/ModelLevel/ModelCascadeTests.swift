import Engine
import Foundation
import SearchSpace
import Testing

@testable import HookNetworks

@Suite struct ModelCascadeTests {
    private let small: Plan
    private let middle: Plan
    private let large: Plan

    init() throws {
        small = try HookSamples.network(blocks: 1, seed: 1).plan(kernels: .selected())
        middle = try HookSamples.network(blocks: 2, seed: 3).plan(kernels: .selected())
        large = try HookSamples.network(blocks: 4, seed: 2).plan(kernels: .selected())
    }

    private func cascade(_ damages: [Double?], isCommittee: Bool = true) throws -> ModelCascade {
        let plans = [small, middle].prefix(damages.count)
        let counts = try ModelCascade(plans.map { ModelCascade.Rung($0) }, largest: large, isCommittee: true)
            .featureCounts
        return try ModelCascade(
            zip(plans, zip(counts, damages)).map { plan, gate in
                ModelCascade.Rung(plan, gate: gate.1.map { HookSamples.constantGate(gate.0, damage: $0) })
            }, largest: large, isCommittee: isCommittee)
    }

    private func plainOutput(_ plan: Plan, _ image: [Float]) -> [Float] {
        let session = Session(for: [plan])
        defer { withExtendedLifetime(session) {} }
        return image.withUnsafeBufferPointer { Array(session.run(plan, on: $0)) }
    }

    @Test func theBudgetDecidesWhoAnswers() throws {
        let cascade = try cascade([0.1])
        let image = HookSamples.image(3)
        let (low, high) = (plainOutput(small, image), plainOutput(large, image))
        image.withUnsafeBufferPointer { pixels in
            let accepted = cascade.run(on: pixels, budget: 0.2)
            #expect(accepted.rung == 0 && Array(accepted.logits) == low)
            let escalated = cascade.run(on: pixels, budget: 0.05)
            #expect(escalated.rung == 1 && Array(escalated.logits) == zip(low, high).map { ($0 + $1) / 2 })
            #expect(escalated.flops == accepted.flops + large.flops && accepted.flops > small.flops)
            let off = cascade.run(on: pixels, budget: -1)
            #expect(off.rung == 1 && Array(off.logits) == high, "hooks off is bit-identical")
            #expect(off.flops == large.flops)
        }
    }

    @Test func eachOfSeveralNetworksAnswersInTurn() throws {
        let cascade = try cascade([0.3, 0.1])
        let image = HookSamples.image(6)
        let outputs = [small, middle, large].map { plainOutput($0, image) }
        func mean(_ count: Int) -> [Float] {
            outputs[0].indices.map { index in
                outputs.prefix(count).reduce(Float(0)) { $0 + $1[index] } / Float(count)
            }
        }
        image.withUnsafeBufferPointer { pixels in
            for (budget, rung) in [(Float(0.4), 0), (0.2, 1), (0.05, 2)] {
                let answer = cascade.run(on: pixels, budget: budget)
                #expect(answer.rung == rung && Array(answer.logits) == mean(rung + 1), "budget \(budget)")
            }
        }
    }

    @Test func withoutACommitteeTheLastNetworkAnswersAlone() throws {
        let cascade = try cascade([0.3, 0.1], isCommittee: false)
        let image = HookSamples.image(8)
        image.withUnsafeBufferPointer { pixels in
            for (budget, plan) in [(Float(0.4), small), (0.2, middle), (0.05, large)] {
                #expect(Array(cascade.run(on: pixels, budget: budget).logits) == plainOutput(plan, image))
            }
        }
    }

    @Test func withoutAGateANetworkIsLeftOut() throws {
        let image = HookSamples.image(4)
        let (alone, second) = (try cascade([nil]), try cascade([nil, 0.1]))
        image.withUnsafeBufferPointer {
            #expect(Array(alone.run(on: $0, budget: 1).logits) == plainOutput(large, image))
            #expect(Array(second.run(on: $0, budget: 1).logits) == plainOutput(middle, image))
        }
    }

    /// A baseline needs no gate: the network that is named answers each input alone.
    @Test func fixedDecisionsLetOneNetworkAnswer() throws {
        let cascade = try cascade([nil, 0.9])
        let image = HookSamples.image(9)
        image.withUnsafeBufferPointer { pixels in
            for (index, plan) in [small, middle].enumerated() {
                cascade.policy = .fixed([index])
                let answer = cascade.answer(pixels, budget: 0)
                #expect(Array(answer.logits) == plainOutput(plan, image) && answer.taken == 1)
                #expect(Array(cascade.decisions) == (0..<2).map { $0 == index ? 1 : 0 })
                // Gates take no part, and cost nothing, unless they decide.
                #expect(answer.flops - plan.flops < large.flops / 10)
            }
            let off = cascade.answer(pixels, budget: -1)
            #expect(Array(off.logits) == plainOutput(large, image) && off.flops == large.flops && off.taken == 0)
        }
    }

    @Test func randomDecisionsSpendWhatTheBaselineAsksFor() throws {
        let cascade = try cascade([nil, 0.9])
        let image = HookSamples.image(10)
        try image.withUnsafeBufferPointer { pixels in
            cascade.policy = .random(probability: 1)
            #expect(cascade.run(on: pixels, budget: 0).rung == 0)
            cascade.policy = .random(probability: 0)
            let whole = cascade.run(on: pixels, budget: 0)
            let outputs = [small, middle, large].map { plainOutput($0, image) }
            let mean = outputs[0].indices.map { index in outputs.reduce(Float(0)) { $0 + $1[index] } / 3 }
            #expect(whole.rung == 2 && zip(whole.logits, mean).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) })

            // Half of the inputs stopped at once, and half of the others after the second network.
            let (first, both) = (Double(small.flops), Double(small.flops + middle.flops))
            let target = first / 2 + both / 4 + (both + Double(large.flops)) / 4
            let images = [UnsafeBufferPointer<Float>](repeating: pixels, count: 400)
            let probability = try #require(Baseline.random(cascade, flops: target, on: images))
            #expect(abs(probability - 0.5) < 0.12, "\(probability)")
            #expect(cascade.policy == .random(probability: probability))
            #expect(Baseline.random(cascade, flops: first / 2, on: images) == nil)
        }
    }

    @Test func samplesHoldTheDistanceOfTheAnswerSoFar() throws {
        let cascade = try cascade([nil, nil])
        let image = HookSamples.image(5)
        var samples = cascade.featureCounts.map { GateSamples(featureCount: $0, byteLimit: 1 << 16) }
        var generator = SeededGenerator(seed: 1)
        image.withUnsafeBufferPointer { cascade.sample($0, into: &samples, using: &generator) }
        let (low, next, full) = (plainOutput(small, image), plainOutput(middle, image), plainOutput(large, image))
        for (index, answer) in [low, zip(low, next).map { ($0 + $1) / 2 }].enumerated() {
            let expected = full.withUnsafeBufferPointer { full in
                answer.withUnsafeBufferPointer { Divergence.totalVariation(full, $0) }
            }
            #expect(samples[index].count == 1 && samples[index].damage(0) == expected)
        }
    }

    /// A network that reads smaller images answers on what the resizing makes of the image.
    @Test func imagesAreResizedForASmallerNetwork() throws {
        let side = HookSamples.side / 2
        let half = try HookSamples.network(blocks: 1, seed: 1, side: side).plan(kernels: .selected())
        let count = try ModelCascade([.init(half, resize: { _, _ in })], largest: large, isCommittee: true)
            .featureCounts[0]
        let cascade = try ModelCascade(
            [
                .init(
                    half, gate: HookSamples.constantGate(count, damage: 0.1),
                    resize: { source, target in for index in target.indices { target[index] = source[4 * index] } })
            ], largest: large, isCommittee: true)
        let image = HookSamples.image(7)
        let expected = plainOutput(half, (0..<3 * side * side).map { image[4 * $0] })
        image.withUnsafeBufferPointer { #expect(Array(cascade.run(on: $0, budget: 1).logits) == expected) }
        #expect(throws: HookRefusal("network 0 reads images of another shape than the largest")) {
            _ = try ModelCascade([.init(half)], largest: large, isCommittee: true)
        }
    }

    @Test func networksThatDoNotBelongTogetherAreRefused() throws {
        #expect(throws: HookRefusal.self) {
            _ = try ModelCascade(
                [.init(small, gate: HookSamples.constantGate(3, damage: 0.1))], largest: large, isCommittee: true)
        }
    }
}
