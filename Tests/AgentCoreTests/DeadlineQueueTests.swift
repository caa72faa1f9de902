import AgentCore
import CAllocations
import Testing

@Suite struct DeadlineQueueTests {
    private static func frame(_ model: Int, _ index: UInt64, arrival: Double, deadline: Double) -> DeadlineQueue.Frame {
        .init(model: model, index: index, arrival: arrival, deadline: deadline)
    }

    @Test func earliestDeadlineIsFirstAcrossModels() {
        var queue = DeadlineQueue(models: 2, capacity: 4)
        queue.enqueue(Self.frame(0, 0, arrival: 0, deadline: 40))
        queue.enqueue(Self.frame(1, 0, arrival: 1, deadline: 20))
        queue.enqueue(Self.frame(1, 1, arrival: 2, deadline: 60))
        queue.enqueue(Self.frame(0, 1, arrival: 3, deadline: 50))
        #expect((0..<4).compactMap { _ in queue.take(at: 5)?.deadline } == [20, 40, 50, 60])
        #expect(queue.isEmpty && queue.take(at: 5) == nil)
        #expect(queue.dropped(of: 0) == 0 && queue.dropped(of: 1) == 0)
    }

    @Test func staleFramesAreDroppedAndCounted() {
        var queue = DeadlineQueue(models: 2, capacity: 4)
        for index in 0..<3 { queue.enqueue(Self.frame(0, UInt64(index), arrival: 0, deadline: Double(index) * 10)) }
        queue.enqueue(Self.frame(1, 0, arrival: 0, deadline: 5))
        #expect(queue.take(at: 15)?.index == 2)
        #expect(queue.dropped(of: 0) == 2 && queue.dropped(of: 1) == 1)
        #expect(queue.droppedLate(of: 0) == 2 && queue.droppedLate(of: 1) == 1)
    }

    /// A frame whose deadline is just now still has its chance; one model's flood drops its own frames only.
    @Test func fullShareDropsTheOldest() {
        var queue = DeadlineQueue(models: 2, capacity: 2)
        queue.enqueue(Self.frame(1, 0, arrival: 0, deadline: 9))
        for index in 0..<5 { queue.enqueue(Self.frame(0, UInt64(index), arrival: 0, deadline: Double(10 + index))) }
        #expect(queue.droppedLate(of: 0) == 0)
        #expect(queue.dropped(of: 0) == 3 && queue.dropped(of: 1) == 0 && queue.waiting(of: 0) == 2)
        #expect(queue.take(at: 9)?.model == 1)
        #expect(queue.take(at: 13)?.index == 3)
        queue.clear(0)
        #expect(queue.dropped(of: 0) == 4 && queue.isEmpty && queue.earliestDeadline(of: 0) == nil)
    }

    /// A request finds its place by its deadline, and waits for whoever takes it, however late.
    @Test func requestsAreOrderedAndNeverDropped() {
        var queue = DeadlineQueue(models: 2, capacity: 3)
        for (index, deadline) in [(1, 30.0), (2, 10), (3, 20)] {
            queue.enqueue(.init(model: 1, index: UInt64(index), arrival: 0, deadline: deadline, isRequest: true))
        }
        queue.enqueue(Self.frame(1, 7, arrival: 0, deadline: 15))
        #expect(queue.waiting(of: 1) == 4 && queue.earliestDeadline(of: 1) == 10)
        queue.clear(1)
        #expect((0..<4).map { _ in queue.take(at: 100)?.index } == [2, 3, 1, nil])
        #expect(queue.dropped(of: 1) == 1)
    }

    /// Two frames of 4 ms each with 20 and 22 ms to go leave 12 ms before the first, 14 before the second.
    @Test func everyFrameThatWaitsKeepsItsTime() {
        var queue = DeadlineQueue(models: 3, capacity: 4)
        #expect(queue.longestRun(from: 0, least: 1) { _ in 4 } == .infinity)
        queue.enqueue(Self.frame(0, 0, arrival: 0, deadline: 122))
        #expect(queue.longestRun(from: 100, least: 1) { _ in 4 } == 18)
        queue.enqueue(Self.frame(1, 0, arrival: 0, deadline: 120))
        #expect(queue.longestRun(from: 100, least: 1) { _ in 4 } == 14)
        // The earlier one is short of time now, not those behind it.
        #expect(queue.longestRun(from: 100, least: 1) { $0 == 1 ? 12 : 4 } == 6)
        queue.enqueue(Self.frame(2, 0, arrival: 0, deadline: 300))
        #expect(queue.longestRun(from: 100, least: 1) { $0 == 1 ? 12 : 4 } == 6)
    }

    /// What is late either way asks for nothing: of a stream it is dropped, a request still takes its time.
    @Test(arguments: [(false, 19.0), (true, 15)]) func lostFramesAskForNothing(isRequest: Bool, room: Double) {
        var queue = DeadlineQueue(models: 2, capacity: 4)
        queue.enqueue(.init(model: 0, index: 0, arrival: 0, deadline: 101, isRequest: isRequest))
        queue.enqueue(Self.frame(1, 0, arrival: 0, deadline: 120))
        #expect(queue.longestRun(from: 100, least: 2) { $0 == 0 ? 4 : 1 } == room)
    }

    @Test func whatIsAskedOfTheQueueAllocatesNothing() {
        var queue = DeadlineQueue(models: 8, capacity: 16)
        for index in 0..<128 {
            queue.enqueue(Self.frame(index % 8, UInt64(index), arrival: 0, deadline: Double(index)))
        }
        var sum = 0.0
        ca_begin()
        for now in 0..<100 { sum += queue.longestRun(from: Double(now), least: 0.1) { _ in 0.2 } }
        let count = ca_count()
        #expect(count == 0 && sum > 0)
    }
}
