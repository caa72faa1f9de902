import FleetStore
import Testing

@testable import Coordinator

@Suite struct RetentionSweepTests {
    private static let day: UInt64 = 86_400_000
    private static let start = 20_000 * day

    @Test func aPassGoesOnWhereTheLastPageEnded() throws {
        var sweep = RetentionSweep(days: 30, startedAtMilliseconds: Self.start)
        let first = try #require(sweep.page(nowMilliseconds: Self.start, elapsed: .zero))
        #expect(
            first
                == RetentionPage(
                    receivedBeforeMilliseconds: Self.start - 30 * Self.day, nowMilliseconds: Self.start, after: 0,
                    limit: RetentionSweep.recordsAtOnce))

        #expect(sweep.pageDone(RemovedTelemetry(records: 500, next: 700)) == RetentionSweep.pause)
        let second = try #require(sweep.page(nowMilliseconds: Self.start + 200, elapsed: .milliseconds(200)))
        #expect(second.after == 700 && second.nowMilliseconds == Self.start + 200)
        #expect(sweep.pageDone(RemovedTelemetry(records: 20, next: nil)) == RetentionSweep.rest)
        #expect(sweep.removed == 520)
        #expect(sweep.page(nowMilliseconds: Self.start + 300, elapsed: .milliseconds(300))?.after == 0)
        _ = sweep.pageDone(RemovedTelemetry(records: 1, next: nil))
        #expect(sweep.removed == 1)
    }

    @Test func withoutDaysNothingGoesByAge() {
        let sweep = RetentionSweep(days: 0, startedAtMilliseconds: Self.start)
        #expect(sweep.page(nowMilliseconds: Self.start, elapsed: .zero) == nil)
    }

    @Test func nothingIsOlderThanTheClock() {
        let sweep = RetentionSweep(days: 30, startedAtMilliseconds: Self.day)
        #expect(sweep.page(nowMilliseconds: Self.day, elapsed: .zero)?.receivedBeforeMilliseconds == 0)
    }

    /// A clock that was set forward by a year would make everything old.
    @Test(arguments: [
        (365 * 86_400, false), (3_601, false), (3_599, true), (0, true), (-3_599, true), (-3_601, false),
    ])
    func aClockThatWasSetIsNotTrusted(bySeconds seconds: Int, isTrusted: Bool) {
        let sweep = RetentionSweep(days: 30, startedAtMilliseconds: Self.start)
        let now = UInt64(Int(Self.start) + 7_000 + seconds * 1_000)

        #expect((sweep.page(nowMilliseconds: now, elapsed: .seconds(7)) != nil) == isTrusted)
        #expect(sweep.isTrusted(now, .seconds(7)) == isTrusted)
    }
}
