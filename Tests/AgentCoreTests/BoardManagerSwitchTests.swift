import AgentCore
import Testing

/// From one frame to the next: how often a model may change its point, and how far it may go.
@Suite struct BoardManagerSwitchTests {
    private static let idle = [2.0, 4, 8, 12]
    private static let constraint = 33.0

    private static func managed(mode: BoardManager.Mode = .lookUp, limit: Double = .infinity) -> BoardManager {
        var manager = BoardManager(models: [
            .init(framesPerSecond: 30, mode: mode, idleMilliseconds: idle, accuracies: [0.8, 0.85, 0.9, 0.92])
        ])
        manager.modelAssigned(
            0,
            .init(
                constraintMilliseconds: constraint, percentile: 95, priority: 10, lowest: 0, highest: 3,
                switchesPerMinute: limit), atMilliseconds: 0)
        return manager
    }

    /// - Parameter room: milliseconds until the frame's deadline.
    /// - Returns: where it ran.
    private static func run(_ manager: inout BoardManager, room: Double = constraint, at now: Double) throws -> Int {
        let frame = DeadlineQueue.Frame(model: 0, index: 0, arrival: now, deadline: now + room)
        let queue = DeadlineQueue(models: 1, capacity: 1)
        let chosen = manager.point(for: frame, queue: queue, atMilliseconds: now)
        let point = try #require(chosen)
        manager.frameCompleted(
            frame, point: point, serviceMilliseconds: idle[point], atMilliseconds: now + idle[point])
        return point
    }

    /// A minute of frames every other one of which is short of time, as where requests come in batches: each of these
    /// falls, and the others stay there until the limit has earned a switch.
    @Test(arguments: [1.0, 6, 30]) func anOverloadBreaksNoLimitOfSwitches(limit: Double) throws {
        var manager = Self.managed(limit: limit)
        var (switches, last) = (0, try Self.run(&manager, at: 0))
        for index in 1..<4_000 {
            let isShort = index % 2 == 1
            let point = try Self.run(&manager, room: isShort ? 3 : Self.constraint, at: Double(index) * 15)
            if isShort { #expect(point == 0, "a fall was put off") }
            if point != last { switches += 1 }
            last = point
        }
        // A minute, what was saved up before it, and falls that are still to be paid back.
        #expect(Double(switches) <= limit + max(limit, 2) + Double(Self.idle.count), "\(switches)")
        #expect(switches > 0)

        // Quiet pays back what the falls have cost.
        for index in 4_000..<16_000 { last = try Self.run(&manager, at: Double(index) * 15) }
        #expect(last == 3)
    }

    /// The limit of the board is no such: what a burst has lowered comes back right behind it.
    @Test func withoutALimitFramesComeBackAtOnce() throws {
        var manager = Self.managed()
        for index in 0..<6 {
            let isShort = index % 2 == 1
            let point = try Self.run(&manager, room: isShort ? 3 : Self.constraint, at: Double(index) * 15)
            #expect(point == (isShort ? 0 : 3))
        }
    }

    /// In steps, a frame goes one point further down than the last one that ran, and one more for every frame in
    /// between that never did.
    @Test(arguments: [(0, 2), (1, 1), (2, 0), (5_000, 0)])
    func droppedFramesTakeTheirStep(dropped: Int, point: Int) throws {
        var manager = Self.managed(mode: .steps)
        #expect(try Self.run(&manager, at: 0) == 3)
        manager.framesDropped(0, count: dropped, atMilliseconds: 30)
        #expect(try Self.run(&manager, room: 3, at: 33) == point)
        // Upwards each goes one, whatever was dropped.
        manager.framesDropped(0, count: dropped, atMilliseconds: 60)
        let next = try Self.run(&manager, at: 66)
        #expect(next <= point + 1)
    }

    /// One that is given up for what waits behind it is one that never ran.
    @Test func framesGivenUpTakeTheirStep() throws {
        var manager = Self.managed(mode: .steps)
        #expect(try Self.run(&manager, at: 0) == 3)
        var queue = DeadlineQueue(models: 1, capacity: 1)
        queue.enqueue(.init(model: 0, index: 2, arrival: 33, deadline: 66))
        let late = DeadlineQueue.Frame(model: 0, index: 1, arrival: 0, deadline: 33)
        #expect(manager.point(for: late, queue: queue, atMilliseconds: 32) == nil)
        queue.clear(0)
        #expect(try Self.run(&manager, room: 3, at: 33) == 1)
    }
}
