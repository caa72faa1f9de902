import SearchSpace
import SubnetSearch
import Testing

@Suite struct EvolutionRunFloorTests {
    /// What one of eight seeds reaches where latency does not bind, all reach, and within a constraint what four do.
    @Test(arguments: [(400.0, 4), (1e9, 7)]) func aFloorThatSomeSeedsReachIsReachedByAll(
        limit: Double, place: Int
    ) throws {
        let found = try (1...8).map { seed in
            var generator = SeededGenerator(seed: UInt64(seed))
            return try SearchFixture.search().search(latencyMilliseconds: limit, using: &generator).predictedAccuracy
        }.sorted()
        let floor = found[place] - 1e-6 * abs(found[place])
        for seed in 1...8 {
            var generator = SeededGenerator(seed: UInt64(seed))
            let result = try SearchFixture.search { $0.accuracyFloor = floor }
                .search(latencyMilliseconds: limit, using: &generator)
            #expect(result.predictedAccuracy >= floor, "seed \(seed) of \(found)")
            #expect(result.relaxedTo == nil, "seed \(seed) of \(found)")
        }
    }

    @Test func theReasonNamesTheFloor() throws {
        let (smallest, largest) = try (
            SearchFixture.accuracy().predict(SearchFixture.space.smallest),
            SearchFixture.accuracy().predict(SearchFixture.space.largest)
        )
        var generator = SeededGenerator(seed: 5)
        let result = try SearchFixture.search {
            $0.generations = 5
            $0.accuracyFloor = smallest + 0.97 * (largest - smallest)
        }.search(latencyMilliseconds: 250, using: &generator)
        let reason = try #require(result.relaxedBecause)
        #expect(reason.hasPrefix("the most accurate subnet found within 250.0 ms has a predicted accuracy of"))
        #expect(reason.contains("less than the floor of"))
    }

    /// Without a constraint of latency none is relaxed: what is out of reach is refused.
    @Test func aRefusalSaysWhatBinds() throws {
        let operators = try SupernetOperators(SearchFixture.architecture)
        let flops = try AdditiveCost.flops(space: SearchFixture.space, operators: operators)
        var settings = SearchSettings()
        (settings.population, settings.drawLimit, settings.generations) = (40, 300, 5)
        settings.accuracyFloor = try SearchFixture.accuracy().predict(SearchFixture.space.largest)
        let search = try EvolutionSearch(
            accuracy: try SearchFixture.accuracy(), latency: try SearchFixture.latency(), flops: flops,
            settings: settings)
        var generator = SeededGenerator(seed: 6)
        let limits = SearchConstraint(latencyMilliseconds: 300, flops: flops.range.lowerBound * 1.2)
        #expect {
            try search.search(limits, using: &generator)
        } throws: {
            guard case SearchRefusal.accuracyFloorNotReached(_, _, .atAnyLatency(hasOtherLimits: true)) = $0 else {
                return false
            }
            return "\($0)".contains("at any latency within the other limits")
        }
        #expect {
            try search.search(
                SearchConstraint(latencyMilliseconds: 300), using: &generator, goesOn: { false })
        } throws: {
            guard case SearchRefusal.accuracyFloorNotReached(_, _, .ended) = $0 else { return false }
            return "\($0)".contains("ended before")
        }
    }
}
