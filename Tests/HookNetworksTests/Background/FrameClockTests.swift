import Testing

@testable import HookNetworks

@Suite struct FrameClockTests {
    /// Frames every 10 ms that take 1 ms.
    private func clock(frames: UInt64) -> FrameClock {
        let clock = FrameClock()
        for frame in 1...frames {
            clock.frameStarted(at: frame * 10_000_000)
            clock.frameEnded()
        }
        return clock
    }

    @Test func aPieceMustBeOverBeforeTheNextFrame() {
        let clock = clock(frames: 5)
        #expect(clock.hasRoom(for: 2_000_000, at: 51_000_000))
        #expect(clock.hasRoom(for: 2_000_000, at: 58_000_000))
        #expect(!clock.hasRoom(for: 2_000_000, at: 58_000_001))
        #expect(!clock.hasRoom(for: 10, at: 63_000_000), "a frame is due")
        #expect(clock.hasRoom(for: 2_000_000, at: 71_000_000), "the stream has stopped")
        #expect(clock.frames == 5)
    }

    @Test func nothingBeginsWhileAFrameRuns() {
        let clock = clock(frames: 2)
        clock.frameStarted(at: 30_000_000)
        #expect(!clock.hasRoom(for: 1, at: 30_500_000))
        #expect(!clock.hasRoom(for: 1, at: 90_000_000))
        clock.frameEnded()
        #expect(clock.hasRoom(for: 1, at: 30_500_000))
    }

    @Test func theIntervalFollowsTheStream() {
        let clock = clock(frames: 3)
        for frame in UInt64(0)..<60 {
            clock.frameStarted(at: 30_000_000 + frame * 2_000_000)
            clock.frameEnded()
        }
        #expect(!clock.hasRoom(for: 2_500_000, at: 148_000_000))
        #expect(clock.hasRoom(for: 1_500_000, at: 148_000_000))
    }
}
