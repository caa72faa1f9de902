import Foundation
import Processors
import Testing

@Suite struct MonotonicSemaphoreTests {
    private static let never = MonotonicClock.now() + 3_600_000_000_000

    @Test func aWaitEndsAtItsInstant() {
        let semaphore = MonotonicSemaphore()
        let instant = MonotonicClock.now() + 5_000_000
        #expect(!semaphore.wait(until: instant) && MonotonicClock.now() >= instant)
        #expect(!semaphore.wait(until: 0))
    }

    @Test func signalsBeforeAWaitAreKept() {
        let semaphore = MonotonicSemaphore()
        semaphore.signal()
        semaphore.signal()
        #expect(semaphore.wait(until: 0) && semaphore.wait(until: Self.never) && !semaphore.wait(until: 0))
    }

    @Test func aSignalOfAnotherThreadEndsAWait() async {
        let (asked, answered) = (MonotonicSemaphore(), MonotonicSemaphore())
        let thread = Thread {
            for _ in 0..<1_000 where asked.wait(until: Self.never) { answered.signal() }
        }
        thread.start()
        let count = await withCheckedContinuation { continuation in
            let waiting = Thread {
                var count = 0
                for _ in 0..<1_000 {
                    asked.signal()
                    if answered.wait(until: Self.never) { count += 1 }
                }
                continuation.resume(returning: count)
            }
            waiting.start()
        }
        #expect(count == 1_000)
    }
}
