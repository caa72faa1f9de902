import Engine
import Testing

@testable import HookNetworks

@Suite struct GateWorthTests {
    private func hook(_ kind: GateKind, _ microseconds: Double, at part: Int, overhead: Double?) throws
        -> HookState.Hook
    {
        var hook = HookState.Hook(
            AttachmentPoint(
                kind: kind, operator: "block", flops: 1, microseconds: microseconds, parts: part..<part + 1))
        let samples = HookSamples.samples(1_000, mistakes: 0.1, seed: 4)
        var settings = GateTrainer.Settings()
        settings.epochs = 5
        hook.samples = samples
        hook.gate = GateTrainer(settings).train(samples, seed: 1)
        #expect(hook.usableGate != nil)
        hook.overheadMicroseconds = overhead
        return hook
    }

    /// Samples of the hook that its gate would let pass at a budget.
    private func share(_ hook: HookState.Hook, _ budget: Float) throws -> Double {
        let (gate, samples) = (try #require(hook.gate), try #require(hook.samples))
        let compiled = CompiledGate(gate)
        let passed = (0..<samples.count).count { index in
            samples.features(index).withUnsafeBufferPointer { $0.baseAddress.map(compiled.predict) ?? 1 } <= budget
        }
        return Double(passed) / Double(samples.count)
    }

    @Test func aGateRunsWhereItSavesMoreThanItTakes() throws {
        let hook = try hook(.skip, 20, at: 1, overhead: 3)
        let budget = GateWorth.smallestBudget(of: 0, in: [hook])
        #expect(budget > 0 && budget < 1)
        #expect(try share(hook, budget) * 20 >= 3)
        #expect(try share(hook, budget.nextDown) * 20 < 3)
    }

    @Test func aGateThatTakesMoreThanThePlaceNeverRuns() throws {
        let hook = try hook(.skip, 2, at: 1, overhead: 3)
        #expect(GateWorth.smallestBudget(of: 0, in: [hook]) == .infinity)
    }

    @Test func withoutAMeasurementItRunsAtEveryBudget() throws {
        #expect(GateWorth.smallestBudget(of: 0, in: [try hook(.skip, 2, at: 1, overhead: nil)]) == 0)
    }

    /// An exit saves the way to the next exit.
    @Test func exitsCloseToEachOtherAreWorthLess() throws {
        let (first, near) = (try hook(.exit, 100, at: 1, overhead: 3), try hook(.exit, 98, at: 2, overhead: 3))
        let far = try hook(.exit, 10, at: 8, overhead: 3)
        #expect(GateWorth.smallestBudget(of: 0, in: [first, near, far]) == .infinity)
        #expect(GateWorth.smallestBudget(of: 0, in: [first, far]) < 1)
        #expect(GateWorth.smallestBudget(of: 1, in: [first, far]) < 1)
    }
}
