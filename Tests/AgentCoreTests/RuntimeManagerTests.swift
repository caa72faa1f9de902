import AgentCore
import Testing

@Suite struct RuntimeManagerTests {
    static let idle = [0.15, 0.2, 0.27, 0.36, 0.48, 0.64, 0.85, 1.1]
    static let constraint = 25.0

    /// One model in two thirds of a core at its largest point.
    private struct Run {
        var processor = SharedProcessor(idle: RuntimeManagerTests.idle, framesPerSecond: 600)
        var manager: RuntimeManager
        var broken: [Double] = []
        var frames = 0

        init(_ mode: RuntimeManager.Mode) {
            manager = RuntimeManager(
                settings: .init(mode: mode, framesPerSecond: 600), idleMilliseconds: RuntimeManagerTests.idle)
            manager.assignmentChanged(
                .init(latencyMilliseconds: RuntimeManagerTests.constraint, lowest: 0, highest: 7, preferred: 7),
                atMilliseconds: 0)
        }

        mutating func run(untilMilliseconds end: Double) {
            while processor.now < end {
                let frame = processor.frame(at: manager.point)
                frames += 1
                if frame.latencyMilliseconds > RuntimeManagerTests.constraint { broken.append(processor.now) }
                _ = manager.frameCompleted(frame, atMilliseconds: processor.now)
            }
        }
    }

    @Test(arguments: RuntimeManager.Mode.allCases)
    func staysAtTheTopOnAnIdleBoard(mode: RuntimeManager.Mode) {
        var run = Run(mode)
        run.run(untilMilliseconds: 20_000)

        #expect(run.manager.point == 7 && run.manager.switches == 0)
        #expect(run.broken.isEmpty)
    }

    @Test(arguments: RuntimeManager.Mode.allCases)
    func obeysAgainWithinASecondOfALoadStep(mode: RuntimeManager.Mode) {
        var run = Run(mode)
        run.run(untilMilliseconds: 5_000)
        run.processor.competitors = 3
        run.run(untilMilliseconds: 6_000)
        #expect(run.manager.point < 7)

        run.broken = []
        run.frames = 0
        run.run(untilMilliseconds: 30_000)
        #expect(Double(run.broken.count) <= 0.01 * Double(run.frames), "\(run.broken.count) of \(run.frames)")
    }

    @Test(arguments: RuntimeManager.Mode.allCases)
    func climbsBackAfterTheLoad(mode: RuntimeManager.Mode) {
        var run = Run(mode)
        run.run(untilMilliseconds: 2_000)
        run.processor.competitors = 3
        run.run(untilMilliseconds: 12_000)
        let during = run.manager.point
        run.processor.competitors = 0
        run.run(untilMilliseconds: mode == .lookUp ? 22_000 : 45_000)

        #expect(during < 7)
        #expect(run.manager.point == 7)
    }

    @Test(arguments: RuntimeManager.Mode.allCases)
    func switchesAtMostOncePerSecondInSteadyState(mode: RuntimeManager.Mode) {
        var run = Run(mode)
        run.processor.competitors = 3
        run.run(untilMilliseconds: 10_000)
        let before = run.manager.switches
        run.run(untilMilliseconds: 70_000)

        #expect(run.manager.switches - before <= 60)
    }

    @Test(arguments: RuntimeManager.Mode.allCases)
    func neverLeavesTheEnvelope(mode: RuntimeManager.Mode) {
        var run = Run(mode)
        run.manager.assignmentChanged(
            .init(latencyMilliseconds: 25, lowest: 2, highest: 5, preferred: 4), atMilliseconds: 0)
        var seen: Set<Int> = []
        for second in 1...40 {
            run.processor.competitors = second % 8 < 4 ? 12 : 0
            run.run(untilMilliseconds: Double(second) * 1_000)
            seen.insert(run.manager.point)
        }
        #expect(seen.isSubset(of: [2, 3, 4, 5]))
    }

    @Test func theFirstAssignmentSetsThePreferredPoint() {
        var manager = RuntimeManager(
            settings: .init(mode: .lookUp, framesPerSecond: 10), idleMilliseconds: Self.idle)
        manager.assignmentChanged(
            .init(latencyMilliseconds: 25, lowest: 0, highest: 7, preferred: 3), atMilliseconds: 0)
        #expect(manager.point == 3)
        manager.assignmentChanged(
            .init(latencyMilliseconds: 20, lowest: 0, highest: 2, preferred: 1), atMilliseconds: 1)
        #expect(manager.point == 2)
    }

    @Test func fallsWithinThreeFramesOfAHardStep() {
        var manager = RuntimeManager(
            settings: .init(mode: .steps, framesPerSecond: 100), idleMilliseconds: Self.idle)
        manager.assignmentChanged(
            .init(latencyMilliseconds: 5, lowest: 0, highest: 7, preferred: 7), atMilliseconds: 0)
        let slow = RuntimeManager.Frame(latencyMilliseconds: 9, serviceMilliseconds: 9, dropped: 0)

        let points = (1...3).map { manager.frameCompleted(slow, atMilliseconds: 1_000 + 10 * Double($0)) }
        #expect(points.last == 6)
    }
}
