import Testing

@testable import Scenarios

@Suite struct RecoveryTests {
    /// Ten frames in 100 ms, a step at one second, nine more seconds; those that come at `late` are not kept.
    private static func worst(
        percentile: Double = 95, secondStep: Double? = nil, late: (Double) -> Bool
    ) throws -> Double? {
        let scenario = try Scenario.parse(
            """
            name = "recovery"
            seconds = 10
            seed = 1

            [[model]]
            name = "classifier"
            framesPerSecond = 100
            constraintMilliseconds = 9
            percentile = \(percentile)
            points = [{ accuracy = 0.9, latencyMilliseconds = 1.0 }]

            [[load]]
            startSeconds = 1
            endSeconds = 10
            slowdown = 2
            \(secondStep.map { "[[load]]\nstartSeconds = \($0 - 0.5)\nendSeconds = \($0)\nslowdown = 2" } ?? "")
            """, file: "recovery")
        var trace = RunTrace(models: 1)
        for frame in 0..<1_000 {
            let arrival = Double(frame) * 10 + 1
            trace.completed(
                .init(model: 0, arrival: arrival, latency: 1, point: 0, isKept: !late(arrival)),
                decisionNanoseconds: 0)
        }
        return Recovery(trace, scenario).worst
    }

    @Test func nothingLateIsNothingToRecoverFrom() throws { #expect(try Self.worst { _ in false } == 0) }

    @Test func itLastsUntilFramesAreKeptAgain() throws {
        #expect(try Self.worst { (1_000..<1_300).contains($0) } == 300)
        #expect(try Self.worst { (1_000..<1_310).contains($0) } == 400)
    }

    /// One in a hundred is what the constraint allows.
    @Test func singleLateFramesBreakNoPercentile() throws {
        func late(_ time: Double) -> Bool { (1_000..<1_300).contains(time) || Int(time) % 1_000 == 501 }
        #expect(try Self.worst(late: late) == 300)
        #expect(try Self.worst(percentile: 99.9, late: late) == nil)
    }

    /// A moment in which all is well ends nothing when most of what follows is late.
    @Test func aRespiteIsNoRecovery() throws {
        #expect(try Self.worst { (1_000..<4_000).contains($0) && !(2_000..<2_200).contains($0) } == 3_000)
        #expect(try Self.worst { $0 > 1_000 && Int($0 / 100) % 2 == 0 } == nil)
    }

    /// The first step is recovered from when the second, half a second on and while all is late still, is.
    @Test func aStepThatAnotherOvertakesIsOverWithThat() throws {
        #expect(try Self.worst(secondStep: 2) { (1_000..<1_700).contains($0) } == 700)
        #expect(try Self.worst(secondStep: 2) { $0 > 1_000 } == nil)
    }

    /// Runs of three seconds, beside which frames are dropped by the dozen: each counts when it arrived, not when a run
    /// had ended and it was seen to be late. The last run of the load, from 14 s, ends at 17 s.
    @Test func droppedFramesAreOfTheTimeOfTheirArrival() throws {
        let scenario = try Scenario.parse(
            """
            seconds = 20
            jitter = 0

            [[model]]
            name = "a"
            framesPerSecond = 10
            constraintMilliseconds = 150
            points = [{ accuracy = 0.8, latencyMilliseconds = 60 }]

            [[load]]
            startSeconds = 5
            endSeconds = 15
            slowdown = 50
            """, file: "dropped")
        let trace = ScenarioRun.trace(scenario, StaticPolicy.smallest(scenario))
        #expect(Recovery(trace, scenario).worst == 12_000)
        // Every frame is there once.
        let arrivals = (trace.frames.map(\.arrival) + trace.drops[0]).sorted()
        #expect(arrivals.count == 200)
        #expect(zip(arrivals, arrivals.dropFirst()).allSatisfy { abs($1 - $0 - 100) < 1e-6 })
    }

    /// Models drop each their own frames, some of them given up when their turn came.
    @Test func everyModelsFramesAreThereOnce() throws {
        var scenario = try ScenarioReadingTests.shipped("poisson")
        scenario.seconds = 2
        for index in scenario.models.indices {
            (scenario.models[index].arrivesSeconds, scenario.models[index].leavesSeconds) = (0, 2)
            scenario.models[index].framesPerSecond *= 20
        }
        let trace = ScenarioRun.trace(scenario, ManagedPolicy(scenario))
        for model in scenario.models.indices {
            let ran = trace.frames.filter { $0.model == model }.map(\.arrival)
            var process = ArrivalProcess(scenario, model: model)
            var arrived: [Double] = []
            while process.next.isFinite { arrived.append(process.take().1) }
            #expect((ran + trace.drops[model]).sorted() == arrived, "model \(model)")
        }
        #expect(trace.drops.contains { $0.count > 10 }, "nothing was dropped")
    }

    @Test func whatIsNeverKeptIsNoRecovery() throws { #expect(try Self.worst { $0 > 1_000 } == nil) }
}
