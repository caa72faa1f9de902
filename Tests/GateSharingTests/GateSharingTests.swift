import HookNetworks
import SearchSpace
import Testing

@testable import GateSharing

/// Samples whose damage depends on their first feature.
func gateSamples(_ count: Int, seed: UInt64) -> GateSamples {
    var generator = SeededGenerator(seed: seed)
    var samples = GateSamples(featureCount: 3, byteLimit: 1 << 20)
    for _ in 0..<count {
        let features = (0..<3).map { _ in Float.random(in: -2...2, using: &generator) }
        let damage: Float = features[0] > 0.5 ? 0.8 : 0.05
        features.withUnsafeBufferPointer { samples.add($0, damage: damage, using: &generator) }
    }
    return samples
}

func trainedGate(seed: UInt64, epochs: Int = 4) throws -> Gate {
    var settings = GateTrainer.Settings()
    settings.epochs = epochs
    return try #require(GateTrainer(settings).train(gateSamples(600, seed: seed), seed: seed))
}

@Suite struct GateLayoutTests {
    @Test func gatesBecomeNumbersAndBackWithEqualPredictions() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let gate = try trainedGate(seed: seed)
        let layout = try GateLayout([nil, gate])
        let vector = layout.vector(of: [nil, gate])
        let back = layout.gates(vector, [nil, gate.validation])
        #expect(back[0] == nil && vector.count == layout.parameterCount)
        let again = try #require(back[1])
        #expect(again.validation == gate.validation)
        for features in [[0.0, 0, 0], [1, -1, 2], [-2, 0.5, 0]] {
            #expect(abs(again.predictedDamage(features) - gate.predictedDamage(features)) < 1e-5, "seed \(seed)")
        }
        #expect(layout.vector(of: back) == vector)
    }

    @Test func aMissingGateCountsAsTheBase() throws {
        let gate = try trainedGate(seed: 3)
        let layout = try GateLayout([gate])
        let base = layout.vector(of: [gate])
        #expect(layout.vector(of: [nil], missing: base) == base)
    }

    @Test func whatCannotBeSharedIsRefused() throws {
        #expect(throws: HookRefusal.self) { try GateLayout([nil]) }
        var settings = GateTrainer.Settings()
        settings.algorithm = .forwardForward
        settings.epochs = 2
        let gate = try #require(GateTrainer(settings).train(gateSamples(600, seed: 1), seed: 1))
        #expect(throws: HookRefusal.self) { try GateLayout([gate]) }
    }
}

@Suite struct GateRefinerTests {
    @Test func goesOnFromTheStartAndImproves() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        let start = try trainedGate(seed: seed, epochs: 1)
        var settings = GateRefiner.Settings()
        settings.epochs = 10
        let refined = try #require(GateRefiner(settings).refine(start, gateSamples(800, seed: seed &+ 1), seed: seed))
        #expect(refined.after.loss < refined.before.loss, "seed \(seed)")
        #expect(refined.gate.mean == start.mean && refined.gate.deviation == start.deviation)
        #expect(refined.samples + refined.after.samples == 800)
    }

    @Test func sameSeedGivesTheSameGate() throws {
        let (start, samples) = (try trainedGate(seed: 5), gateSamples(300, seed: 6))
        let (one, two) = (
            GateRefiner().refine(start, samples, seed: 7), GateRefiner().refine(start, samples, seed: 7)
        )
        #expect(one?.gate == two?.gate && one != nil)
    }

    @Test func tooFewSamplesOrAnEndGiveNothing() throws {
        let start = try trainedGate(seed: 5)
        #expect(GateRefiner().refine(start, gateSamples(31, seed: 1), seed: 1) == nil)
        #expect(GateRefiner().refine(start, gateSamples(200, seed: 1), seed: 1, mayGoOn: { false }) == nil)
    }
}
