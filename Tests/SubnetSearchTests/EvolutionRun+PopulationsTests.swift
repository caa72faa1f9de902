import SearchSpace
import Testing

@testable import SubnetSearch

@Suite struct EvolutionRunPopulationsTests {
    /// The search, evolved once.
    private func run(
        milliseconds: Double, seed: UInt64, _ change: (inout SearchSettings) -> Void = { _ in }
    ) throws -> EvolutionRun {
        var run = EvolutionRun(
            try SearchFixture.search(change), SearchConstraint(latencyMilliseconds: milliseconds), seed: seed)
        try run.fill()
        run.evolve { true }
        return run
    }

    /// 130 ms is the time of one random subnet in some hundred.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func underATightConstraintNothingIsLostAndTheConstraintKept(seed: UInt64) throws {
        var run = try run(milliseconds: 130, seed: seed)
        #expect(run.draws >= 20 * run.hits, "\(run.draws) draws, \(run.hits) hits")
        let (best, evaluated) = (run.population[0], run.evaluated)
        run.evolveApart { true }
        #expect(run.population[0].accuracy >= best.accuracy && run.evaluated > evaluated)
        #expect(run.population.allSatisfy { $0.latency <= 130 })
    }

    @Test func someSeedIsSavedFromABadBeginning() throws {
        let gains = try (1...8 as ClosedRange<UInt64>).map { seed in
            var run = try run(milliseconds: 130, seed: seed)
            let best = run.population[0].accuracy
            run.evolveApart { true }
            return run.population[0].accuracy - best
        }
        #expect(gains.contains { $0 > 1e-4 }, "\(gains)")
    }

    @Test func underALooseConstraintThereIsOnePopulation() throws {
        var run = try run(milliseconds: 400, seed: 1)
        let (generation, evaluated) = (run.generation, run.evaluated)
        run.evolveApart { true }
        #expect(run.generation == generation && run.evaluated == evaluated)
    }

    @Test func aSearchThatIsUsedUpOrEndedKeepsWhatItHas() throws {
        var ended = try run(milliseconds: 130, seed: 2)
        let best = ended.population[0].accuracy
        ended.evolveApart { false }
        #expect(ended.population[0].accuracy == best)
        // Used up on the way to the second population.
        let used = ended.evaluated
        var limited = try run(milliseconds: 130, seed: 2) { $0.evaluationLimit = used + 3 }
        limited.evolveApart { true }
        #expect(limited.isUsedUp && limited.population[0].accuracy >= best)
    }
}
