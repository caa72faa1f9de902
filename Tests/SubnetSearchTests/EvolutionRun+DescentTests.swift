import SearchSpace
import SubnetSearch
import Testing

@Suite struct EvolutionRunDescentTests {
    /// What only the two best of eight seeds reach within the constraint, all reach without relaxing it.
    @Test func aFloorThatFewSeedsReachIsReachedByAll() throws {
        let limit = 400.0
        let found = try (1...8).map { seed in
            var generator = SeededGenerator(seed: UInt64(seed))
            return try SearchFixture.search().search(latencyMilliseconds: limit, using: &generator).predictedAccuracy
        }.sorted()
        let floor = found[6] - 1e-6 * abs(found[6])
        for seed in 1...8 {
            var generator = SeededGenerator(seed: UInt64(seed))
            let result = try SearchFixture.search { $0.accuracyFloor = floor }
                .search(latencyMilliseconds: limit, using: &generator)
            #expect(result.predictedAccuracy >= floor, "seed \(seed) of \(found)")
            #expect(result.predictedLatencyMilliseconds <= limit && result.relaxedTo == nil, "seed \(seed) of \(found)")
        }
    }

    /// Far above what the constraint permits, it is relaxed, and the result is the same for the same seed.
    @Test func aFloorOutOfReachIsRelaxedForAndReproducible() throws {
        let (smallest, largest) = try (
            SearchFixture.accuracy().predict(SearchFixture.space.smallest),
            SearchFixture.accuracy().predict(SearchFixture.space.largest)
        )
        let floor = smallest + 0.9 * (largest - smallest)
        let results = try (0..<2).map { _ in
            var generator = SeededGenerator(seed: 3)
            return try SearchFixture.search { ($0.generations, $0.accuracyFloor) = (5, floor) }
                .search(latencyMilliseconds: 250, using: &generator)
        }
        #expect(results[0] == results[1])
        let relaxed = try #require(results[0].relaxedTo)
        #expect(relaxed > 250 && results[0].predictedLatencyMilliseconds <= relaxed)
        #expect(results[0].predictedAccuracy >= floor)
    }
}
