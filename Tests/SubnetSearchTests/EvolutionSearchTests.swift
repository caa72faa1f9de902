import SearchSpace
import SubnetSearch
import Testing

@Suite struct EvolutionSearchTests {
    @Test func resultsMeetTheConstraintAndAreWhatThePredictorsSay() throws {
        let (accuracy, latency) = (try SearchFixture.accuracy(), try SearchFixture.latency())
        let search = try SearchFixture.search { $0.generations = 30 }
        var generator = SeededGenerator(seed: 1)
        for limit in [300.0, 400, 600, 1_000] {
            let result = try search.search(latencyMilliseconds: limit, using: &generator)
            try SearchFixture.space.validate(result.configuration)
            #expect(result.relaxedTo == nil)
            #expect(result.predictedLatencyMilliseconds <= limit)
            #expect(result.latencyMilliseconds == limit)
            #expect(try latency.cost(of: result.configuration) == result.predictedLatencyMilliseconds)
            #expect(try accuracy.predict(result.configuration) == result.predictedAccuracy)
            #expect(result.accuracyEvaluations <= result.evaluated)
        }
    }

    @Test func aSeedGivesTheSameResultToTheBit() throws {
        let search = try SearchFixture.search { $0.generations = 15 }
        func run(_ seed: UInt64) throws -> SearchResult {
            var generator = SeededGenerator(seed: seed)
            return try search.search(latencyMilliseconds: 400, using: &generator)
        }
        #expect(try run(5) == run(5))
        #expect(try run(5).evaluated != run(6).evaluated)
    }

    /// Evolution against as many random draws.
    @Test func evolutionBeatsRandomSampling() throws {
        let (accuracy, latency) = (try SearchFixture.accuracy(), try SearchFixture.latency())
        var generator = SeededGenerator(seed: 2)
        let result = try SearchFixture.search { $0.generations = 40 }
            .search(latencyMilliseconds: 400, using: &generator)
        var evaluator = accuracy.makeEvaluator()
        let indexed = IndexedSearchSpace(SearchFixture.space)
        var subnet = indexed.smallest
        var best = 0.0
        for _ in 0..<result.evaluated {
            indexed.sample(into: &subnet, using: &generator)
            if latency.cost(of: subnet) <= 400 { best = max(best, evaluator.accuracy(of: subnet)) }
        }
        #expect(result.predictedAccuracy > best)
    }

    @Test func impossibleLatenciesAreRelaxedInSteps() throws {
        let search = try SearchFixture.search { $0.generations = 5 }
        let fastest = try SearchFixture.latency().range.lowerBound
        for limit in [fastest * 0.98, 1, 1e-9] {
            var generator = SeededGenerator(seed: 3)
            let result = try search.search(latencyMilliseconds: limit, using: &generator)
            let relaxed = try #require(result.relaxedTo)
            #expect(relaxed > limit)
            #expect(result.predictedLatencyMilliseconds > limit)
            #expect(result.predictedLatencyMilliseconds <= relaxed)
            var step = limit
            while step < relaxed { step *= search.settings.relaxationStep }
            #expect(step == relaxed, "the relaxed constraint is a whole number of steps away")
        }
    }

    @Test func seedsSpareTheRelaxation() throws {
        let search = try SearchFixture.search { $0.generations = 5 }
        let fastest = try SearchFixture.latency().range.lowerBound
        var generator = SeededGenerator(seed: 4)
        let result = try search.search(
            latencyMilliseconds: fastest, seeds: [SearchFixture.space.smallest], using: &generator)
        #expect(result.relaxedTo == nil)
        #expect(result.configuration == SearchFixture.space.smallest)
    }

    @Test func theAccuracyFloorHolds() throws {
        let (smallest, largest) = try (
            SearchFixture.accuracy().predict(SearchFixture.space.smallest),
            SearchFixture.accuracy().predict(SearchFixture.space.largest)
        )
        let floor = smallest + 0.97 * (largest - smallest)
        var generator = SeededGenerator(seed: 5)
        let result = try SearchFixture.search {
            $0.generations = 5
            $0.accuracyFloor = floor
        }.search(latencyMilliseconds: 250, using: &generator)
        #expect(result.predictedAccuracy >= floor)
        #expect(result.relaxedTo != nil, "so much accuracy takes more than 250 ms")
    }

    /// What a search without a floor finds, one with that floor finds too, without relaxing.
    @Test(arguments: [250.0, 400, 700], [UInt64(1), 2, 3])
    func aFloorThatCanBeKeptDoesNotRelax(limit: Double, seed: UInt64) throws {
        var (first, second) = (SeededGenerator(seed: seed), SeededGenerator(seed: seed))
        let free = try SearchFixture.search { $0.generations = 20 }.search(latencyMilliseconds: limit, using: &first)
        let held = try SearchFixture.search {
            $0.generations = 20
            $0.accuracyFloor = free.predictedAccuracy
        }.search(latencyMilliseconds: limit, using: &second)
        #expect(held == free)
    }

    @Test func anAccuracyThatNoSubnetHasEndsInARefusal() throws {
        let search = try SearchFixture.search {
            $0.accuracyFloor = 1e6
            $0.drawLimit = 200
        }
        for limit in [100.0, 600, 1e9] {
            var generator = SeededGenerator(seed: 6)
            #expect {
                try search.search(latencyMilliseconds: limit, using: &generator)
            } throws: {
                guard case SearchRefusal.accuracyFloorNotReached(1e6, let best, let miss) = $0 else { return false }
                return best.isFinite && miss == .atAnyLatency(hasOtherLimits: false)
            }
        }
    }

    @Test func theEvaluationLimitHolds() throws {
        for limit in [150, 500, 2_000] {
            var generator = SeededGenerator(seed: 7)
            let result = try SearchFixture.search {
                $0.evaluationLimit = limit
                $0.generations = 1_000_000
            }.search(latencyMilliseconds: 600, using: &generator)
            #expect(result.evaluated <= limit)
        }
        var generator = SeededGenerator(seed: 7)
        #expect(throws: SearchRefusal.self) {
            try SearchFixture.search { $0.evaluationLimit = 10 }.search(latencyMilliseconds: 1, using: &generator)
        }
    }

    @Test func theCallerEndsASearchBetweenGenerations() throws {
        let search = try SearchFixture.search { $0.generations = 1_000_000 }
        var generator = SeededGenerator(seed: 8)
        var asked = 0
        let result = try search.search(latencyMilliseconds: 600, using: &generator) {
            asked += 1
            return asked <= 3
        }
        #expect(result.generations == 3)
    }

    /// A space of one subnet: nothing new can be bred, and the search ends all the same.
    @Test func aSpaceOfOneSubnetTerminates() throws {
        let single = SearchSpace(
            name: "ofa-mbv3", stageCount: 5, resolutions: [160], depths: [4], kernelSizes: [3], expandRatios: [3])
        let encoding = ArchitectureEncoding(single)
        let weights = Array(repeating: Float(0.01), count: encoding.featureCount)
        let linear = try MultilayerPerceptron(
            layers: [.init(inputs: encoding.featureCount, outputs: 1, weights: weights, bias: [0.1])])
        let latency = try AdditiveCost.flops(
            space: single, operators: try SupernetOperators(SearchFixture.architecture))
        let search = try EvolutionSearch(
            accuracy: try AccuracyPredictor(encoding: encoding, members: [linear]), latency: latency)
        var generator = SeededGenerator(seed: 9)
        let result = try search.search(latencyMilliseconds: 1e12, using: &generator)
        #expect(result.configuration == single.largest)
        #expect(result.evaluated == 1)
    }

    @Test func constraintsAndSettingsThatMakeNoSenseAreRefused() throws {
        let search = try SearchFixture.search()
        var generator = SeededGenerator(seed: 10)
        for limit in [0, -1, .nan, .infinity] as [Double] {
            #expect(throws: SearchRefusal.self) { try search.search(latencyMilliseconds: limit, using: &generator) }
        }
        let changes: [(inout SearchSettings) -> Void] = [
            { $0.population = 1 }, { $0.parentRatio = 0 }, { $0.parentRatio = 1.1 }, { $0.mutationRatio = -0.1 },
            { $0.mutationProbability = 2 }, { $0.generations = -1 }, { $0.evaluationLimit = 0 },
            { $0.accuracyFloor = .nan }, { $0.drawLimit = 0 }, { $0.relaxationStep = 1 }, { $0.attemptsPerChild = 0 },
        ]
        for change in changes { #expect(throws: SearchRefusal.self) { try SearchFixture.search(change) } }
    }

    @Test func predictorsOfDifferentSpacesAreRefused() throws {
        let other = try AdditiveCost.flops(
            space: SearchFixture.architecture.searchSpace, operators: try SupernetOperators(SearchFixture.architecture))
        #expect(throws: SearchRefusal.self) {
            try EvolutionSearch(accuracy: try SearchFixture.accuracy(), latency: other)
        }
    }
}

/// Constraints beside latency, and when a search ends.
@Suite struct SearchConstraintTests {
    private func search() throws -> (search: EvolutionSearch, flops: AdditiveCost, memory: MemoryCost) {
        var settings = SearchSettings()
        (settings.population, settings.drawLimit, settings.generations) = (40, 300, 20)
        let operators = try SupernetOperators(SearchFixture.architecture)
        let flops = try AdditiveCost.flops(space: SearchFixture.space, operators: operators)
        let memory = try MemoryCost(space: SearchFixture.space, operators: operators)
        let search = try EvolutionSearch(
            accuracy: try SearchFixture.accuracy(), latency: try SearchFixture.latency(), flops: flops, memory: memory,
            settings: settings)
        return (search, flops, memory)
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func flopsAndMemoryAreKept(seed: UInt64) throws {
        let (search, flops, memory) = try search()
        var generator = SeededGenerator(seed: seed)
        for share in [0.0, 0.1, 0.5] {
            let limits = [flops.range, memory.range].map { $0.lowerBound + share * ($0.upperBound - $0.lowerBound) }
            let found = try search.search(
                SearchConstraint(latencyMilliseconds: 700, flops: limits[0], memoryBytes: limits[1]), candidates: 6,
                using: &generator)
            #expect(found.best.relaxedTo == nil)
            #expect(found.candidates.first?.configuration == found.best.configuration)
            for subnet in found.candidates.map(\.configuration) {
                #expect(try flops.cost(of: subnet) <= limits[0])
                #expect(try memory.cost(of: subnet) <= limits[1])
            }
        }
    }

    /// Beyond the best there are faster ones, each less accurate than those before it.
    @Test func candidatesReachDownToFasterSubnets() throws {
        let (search, _, _) = try search()
        var generator = SeededGenerator(seed: 5)
        let found = try search.search(SearchConstraint(latencyMilliseconds: 900), candidates: 6, using: &generator)
        let faster = found.candidates.dropFirst(6)
        #expect(faster.count >= 4)
        #expect(faster.contains { $0.latencyMilliseconds < 0.9 * 900 })
        let latencies = faster.map(\.latencyMilliseconds)
        #expect(latencies == latencies.sorted(by: >))
        #expect(zip(faster, faster.dropFirst()).allSatisfy { $0.accuracy > $1.accuracy })
        #expect(found.candidates.allSatisfy { $0.latencyMilliseconds <= 900 })
        #expect(Set(found.candidates.map(\.configuration)).count == found.candidates.count)
    }

    /// Latency alone is relaxed, and only as far as the other limits let a subnet be drawn.
    @Test func aTightLimitBesideAnImpossibleLatencyIsStillKept() throws {
        let (search, flops, _) = try search()
        var generator = SeededGenerator(seed: 9)
        let limit = flops.range.lowerBound * 1.0001
        let best = try search.search(
            SearchConstraint(latencyMilliseconds: 1, flops: limit), using: &generator
        ).best
        #expect(best.relaxedTo != nil)
        #expect(try flops.cost(of: best.configuration) <= limit)
    }

    @Test func whatNoSubnetCostsIsRefused() throws {
        let (search, flops, memory) = try search()
        var generator = SeededGenerator(seed: 1)
        let least = flops.range.lowerBound
        #expect(throws: SearchRefusal.outOfReach(limit: least - 1, unit: "FLOPs", least: least)) {
            try search.search(SearchConstraint(flops: least - 1), using: &generator)
        }
        #expect(throws: SearchRefusal.self) {
            try search.search(SearchConstraint(memoryBytes: memory.range.lowerBound / 2), using: &generator)
        }
        #expect(throws: SearchRefusal.self) {
            try SearchFixture.search().search(SearchConstraint(flops: 1e12), using: &generator)
        }
    }

    /// Nor does it change what the others find.
    @Test func aLimitThatNoSubnetKeepsLeavesTheOthersTheirResults() throws {
        let (search, flops, _) = try search()
        let possible = [SearchConstraint(latencyMilliseconds: 600), .init(latencyMilliseconds: 900)]
        let impossible = SearchConstraint(latencyMilliseconds: 700, flops: flops.range.lowerBound / 2)
        var (first, second) = (SeededGenerator(seed: 5), SeededGenerator(seed: 5))
        var missed: [Int] = []
        let all = try ParetoSearch(search).run(
            [possible[0], impossible, possible[1]], using: &first, missed: { place, _ in missed.append(place) })
        let without = try ParetoSearch(search).run(possible, using: &second)
        #expect(missed == [1] && all.points == without.points)

        #expect(throws: SearchRefusal.self) {
            try ParetoSearch(search).run([impossible], using: &first, missed: { _, _ in })
        }
        #expect(throws: SearchRefusal.self) { try ParetoSearch(search).run([possible[0], impossible], using: &first) }
    }

    @Test func aSearchEndsOnceItsBestStays() throws {
        var (first, second) = (SeededGenerator(seed: 4), SeededGenerator(seed: 4))
        let patient = try SearchFixture.search {
            $0.generations = 10_000
            $0.patience = 10
        }.search(latencyMilliseconds: 500, using: &first)
        #expect(patient.generations > 10 && patient.generations < 10_000)
        let longer = try SearchFixture.search {
            $0.generations = patient.generations + 50
            $0.patience = nil
        }.search(latencyMilliseconds: 500, using: &second)
        #expect(longer.generations == patient.generations + 50)
        #expect(longer.predictedAccuracy >= patient.predictedAccuracy)
    }
}
