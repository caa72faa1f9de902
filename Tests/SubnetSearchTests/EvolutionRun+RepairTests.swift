import SearchSpace
import SubnetSearch
import Testing

@Suite struct EvolutionRunRepairTests {
    /// Constraints that hardly any draw meets, down to the fastest subnet's own latency.
    @Test(arguments: [1.0, 1.001, 1.01, 1.05], [UInt64(1), 2])
    func whatOnlyFewSubnetsKeepIsKept(share: Double, seed: UInt64) throws {
        let latency = try SearchFixture.latency()
        let limit = latency.cost(of: latency.cheapest) * share
        var generator = SeededGenerator(seed: seed)
        let result = try SearchFixture.search { $0.generations = 10 }
            .search(latencyMilliseconds: limit, using: &generator)
        #expect(result.relaxedTo == nil && result.relaxedBecause == nil)
        #expect(result.predictedLatencyMilliseconds <= limit)
    }

    /// A looser limit of something else is no help and no harm.
    @Test func aLimitThatDoesNotBindChangesNothing() throws {
        let operators = try SupernetOperators(SearchFixture.architecture)
        let flops = try AdditiveCost.flops(space: SearchFixture.space, operators: operators)
        var settings = SearchSettings()
        (settings.population, settings.drawLimit, settings.generations) = (40, 300, 10)
        let search = try EvolutionSearch(
            accuracy: try SearchFixture.accuracy(), latency: try SearchFixture.latency(), flops: flops,
            settings: settings)
        for share in [0.9, 1.01, 1.5] {
            let limit = try SearchFixture.latency().range.lowerBound * share
            var (first, second) = (SeededGenerator(seed: 3), SeededGenerator(seed: 3))
            let plain = try search.search(SearchConstraint(latencyMilliseconds: limit), using: &first).best
            let loose = try search.search(
                SearchConstraint(latencyMilliseconds: limit, flops: flops.range.upperBound), using: &second
            ).best
            #expect(plain.configuration == loose.configuration && plain.relaxedTo == loose.relaxedTo, "\(share)")
        }
    }

    /// Without other limits the reason names the latency of the fastest subnet there is.
    @Test func theReasonNamesTheFastest() throws {
        let fastest = try SearchFixture.latency().range.lowerBound
        var generator = SeededGenerator(seed: 3)
        let result = try SearchFixture.search { $0.generations = 5 }
            .search(latencyMilliseconds: fastest / 3, using: &generator)
        let named = (fastest * 10_000).rounded() / 10_000
        #expect(result.relaxedBecause == "no subnet takes less than \(named) ms")
        let relaxed = try #require(result.relaxedTo)
        #expect(relaxed >= fastest && relaxed < fastest * 1.0501, "no looser than it has to be")
    }

    /// Latency falls with larger choices here, so that the fastest subnet breaks the limit of memory.
    @Test func besideAnotherLimitTheFastestThatKeepsItIsLookedFor() throws {
        let operators = try SupernetOperators(SearchFixture.architecture)
        let latency = try AdditiveCost(space: SearchFixture.space, operators: operators) { row, _ in
            row.kind == .block ? 20 - Double(row.kernel) : 1
        }
        let memory = try MemoryCost(space: SearchFixture.space, operators: operators)
        var settings = SearchSettings()
        (settings.population, settings.drawLimit, settings.generations) = (40, 300, 10)
        let search = try EvolutionSearch(
            accuracy: try SearchFixture.accuracy(), latency: latency, memory: memory, settings: settings)
        let limit = memory.range.lowerBound * 1.02
        #expect(memory.cost(of: latency.cheapest) > limit)
        var generator = SeededGenerator(seed: 4)
        let best = try search.search(
            SearchConstraint(latencyMilliseconds: latency.range.lowerBound, memoryBytes: limit), using: &generator
        ).best
        #expect(try memory.cost(of: best.configuration) <= limit)
        #expect(best.relaxedTo != nil)
        #expect(best.relaxedBecause?.hasPrefix("no subnet within the other limits was found to take less than") == true)
    }
}
