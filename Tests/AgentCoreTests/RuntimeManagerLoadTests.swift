import AgentCore
import Testing

/// A load of some length on boards with slow and fast streams: obeyed within a second, undone within six.
@Suite struct RuntimeManagerLoadTests {
    struct Load: Sendable, CustomTestStringConvertible {
        var mode: RuntimeManager.Mode
        var framesPerSecond: Double
        var idle: [Double]
        var competitors: Int
        var seconds: Double
        var testDescription: String { "\(mode), \(framesPerSecond)/s, \(competitors) competitors, \(seconds) s" }
    }

    private static let streams: [(Double, [Double])] = [
        (30, [2, 3, 4, 6, 8, 10, 12]),
        (100, [0.5, 0.8, 1.2, 2, 3, 4, 6, 7]),
        (600, [0.1, 0.15, 0.2, 0.27, 0.36, 0.48, 0.64, 0.85, 1.1]),
    ]

    static let loads: [Load] = RuntimeManager.Mode.allCases.flatMap { mode in
        streams.flatMap { stream in
            [3, 5].flatMap { competitors in
                [10.0, 30, 60].map {
                    Load(
                        mode: mode, framesPerSecond: stream.0, idle: stream.1, competitors: competitors, seconds: $0)
                }
            }
        }
    }

    private static let constraint = 25.0
    private static let begin = 5_000.0

    @Test(arguments: loads)
    func loadIsObeyedAndUndone(load: Load) {
        let top = load.idle.count - 1
        let end = Self.begin + load.seconds * 1_000
        var processor = SharedProcessor(idle: load.idle, framesPerSecond: load.framesPerSecond)
        var manager = RuntimeManager(
            settings: .init(mode: load.mode, framesPerSecond: load.framesPerSecond), idleMilliseconds: load.idle)
        manager.assignmentChanged(
            .init(latencyMilliseconds: Self.constraint, lowest: 0, highest: top, preferred: top), atMilliseconds: 0)
        var (frames, broken, steadySwitches) = (0, 0, UInt64(0))
        var lowest = top
        var backAt: Double?
        while processor.now < end + 10_000 {
            processor.competitors = processor.now >= Self.begin && processor.now < end ? load.competitors : 0
            let before = manager.switches
            let frame = processor.frame(at: manager.point)
            _ = manager.frameCompleted(frame, atMilliseconds: processor.now)
            if processor.now >= Self.begin + 1_000, processor.now < end {
                frames += 1 + frame.dropped
                broken += frame.dropped + (frame.latencyMilliseconds > Self.constraint ? 1 : 0)
                steadySwitches += manager.switches - before
                lowest = min(lowest, manager.point)
            }
            if processor.now >= end, manager.point == top, backAt == nil { backAt = processor.now }
        }

        #expect(Double(broken) <= 0.01 * Double(frames), "\(broken) of \(frames) broken")
        #expect(lowest < top)
        #expect(Double(steadySwitches) <= load.seconds, "\(steadySwitches) switches")
        #expect((backAt ?? .infinity) - end <= 6_000, "back \((backAt ?? .infinity) - end) ms after the load")
        #expect(manager.point == top)
    }
}
