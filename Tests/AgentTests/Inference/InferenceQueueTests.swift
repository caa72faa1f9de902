import Foundation
import InferenceAPI
import Processors
import Synchronization
import Testing

@testable import Agent

@Suite struct InferenceQueueTests {
    private final class Answers: Sendable {
        let refusals = Mutex<[String]>([])
    }
    private let answers = Answers()

    private func job(images: Int = 1) -> InferenceJob {
        let request = InferenceRequest(
            images: images, height: 1, width: 1, pixels: .planar([UInt8](repeating: 0, count: images)))
        return InferenceJob(request, channels: 1, arrival: 5) { [answers] result in
            if case .failure(let refusal) = result { answers.refusals.withLock { $0.append(refusal.message) } }
        }
    }

    @Test func aFullQueueRefusesAndCounts() {
        let queue = InferenceQueue()
        for _ in 0..<InferenceQueue.limit { queue.submit(job()) }
        #expect(answers.refusals.withLock { $0 }.isEmpty && queue.takeRefused() == 0)
        queue.submit(job(images: 3))
        #expect(answers.refusals.withLock { $0 } == ["16 requests are waiting already"])
        #expect(queue.takeRefused() == 3 && queue.takeRefused() == 0)
        #expect(queue.take() != nil)
        queue.submit(job())
        #expect(answers.refusals.withLock { $0.count } == 1)
    }

    @Test func aClosedQueueLeavesNobodyWaiting() {
        let queue = InferenceQueue()
        queue.submit(job())
        queue.submit(job())
        queue.close()
        #expect(answers.refusals.withLock { $0 } == ["the agent is stopping", "the agent is stopping"])
        queue.submit(job())
        #expect(answers.refusals.withLock { $0.count } == 3 && queue.take() == nil)
    }

    @Test func aJobEndsTheSleep() {
        let wakeUp = WakeUp()
        let queue = InferenceQueue(wakeUp: wakeUp)
        queue.submit(job())
        let start = MonotonicClock.now()
        wakeUp.sleep(until: start + 60_000_000_000)
        #expect(MonotonicClock.now() - start < 60_000_000_000)
    }

    @Test func deadlinesDoNotOverflow() {
        let request = InferenceRequest(
            images: 1, height: 1, width: 1, pixels: .planar([0]), timeoutMicroseconds: Int.max)
        #expect(InferenceJob(request, channels: 1, arrival: .max / 2) { _ in }.deadline == .max)
        var short = request
        short.timeoutMicroseconds = 2
        #expect(InferenceJob(short, channels: 1, arrival: 5) { _ in }.deadline == 2_005)
    }
}
