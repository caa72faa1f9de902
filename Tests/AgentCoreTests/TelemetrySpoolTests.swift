import AgentCore
import FleetModel
import Testing

@Suite struct TelemetrySpoolTests {
    private typealias Spool = TelemetrySpool<ContinuousClock.Instant>
    private let start = ContinuousClock.now
    private var spool: Spool

    init() {
        var settings = Spool.Settings(byteLimit: 500, batch: 2)
        settings.retry = .seconds(2)
        spool = Spool(settings: settings, incarnation: 7)
    }

    private mutating func record(_ count: Int) { for _ in 0..<count { _ = spool.recorded(bytes: 100) } }

    private mutating func sent(at now: ContinuousClock.Instant) -> [[UInt64]] {
        spool.batchesDue(at: now).map { $0.map(\.sequence) }
    }

    @Test mutating func recordsAreNamedInOrder() {
        #expect(spool.nextPosition == TelemetryPosition(incarnation: 7, sequence: 1))
        record(3)

        #expect(sent(at: start) == [[1, 2]])
        #expect(spool.nextPosition == TelemetryPosition(incarnation: 7, sequence: 4))
    }

    @Test mutating func oneBatchIsOnItsWayUntilAcknowledgedOrLate() {
        record(3)
        _ = sent(at: start)

        #expect(sent(at: start + .seconds(1)).isEmpty)
        #expect(sent(at: start + .seconds(2)) == [[1, 2]])
        _ = spool.acknowledged(incarnation: 7, sequence: 2, at: start + .seconds(2))
        #expect(sent(at: start + .seconds(2)) == [[3]])
    }

    @Test mutating func whatIsNotAnsweredIsRepeatedEverMoreSlowly() {
        record(1)
        var now = start
        var waits: [Duration] = []
        for _ in 0..<6 {
            #expect(sent(at: now) == [[1]])
            let sentAt = now
            while spool.batchesDue(at: now + .seconds(1)).isEmpty { now += .seconds(1) }
            waits.append(sentAt.duration(to: now) + .seconds(1))
            spool.connectionReset()
            now = start
            for _ in waits { now += .seconds(100) }
            if waits.count < 2 { continue }
            break
        }
        // The first repetition, twice: a new session begins with the shortest wait.
        #expect(waits == [.seconds(2), .seconds(2)])

        _ = sent(at: now)
        var repeats: [Duration] = []
        var last = now
        while repeats.count < 6 {
            now += .seconds(1)
            if !spool.batchesDue(at: now).isEmpty {
                repeats.append(last.duration(to: now))
                last = now
            }
        }
        #expect(repeats == [2, 4, 8, 16, 30, 30].map { .seconds($0) })
    }

    @Test mutating func aNewConnectionSendsAgainAtOnce() {
        record(1)
        _ = sent(at: start)
        spool.connectionReset()

        #expect(sent(at: start) == [[1]])
    }

    @Test mutating func beyondTheLimitTheOldestAreDropped() {
        record(5)
        #expect(spool.count == 5 && spool.bytes == 500)

        #expect(spool.recorded(bytes: 100).map(\.sequence) == [1])
        #expect(spool.recorded(bytes: 250).map(\.sequence) == [2, 3, 4])
        #expect(spool.count == 3 && spool.bytes == 450)
        #expect(sent(at: start) == [[5, 6]])
    }

    @Test mutating func theNewestStaysHoweverLargeItIs() {
        record(1)

        #expect(spool.recorded(bytes: 10_000).map(\.sequence) == [1])
        #expect(spool.count == 1)
    }

    @Test(arguments: [(8, 1), (7, 0), (7, 9)] as [(UInt64, UInt64)])
    mutating func foreignAcknowledgementsChangeNothing(incarnation: UInt64, sequence: UInt64) {
        record(2)

        #expect(spool.acknowledged(incarnation: incarnation, sequence: sequence, at: start).isEmpty)
        #expect(spool.count == 2 && spool.acknowledged == 0)
    }

    /// The coordinator passes over gaps that it takes for dropped; what it has not seen is not forgotten for that.
    @Test mutating func whatWasNeverSentStaysWhateverIsAcknowledged() {
        record(4)
        _ = sent(at: start)

        #expect(spool.acknowledged(incarnation: 7, sequence: 4, at: start).map(\.sequence) == [1, 2])
        #expect(sent(at: start) == [[3, 4]])
    }

    // MARK: After an absence

    @Test mutating func whatWaitedLeavesInOrderWithPauses() {
        record(5)
        spool.connectionReset()

        #expect(sent(at: start) == [[1, 2]])
        // The answer took 200 ms: three times as long is rest.
        _ = spool.acknowledged(incarnation: 7, sequence: 2, at: start + .milliseconds(200))
        #expect(sent(at: start + .milliseconds(799)).isEmpty)
        #expect(sent(at: start + .milliseconds(800)) == [[3, 4]])
        // A quick one: the shortest rest.
        _ = spool.acknowledged(incarnation: 7, sequence: 4, at: start + .milliseconds(801))
        #expect(sent(at: start + .milliseconds(1_050)).isEmpty)
        #expect(sent(at: start + .milliseconds(1_051)) == [[5]])
    }

    @Test mutating func liveRecordsOvertakeWhatWaited() {
        record(4)
        spool.connectionReset()
        _ = sent(at: start)

        record(1)
        #expect(sent(at: start + .milliseconds(100)) == [[5]])
        #expect(sent(at: start + .milliseconds(100)).isEmpty)
        _ = spool.acknowledged(incarnation: 7, sequence: 2, at: start + .milliseconds(100))
        #expect(sent(at: start + .milliseconds(400)) == [[3, 4]])
        #expect(spool.acknowledged(incarnation: 7, sequence: 5, at: start + .milliseconds(500)).count == 3)
        #expect(spool.count == 0 && sent(at: start + .seconds(9)).isEmpty)
    }

    @Test mutating func liveRecordsThatWereNotAnsweredAreRepeatedAfterTheBacklog() {
        record(1)
        spool.connectionReset()
        _ = sent(at: start)
        record(1)
        #expect(sent(at: start + .seconds(1)) == [[2]])
        _ = spool.acknowledged(incarnation: 7, sequence: 1, at: start + .seconds(1))

        #expect(sent(at: start + .milliseconds(2_900)).isEmpty)
        #expect(sent(at: start + .seconds(3)) == [[2]])
    }

    @Test func earlierStartsComeFirst() {
        let stored = [(6, 9), (5, 3), (6, 8)].map { incarnation, sequence in
            Spool.Entry(position: .init(incarnation: incarnation, sequence: sequence), bytes: 100)
        }
        var spool = Spool(settings: .init(byteLimit: 1_000, batch: 2), incarnation: 7, stored: stored)
        _ = spool.recorded(bytes: 100)
        spool.connectionReset()

        #expect(spool.batchesDue(at: start).map { $0.map(\.description) } == [["5/3", "6/8"]])
        #expect(spool.acknowledged(incarnation: 5, sequence: 3, at: start).count == 1)
        // The other half of the batch is still on its way.
        #expect(spool.batchesDue(at: start + .seconds(1)).isEmpty)
        #expect(spool.acknowledged(incarnation: 6, sequence: 8, at: start + .seconds(1)).count == 1)
        #expect(spool.batchesDue(at: start + .seconds(4)).map { $0.map(\.description) } == [["6/9", "7/1"]])
    }

    @Test mutating func whatTheDiskLostIsWaitedForNoMore() {
        record(3)
        _ = sent(at: start)
        spool.lost([.init(incarnation: 7, sequence: 1), .init(incarnation: 7, sequence: 2)])

        #expect(spool.bytes == 100 && sent(at: start) == [[3]])
    }
}
