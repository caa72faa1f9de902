import FleetModel
import FleetStore
import SearchSpace
import Testing

@Suite struct SearchStoreTests {
    private func record(_ name: String, number: UInt64) -> SearchRecord {
        var record = SearchRecord(
            job: SearchJob(
                name: name, model: "m", boardClass: "küche", processor: "cpu", space: "/s", accuracyPredictor: "/a",
                latencyTable: "/t", constraints: [.init(latencyMilliseconds: 0.1 + 0.2, memoryBytes: 1e9)],
                accuracyFloor: 0.7, seed: 1 << 60), text: "kind: Search", number: number, submittedAtMilliseconds: 5)
        let point = SearchPoint(
            constraint: 0, configuration: SearchSpace.ofaMobileNetV3.largest, predictedAccuracy: 1 / 3,
            predictedLatencyMilliseconds: 0.3, flops: 1e9, memoryBytes: 1e6, relaxedTo: 0.31,
            relaxedBecause: "none is so fast", generations: 3, evaluated: 4,
            candidates: [SearchSpace.ofaMobileNetV3.smallest])
        record.state = .done
        record.points = [point]
        record.outcome = SearchOutcome(
            softwareVersion: "1", seed: 1 << 60, inputs: [.init(path: "/s", sha256: "00")], engineVersion: "e",
            predictor: "p", predictorSpearman: 0.9, points: [point], evaluated: 4, accuracyEvaluations: 2)
        return record
    }

    @Test(arguments: StoreMaker.all)
    func searchesAreReplacedRemovedAndListedByNumber(maker: StoreMaker) async throws {
        try await maker.with { store in
            var first = record("b", number: 1)
            try await store.saveSearch(record("a", number: 2))
            try await store.saveSearch(first)
            first.state = .cancelled
            first.number = 3
            try await store.saveSearch(first)
            #expect(try await store.searches() == [record("a", number: 2), first])

            try await store.removeSearch("a")
            try await store.removeSearch("absent")
            #expect(try await store.searches() == [first])
        }
    }

    @Test(arguments: StoreMaker.all)
    func searchesAreLimited(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.searches = 1
        try await maker.with(limits) { store in
            try await store.saveSearch(record("a", number: 1))
            try await store.saveSearch(record("a", number: 2))
            await #expect(throws: FleetStoreFailure.limitReached(what: "searches", limit: 1)) {
                try await store.saveSearch(record("b", number: 3))
            }
            #expect(try await store.searches() == [record("a", number: 2)])
        }
    }

    @Test func searchesOutliveTheProcess() async throws {
        try await withFolder { folder in
            let store = try SQLiteFleetStore(path: folder + "/fleet.sqlite")
            try await store.saveSearch(record("a", number: 1))
            try store.close()
            let again = try SQLiteFleetStore(path: folder + "/fleet.sqlite")
            #expect(try await again.searches() == [record("a", number: 1)])
            try again.close()
        }
    }
}
