import SearchSpace
import Testing

@testable import SubnetSearch

@Suite struct ParetoSearchTests {
    func search() throws -> ParetoSearch {
        ParetoSearch(try SearchFixture.search { $0.generations = 10 })
    }

    @Test func pointsComeInTheOrderOfTheConstraintsAndNeverFall() throws {
        var generator = SeededGenerator(seed: 1)
        let constraints = [900.0, 300, 600, 450]
        let outcome = try search().run(constraints: constraints, using: &generator)

        #expect(outcome.points.map(\.latencyMilliseconds) == constraints)
        let rising = outcome.points.sorted { $0.latencyMilliseconds < $1.latencyMilliseconds }
        for (tighter, looser) in zip(rising, rising.dropFirst()) {
            #expect(looser.predictedAccuracy >= tighter.predictedAccuracy)
        }
        #expect(outcome.evaluated == outcome.points.reduce(0) { $0 + $1.evaluated })
    }

    @Test func theTableRisesStrictlyAndHasNoSubnetTwice() throws {
        var generator = SeededGenerator(seed: 2)
        let outcome = try search().run(constraints: [400, 400, 1e6, 2e6, 500], using: &generator)

        #expect(outcome.points.count == 5)
        #expect(outcome.table.count <= 5 && outcome.table.count >= 2)
        #expect(Set(outcome.table.map(\.configuration)).count == outcome.table.count)
        for (cheaper, dearer) in zip(outcome.table, outcome.table.dropFirst()) {
            #expect(cheaper.predictedLatencyMilliseconds < dearer.predictedLatencyMilliseconds)
            #expect(cheaper.predictedAccuracy < dearer.predictedAccuracy)
        }
    }

    @Test func pointsThatOthersDominateLeaveTheTable() {
        func point(_ latency: Double, _ accuracy: Double) -> SearchResult {
            SearchResult(
                latencyMilliseconds: latency, configuration: SearchFixture.space.largest, predictedAccuracy: accuracy,
                predictedLatencyMilliseconds: latency, relaxedTo: nil, evaluated: 1, accuracyEvaluations: 1,
                generations: 1)
        }
        let table = ParetoSearch.table([point(3, 0.7), point(1, 0.5), point(1, 0.5), point(2, 0.8), point(4, 0.8)])
        #expect(table == [point(1, 0.5), point(2, 0.8)])
    }

    @Test func aSeedGivesTheSameTable() throws {
        var (first, second) = (SeededGenerator(seed: 3), SeededGenerator(seed: 3))
        let pareto = try search()
        #expect(
            try pareto.run(constraints: [300, 500], using: &first)
                == pareto.run(constraints: [300, 500], using: &second))
    }

    @Test func derivedConstraintsLieBetweenTheFastestAndTheSlowestSubnet() throws {
        let range = try SearchFixture.latency().range
        let constraints = try search().constraints(count: 5)

        #expect(constraints.count == 5)
        #expect(constraints.allSatisfy { $0 > range.lowerBound && $0 <= range.upperBound })
        #expect(constraints.last == range.upperBound)
        let all = [range.lowerBound] + constraints
        let steps = zip(all, all.dropFirst()).map { $1 / $0 }
        for step in steps { #expect(abs(step / steps[0] - 1) < 1e-9) }
    }

    @Test func constraintsAreLimited() throws {
        let pareto = ParetoSearch(
            try SearchFixture.search {
                $0.generations = 0
                $0.population = 2
            })
        var generator = SeededGenerator(seed: 4)
        let limit = ParetoSearch.constraintLimit
        #expect(throws: SearchRefusal.self) { try pareto.run(constraints: [], using: &generator) }
        #expect(throws: SearchRefusal.self) {
            try pareto.run(constraints: Array(repeating: 600, count: limit + 1), using: &generator)
        }
        #expect(pareto.constraints(count: limit).count == limit)
    }
}
