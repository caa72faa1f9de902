import AgentCore
import Testing

@Suite struct FrameArrivalsTests {
    private var arrivals = FrameArrivals(framesPerSecond: 1_000, queueLimit: 4, start: 5_000_000)

    @Test mutating func framesArriveAtTheirRate() {
        #expect(arrivals.take(at: 4_999_999) == nil)
        #expect(arrivals.take(at: 5_000_000) == .init(index: 0, arrival: 5_000_000, dropped: 0))
        #expect(arrivals.take(at: 5_999_999) == nil)
        #expect(arrivals.nextArrival == 6_000_000)
        #expect(arrivals.take(at: 6_000_100)?.index == 1)
    }

    @Test mutating func framesBehindAreCountedAsWaiting() {
        let frame = arrivals.take(at: 7_500_000)

        #expect(frame == .init(index: 0, arrival: 5_000_000, dropped: 0))
    }

    @Test mutating func oldestFramesAreDroppedBeyondTheQueueLimit() {
        let frame = arrivals.take(at: 15_000_000)

        #expect(frame == .init(index: 7, arrival: 12_000_000, dropped: 7))
        #expect(arrivals.take(at: 15_000_000)?.index == 8)
    }
}
