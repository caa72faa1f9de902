import AgentCore
import FleetModel
import Testing

@Suite struct TelemetrySpoolTests {
    private let start = ContinuousClock.now
    private var spool = TelemetrySpool<ContinuousClock.Instant>(
        settings: .init(limit: 5, batch: 2, retry: .seconds(2)), incarnation: 7)

    private static let record = TelemetryRecord(
        incarnation: 0, sequence: 0, startMilliseconds: 1, durationMilliseconds: 1_000, generation: 1, models: [],
        board: .init(
            memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0))

    private mutating func record(_ count: Int) { for _ in 0..<count { spool.recorded(Self.record) } }

    @Test mutating func recordsAreNamedInOrder() {
        record(3)

        let batch = spool.batchDue(at: start)
        #expect(batch.map(\.sequence) == [1, 2])
        #expect(batch.allSatisfy { $0.incarnation == 7 })
    }

    @Test mutating func oneBatchIsOnItsWayUntilAcknowledgedOrLate() {
        record(3)
        _ = spool.batchDue(at: start)

        #expect(spool.batchDue(at: start + .seconds(1)).isEmpty)
        #expect(spool.batchDue(at: start + .seconds(2)).map(\.sequence) == [1, 2])
        spool.acknowledged(incarnation: 7, sequence: 2)
        #expect(spool.batchDue(at: start + .seconds(2)).map(\.sequence) == [3])
    }

    @Test mutating func aNewConnectionSendsAgainAtOnce() {
        record(1)
        _ = spool.batchDue(at: start)
        spool.connectionReset()

        #expect(spool.batchDue(at: start).map(\.sequence) == [1])
    }

    @Test mutating func beyondTheLimitTheOldestAreDroppedAndCounted() {
        record(5)
        #expect(spool.dropped == 0 && spool.count == 5)
        record(2)

        #expect(spool.dropped == 2 && spool.count == 5)
        #expect(spool.batchDue(at: start).first?.sequence == 3)
    }

    @Test(arguments: [(8, 1), (7, 0), (7, 9)] as [(UInt64, UInt64)])
    mutating func foreignAcknowledgementsChangeNothing(incarnation: UInt64, sequence: UInt64) {
        record(2)
        spool.acknowledged(incarnation: incarnation, sequence: sequence)

        #expect(spool.count == 2 && spool.acknowledged == 0)
    }
}
