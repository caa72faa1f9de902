import AgentCore
import CAllocations
import Testing

@Suite struct BoardManagerTests {
    private static func model(fps: Double = 30, priority: Int = 10, constraint: Double = 33) -> BoardManager.Model {
        .init(
            framesPerSecond: fps, priority: priority, constraintMilliseconds: constraint,
            idleMilliseconds: [2, 4, 8, 12], accuracies: [0.8, 0.85, 0.9, 0.92])
    }

    private static func managed(_ models: [BoardManager.Model]) -> BoardManager {
        var manager = BoardManager(models: models)
        for index in models.indices { manager.modelAssigned(index, lowest: 0, highest: 3, atMilliseconds: 0) }
        return manager
    }

    private static func points(_ manager: BoardManager, _ count: Int) -> [Int] {
        (0..<count).map { manager.plannedPoint(of: $0) }
    }

    /// Each frame takes what its point takes, at this speed, and nothing waits.
    private static func live(_ manager: inout BoardManager, models: Int, slowdown: Double, from: Double, to: Double) {
        let idle = [2.0, 4, 8, 12]
        var now = from
        while now < to {
            for model in 0..<models {
                let point = manager.plannedPoint(of: model)
                let service = idle[point] * slowdown
                manager.frameCompleted(
                    model, point: point, latencyMilliseconds: service, serviceMilliseconds: service, dropped: 0,
                    atMilliseconds: now)
            }
            now += 33
        }
    }

    @Test func modelsTakeTheirBestPointsWhileAllFit() {
        #expect(Self.points(Self.managed([Self.model()]), 1) == [3])
        #expect(Self.points(Self.managed([Self.model(), Self.model(constraint: 60)]), 2) == [3, 3])
    }

    /// 12 + 12 ms fit neither 20 ms nor 0.92 of the processor at 60 frames per second.
    @Test func constraintsAndLoadBoundThePlan() {
        let tight = Self.managed([Self.model(constraint: 20), Self.model(constraint: 20)])
        let points = Self.points(tight, 2)
        #expect([2.0, 4, 8, 12][points[0]] + [2.0, 4, 8, 12][points[1]] <= 0.92 * 20)
        let busy = Self.managed([
            Self.model(fps: 60, priority: 1, constraint: 100), Self.model(fps: 60, constraint: 100),
        ])
        #expect(Self.points(busy, 2) == [0, 3])
    }

    /// At a third of the speed both shrink within three frames, and grow again when it has passed.
    @Test func modelsShrinkTogetherAndClimbBack() {
        var manager = Self.managed([Self.model(), Self.model(priority: 5)])
        Self.live(&manager, models: 2, slowdown: 1, from: 0, to: 1_000)
        let before = Self.points(manager, 2)
        Self.live(&manager, models: 2, slowdown: 3, from: 1_000, to: 1_100)
        let during = Self.points(manager, 2)
        #expect(during[0] < before[0] && during[1] < before[1], "\(before) \(during)")
        Self.live(&manager, models: 2, slowdown: 1, from: 1_100, to: 6_000)
        #expect(Self.points(manager, 2) == before)
    }

    /// 12 + 12 ms at 1.4 times the time are more than 33 ms, though the processor is two thirds idle: each frame that
    /// meets another would run lower than the one before and after.
    @Test func planFallsWhenTwoFramesThatMeetNoLongerFit() {
        var manager = Self.managed([Self.model(fps: 10), Self.model(fps: 10, priority: 5)])
        Self.live(&manager, models: 2, slowdown: 1.3, from: 0, to: 300)
        #expect(Self.points(manager, 2) == [3, 3])
        Self.live(&manager, models: 2, slowdown: 1.4, from: 300, to: 1_000)
        #expect(Self.points(manager, 2) == [3, 2])
    }

    @Test func newModelTakesItsShareAndGivesItBack() {
        var manager = BoardManager(models: [Self.model(fps: 60), Self.model(fps: 60)])
        manager.modelAssigned(0, lowest: 0, highest: 3, atMilliseconds: 0)
        let alone = manager.plannedPoint(of: 0)
        manager.modelAssigned(1, lowest: 0, highest: 3, atMilliseconds: 10)
        #expect(manager.plannedPoint(of: 0) < alone)
        manager.modelWithdrawn(1, atMilliseconds: 20)
        #expect(manager.plannedPoint(of: 0) == alone)
    }

    @Test func envelopeIsKept() {
        var manager = BoardManager(models: [Self.model(constraint: 1)])
        manager.modelAssigned(0, lowest: 1, highest: 2, atMilliseconds: 0)
        #expect(manager.plannedPoint(of: 0) == 1)
        Self.live(&manager, models: 1, slowdown: 20, from: 0, to: 1_000)
        #expect(manager.plannedPoint(of: 0) == 1)
    }

    /// A frame that came late, or with others behind it, runs at a lower point than planned.
    @Test func frameThatIsShortOfTimeRunsLower() {
        let manager = Self.managed([Self.model(constraint: 60), Self.model(constraint: 60)])
        let planned = manager.plannedPoint(of: 0)
        var queue = DeadlineQueue(models: 2, capacity: 8)
        let frame = DeadlineQueue.Frame(model: 0, index: 0, arrival: 0, deadline: 60)
        #expect(manager.point(for: frame, queue: queue, atMilliseconds: 1) == planned)
        #expect(manager.point(for: frame, queue: queue, atMilliseconds: 54) == 1)
        queue.enqueue(.init(model: 1, index: 0, arrival: 0, deadline: 8))
        #expect(manager.point(for: frame, queue: queue, atMilliseconds: 1) == 1)
    }

    /// Eight models of forty points under a load that comes and goes: plans fall and rise all the time.
    @Test func decisionsAllocateNothing() throws {
        try #require(ca_is_counting() == 1)
        let idle = (1...40).map { Double($0) * 0.2 }
        let accuracies = (1...40).map { 0.5 + Double($0) / 100 }
        let models = (0..<8).map {
            BoardManager.Model(
                framesPerSecond: 10, priority: 1 + $0, constraintMilliseconds: 50, idleMilliseconds: idle,
                accuracies: accuracies)
        }
        var manager = BoardManager(models: models)
        for index in models.indices { manager.modelAssigned(index, lowest: 0, highest: 39, atMilliseconds: 0) }
        var queue = DeadlineQueue(models: 8, capacity: 8)
        var (now, planned) = (0.0, 0)
        let clock = ContinuousClock()
        var worst = Duration.zero
        ca_begin()
        let start = clock.now
        for step in 0..<20_000 {
            now += 12
            queue.enqueue(.init(model: step % 8, index: UInt64(step), arrival: now, deadline: now + 50))
            let begin = clock.now
            guard let frame = queue.take(at: now) else { continue }
            let point = manager.point(for: frame, queue: queue, atMilliseconds: now)
            let service = idle[point] * (step / 500 % 2 == 0 ? 1 : 3)
            manager.frameCompleted(
                frame.model, point: point, latencyMilliseconds: service, serviceMilliseconds: service, dropped: 0,
                atMilliseconds: now + service)
            worst = max(worst, begin.duration(to: clock.now))
            planned += manager.plannedPoint(of: 0)
        }
        let whole = start.duration(to: clock.now)
        let count = ca_count()
        #expect(count == 0)
        #expect(planned > 0)
        print("board manager: mean \(whole / 20_000) per frame, at most \(worst)")
    }
}
