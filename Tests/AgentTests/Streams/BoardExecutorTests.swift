import AgentCore
import CAllocations
import Engine
import FleetModel
import Foundation
import InferenceAPI
import Mailboxes
import Processors
import Testing

@testable import Agent

/// Models of the Fashion-MNIST supernet that share a processor.
@Suite struct BoardExecutorTests {
    private static func runners(
        _ rates: [Double], in folder: FashionFolder, wakeUp: WakeUp? = nil
    ) throws -> [ModelRunner] {
        var loader = ModelLoader(kernels: try KernelSet.selected())
        return try rates.enumerated().map { index, rate in
            ModelRunner(
                try loader.load(folder.model("m\(index)", framesPerSecond: rate)),
                requests: wakeUp.map { InferenceQueue(wakeUp: $0) })
        }
    }

    private static func assign(
        _ runner: ModelRunner, milliseconds: Double, points: ClosedRange<Int> = 0...3, generation: UInt64 = 1
    ) {
        runner.mailbox.post(
            ModelAssignment(
                model: "m", latency: .init(milliseconds: milliseconds, percentile: 95),
                lowestPoint: points.lowerBound, highestPoint: points.upperBound, preferredPoint: points.upperBound,
                priority: 1), number: generation)
    }

    /// Frames of three models and their decisions, envelopes that change in between included.
    @Test(.timeLimit(.minutes(2))) func framesAllocateNothing() throws {
        try #require(ca_is_counting() == 1)
        let folder = try FashionFolder()
        defer { folder.remove() }
        let runners = try Self.runners([400, 300, 200], in: folder, wakeUp: WakeUp())
        for runner in runners { Self.assign(runner, milliseconds: 50) }
        let loop = ExecutorLoop(runners)
        func run(_ frames: Int) {
            var done = 0
            while done < frames { if loop.runNextFrame() { done += 1 } else { loop.sleep() } }
        }
        run(50)
        ca_begin()
        run(200)
        for runner in runners { Self.assign(runner, milliseconds: 40, points: 0...1, generation: 2) }
        run(200)
        let count = ca_count()
        #expect(count == 0)
        let counted = runners.map { $0.counters.snapshot() }
        #expect(counted.allSatisfy { $0.frames > 50 && $0.activePoint <= 1 && $0.constraintMicroseconds == 40_000 })
    }

    /// Two streams that together ask for far more than a processor has: both go down to what fits, and whatever still
    /// comes too late is dropped and counted; without the rival the other is back at its best.
    @Test(.timeLimit(.minutes(2))) func modelsShrinkTogetherAndGrowAgain() throws {
        let folder = try FashionFolder()
        defer { folder.remove() }
        var loader = ModelLoader(kernels: try KernelSet.selected())
        let slowest = try loader.load(folder.model("m", framesPerSecond: 1)).points[3].latencyMilliseconds
        // Each alone keeps 0.7 of the processor busy at its largest point.
        let rate = 700 / slowest
        let runners = try Self.runners([rate, rate], in: folder)
        for runner in runners { Self.assign(runner, milliseconds: 20 * slowest) }
        let loop = ExecutorLoop(runners)
        func run(_ milliseconds: UInt64) {
            let end = MonotonicClock.now() + milliseconds * 1_000_000
            while MonotonicClock.now() < end { if !loop.runNextFrame() { loop.sleep() } }
        }
        run(1_500)
        let (together, dropped) = (
            runners.map { $0.counters.snapshot().activePoint }, runners.map { $0.counters.snapshot().dropped }
        )
        #expect(together.min() ?? 3 < 3, "\(together) \(dropped)")
        for runner in runners {
            let counted = runner.counters.snapshot()
            #expect(Double(counted.frames + counted.dropped) > rate * 1.2)
        }
    }

    /// What telemetry tells is where frames ran, not where the plan would have them: with less time than the plan
    /// counts on a request runs lower.
    @Test(.timeLimit(.minutes(2))) func theActivePointIsWhereTheLastFrameRan() throws {
        let folder = try FashionFolder()
        defer { folder.remove() }
        let runners = try Self.runners([0.001], in: folder, wakeUp: WakeUp())
        let loop = ExecutorLoop(runners)
        Self.assign(runners[0], milliseconds: 1_000)
        while loop.runNextFrame() {}
        let points = runners[0].deployment.points
        #expect(runners[0].counters.snapshot().activePoint == UInt64(points.count - 1))
        // Each frame counts with the accuracy of the point that it ran at.
        let (first, accuracies) = (
            runners[0].counters.snapshot(), points.map { UInt64(($0.accuracy * 1e6).rounded()) }
        )
        #expect(first.frames > 0 && first.expectedMillionths == first.frames * accuracies[points.count - 1])
        // Enough for the smallest point, and for no larger one.
        let microseconds = Int(1_000 * (points[0].latencyMilliseconds + points[1].latencyMilliseconds) / 2)
        var ran: [String] = []
        for _ in 0..<50 where !ran.contains("0") {
            let image = InferenceRequest(
                images: 1, height: 28, width: 28, pixels: .planar([UInt8](repeating: 9, count: 784)),
                timeoutMicroseconds: microseconds)
            runners[0].requests?.submit(InferenceJob(image, channels: 1, arrival: MonotonicClock.now()) { _ in })
            while loop.runNextFrame() {}
            ran.append("\(runners[0].counters.snapshot().activePoint)")
        }
        #expect(ran.contains("0"), "\(ran)")
        let last = runners[0].counters.snapshot()
        #expect(last.expectedMillionths > last.frames * accuracies[0])
        #expect(last.expectedMillionths < last.frames * accuracies[points.count - 1])
    }

    /// A request with a deadline is answered before frames that have more time, and one whose time is over is refused.
    @Test(.timeLimit(.minutes(2))) func requestsTakeTheirPlaceByTheirDeadlines() throws {
        let folder = try FashionFolder()
        defer { folder.remove() }
        let runners = try Self.runners([0.001, 0.001], in: folder, wakeUp: WakeUp())
        final class Order: @unchecked Sendable {
            // @unchecked because the loop runs on the test's thread.
            var names: [String] = []
        }
        let order = Order()
        func submit(_ name: String, to runner: ModelRunner, timeout: Int?) {
            let request = InferenceRequest(
                images: 1, height: 28, width: 28, pixels: .planar([UInt8](repeating: 9, count: 784)),
                timeoutMicroseconds: timeout)
            runner.requests?.submit(
                InferenceJob(request, channels: 1, arrival: MonotonicClock.now()) { result in
                    switch result {
                    case .success: order.names.append(name)
                    case .failure: order.names.append(name + " refused")
                    }
                })
        }
        let loop = ExecutorLoop(runners)
        while loop.runNextFrame() {}
        submit("whenever", to: runners[0], timeout: nil)
        submit("in a minute", to: runners[0], timeout: 60_000_000)
        submit("in 5 s", to: runners[1], timeout: 5_000_000)
        submit("at once", to: runners[0], timeout: 0)
        while loop.runNextFrame() {}
        #expect(order.names == ["at once refused", "in 5 s", "whenever", "in a minute"])
        #expect(runners[0].counters.snapshot().dropped == 1)
    }

    /// The earlier of both counts, and a frame that breaks both counts once.
    @Test func anAnswerIsInTimeByTheConstraintAndByItsOwnDeadline() throws {
        let folder = try FashionFolder()
        defer { folder.remove() }
        let runner = try #require(try Self.runners([0.001], in: folder, wakeUp: WakeUp()).first)
        let lane = ModelLane(runner, queueLimit: 1, start: MonotonicClock.now())
        /// Serves a request that came a second ago and began in time.
        func newViolations(timeoutMilliseconds: Int?) throws -> UInt64 {
            let before = runner.counters.snapshot()
            let request = InferenceRequest(
                images: 1, height: 28, width: 28, pixels: .planar([UInt8](repeating: 9, count: 784)),
                timeoutMicroseconds: timeoutMilliseconds.map { $0 * 1_000 })
            let arrival = MonotonicClock.now() - 1_000_000_000
            runner.requests?.submit(InferenceJob(request, channels: 1, arrival: arrival) { _ in })
            let slot = try #require(lane.takeRequest()?.slot)
            guard case .run = lane.serve(slot, at: 0, from: arrival + 1, slowdown: 1) else {
                Issue.record("a request that begins in time is run")
                return 0
            }
            let after = runner.counters.snapshot()
            #expect(after.frames == before.frames + 1 && after.dropped == 0)
            return after.violations - before.violations
        }
        // Without a constraint, then with one that is kept, then with one that is broken.
        let cases: [(constraint: Double?, violations: [UInt64])] = [
            (nil, [0, 0, 1]), (60_000, [0, 0, 1]), (100, [1, 1, 1]),
        ]
        let timeouts: [Int?] = [nil, 60_000, 500]
        for (constraint, violations) in cases {
            if let constraint {
                Self.assign(runner, milliseconds: constraint, generation: UInt64(constraint))
                _ = lane.newEnvelope()
            }
            #expect(try timeouts.map { try newViolations(timeoutMilliseconds: $0) } == violations, "\(constraint ?? 0)")
        }
    }

    /// What names a processor runs there.
    @Test(.timeLimit(.minutes(2))) func theThreadIsBoundToItsProcessor() async throws {
        let folder = try FashionFolder()
        defer { folder.remove() }
        let processor = try #require(ProcessorAffinity.current.processors.last)
        let wakeUp = WakeUp()
        let runner = try Self.runners([0.001], in: folder, wakeUp: wakeUp)[0]
        let executor = BoardExecutor([runner], processor: processor, wakeUp: wakeUp)
        executor.start()
        let request = InferenceRequest(
            images: 1, height: 28, width: 28, pixels: .planar([UInt8](repeating: 9, count: 784)))
        let processors = await withCheckedContinuation { continuation in
            // The answer is given on the executor's thread.
            runner.requests?.submit(
                InferenceJob(request, channels: 1, arrival: MonotonicClock.now()) { _ in
                    continuation.resume(returning: ProcessorAffinity.current.processors)
                })
        }
        executor.stop()
        #expect(processors == [processor])
    }
}
