import FleetModel
import FleetStore
import SearchSpace
import Testing

@Suite struct MeasurementStoreTests {
    private func measurement(
        _ board: String, at now: UInt64, milliseconds: Double = 0.1 + 0.2, resolution: Int = 128
    ) throws -> MeasuredSubnet {
        var subnet = SearchSpace.ofaMobileNetV3.smallest
        subnet.resolution = resolution
        return MeasuredSubnet(
            board: try #require(BoardID(board)), boardClass: "küche", model: try #require(ModelName("m")),
            supernetSHA256: String(repeating: "0", count: 64), engineVersion: "e", configuration: subnet, flops: 1e9,
            medianMilliseconds: milliseconds, lowestMilliseconds: 0.1, highestMilliseconds: 1 / 3, atMilliseconds: now)
    }

    @Test(arguments: StoreMaker.all)
    func aSubnetMeasuredAgainReplacesWhatWasMeasured(maker: StoreMaker) async throws {
        try await maker.with { store in
            try await store.saveMeasurement(try measurement("a", at: 2))
            try await store.saveMeasurement(try measurement("b", at: 1))
            try await store.saveMeasurement(try measurement("a", at: 3, resolution: 160))
            #expect(try await store.measurements().map(\.atMilliseconds) == [1, 2, 3])
            try await store.saveMeasurement(try measurement("a", at: 4, milliseconds: 9))
            let kept = try await store.measurements()
            #expect(kept.map(\.atMilliseconds) == [1, 3, 4])
            #expect(try kept.last == measurement("a", at: 4, milliseconds: 9))
        }
    }

    @Test(arguments: StoreMaker.all)
    func beyondTheLimitTheOldestGo(maker: StoreMaker) async throws {
        var limits = StoreLimits()
        limits.measuredSubnets = 2
        try await maker.with(limits) { store in
            for (now, board) in [(5, "a"), (4, "b"), (6, "c"), (7, "d")] {
                try await store.saveMeasurement(try measurement(board, at: UInt64(now)))
            }
            #expect(try await store.measurements().map(\.board.rawValue) == ["c", "d"])
        }
    }
}
