import Testing

@testable import Messaging

@Suite struct RateLimitTests {
    private let start = ContinuousClock.now

    @Test func asManyPassPerSecondAsItSays() {
        var limit = RateLimit(perSecond: 10, at: start)
        let admitted = (0..<5_000).count { limit.admits(at: start + .milliseconds($0)) }
        // Ten at once, and ten in each of the five seconds.
        #expect((59...60).contains(admitted))
    }

    @Test func quietSavesUpOneSecondAtMost() {
        var limit = RateLimit(perSecond: 3, at: start)
        let later = start + .seconds(1_000)
        let admitted = (0..<10).count { _ in limit.admits(at: later) }
        #expect(admitted == 3)
    }

    @Test func aClockThatGoesBackGivesNothing() {
        var limit = RateLimit(perSecond: 1, at: start)
        let instants = [start, start - .seconds(5), start + .milliseconds(10), start + .seconds(1)]
        var admitted: [Bool] = []
        for instant in instants { admitted.append(limit.admits(at: instant)) }
        #expect(admitted == [true, false, false, true])
    }
}
