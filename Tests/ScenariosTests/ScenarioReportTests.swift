import Foundation
import Scenarios
import Testing

/// The scenarios that are shipped, on virtual time: what the product's decisions reach, against the baselines.
@Suite struct ScenarioReportTests {
    static let names = ["steady", "load-step", "arrivals", "poisson", "throttling"]

    private static func result(_ report: ScenarioReport, _ policy: String) throws -> ScenarioReport.Result {
        try #require(report.results.first { $0.policy == policy })
    }

    /// The smallest points show what any assignment can reach.
    @Test(arguments: names)
    func constraintsAreKeptWhereverTheyCanBe(name: String) throws {
        let (report, plots) = ScenarioReport.simulated(try ScenarioReadingTests.shipped(name))
        let managed = try Self.result(report, "managed")
        let smallest = try Self.result(report, "static-smallest")
        #expect(smallest.sloAttainment >= 0.99, "the scenario can be served")
        #expect(managed.sloAttainment >= 0.99, "\(managed.sloAttainment)")
        #expect(try #require(managed.recoveryMilliseconds) <= 500)
        #expect(try #require(managed.steadySwitchesPerSecond) <= 1)
        for baseline in ["static-best-fit", "static-smallest", "evict-lowest-priority"] {
            let other = try Self.result(report, baseline)
            let attainsAsMuch = other.sloAttainment >= managed.sloAttainment
            #expect(!attainsAsMuch || managed.accuracy >= other.accuracy + 0.015, "\(other)")
        }
        // On a board where nothing changes, fixed points that were chosen knowing it need no headroom.
        let hindsight = try Self.result(report, "static-in-hindsight")
        #expect(managed.accuracy >= hindsight.accuracy - (name == "steady" ? 0.01 : 0))
        #expect(plots.count == report.results.count && plots["managed"]?.hasPrefix("<svg") == true)
    }

    @Test(arguments: ["load-step", "throttling"])
    func fixedPointsAndEvictionMissWhatShrinkingKeeps(name: String) throws {
        let report = ScenarioReport.simulated(try ScenarioReadingTests.shipped(name)).report
        #expect(try Self.result(report, "static-best-fit").sloAttainment < 0.9)
        #expect(try Self.result(report, "evict-lowest-priority").sloAttainment < 0.9)
    }

    /// Where nothing is unforeseen, what the coordinator assigns is what fixed points reach at best.
    @Test func anIdleBoardLosesNothing() throws {
        let report = ScenarioReport.simulated(try ScenarioReadingTests.shipped("idle")).report
        let managed = try Self.result(report, "managed")
        let hindsight = try Self.result(report, "static-in-hindsight")
        #expect(managed.sloAttainment == 1 && managed.switchesPerSecond == 0)
        #expect(managed.accuracy == hindsight.accuracy)
    }

    @Test func sameSeedGivesTheSameReport() throws {
        let scenario = try ScenarioReadingTests.shipped("poisson")
        let report = ScenarioReport.simulated(scenario).report
        #expect(ScenarioReport.simulated(scenario).report == report)
        var other = scenario
        other.seed += 1
        #expect(ScenarioReport.simulated(other).report != report)
    }

    /// The targets do not hang on the shipped seeds.
    @Test(arguments: names, [UInt64.random(in: 0...1 << 50), 77, 78, 993_316_303_562_541, 612_706_644_626_035])
    func otherSeedsFareAlike(name: String, seed: UInt64) throws {
        var scenario = try ScenarioReadingTests.shipped(name)
        scenario.seed = seed
        let managed = try Self.result(ScenarioReport.simulated(scenario).report, "managed")
        #expect(managed.sloAttainment >= 0.99, "seed \(seed): \(managed.sloAttainment)")
        // Frames that come independently of each other never are in a steady state.
        let mostSwitches = name == "poisson" ? 2.0 : 1
        let switches = try #require(managed.steadySwitchesPerSecond)
        #expect(switches <= mostSwitches, "seed \(seed): \(switches)")
        #expect(managed.recoveryMilliseconds ?? .infinity <= 500, "seed \(seed)")
    }

    private static func alone(jitter: Double, percentile: Double, framesPerSecond: Double) -> String {
        """
        name = "alone"
        seconds = 120
        jitter = \(jitter)
        [[model]]
        name = "a"
        framesPerSecond = \(framesPerSecond)
        constraintMilliseconds = 33
        percentile = \(percentile)
        points = [
          { accuracy = 0.8, latencyMilliseconds = 10 }, { accuracy = 0.85, latencyMilliseconds = 20 },
          { accuracy = 0.9, latencyMilliseconds = 30 },
        ]
        """
    }

    /// 30 ms keep 33 as long as runs hardly vary; where they do, the manager finds out and stays below.
    @Test(arguments: [0.05, 0.1, 0.2], [(95.0, 5.0), (99, 20)])
    func aPointWhoseRunsVaryTooMuchIsLeft(jitter: Double, stream: (percentile: Double, framesPerSecond: Double)) throws
    {
        let text = Self.alone(
            jitter: jitter, percentile: stream.percentile, framesPerSecond: stream.framesPerSecond)
        var scenario = try Scenario.parse(text, file: "alone.toml")
        scenario.seed = UInt64.random(in: 0...1 << 50)
        let managed = try Self.result(ScenarioReport.simulated(scenario).report, "managed")
        #expect(
            100 * managed.sloAttainment >= max(97, stream.percentile), "seed \(scenario.seed): \(managed.sloAttainment)"
        )
        // Where 20 ms are at the limit of what can be kept, they are left at times.
        #expect(managed.accuracy >= (jitter > 0.1 ? 0.81 : 0.849), "seed \(scenario.seed): \(managed.accuracy)")
        #expect(managed.switchesPerSecond < 0.5, "seed \(scenario.seed): \(managed.switchesPerSecond)")
    }

    /// No policy answers with less than the floor that the idle board can keep, and so no baseline gains by that.
    @Test func floorsBindEveryPolicy() throws {
        let text = """
            name = "floor"
            seconds = 20
            [[model]]
            name = "a"
            framesPerSecond = 20
            constraintMilliseconds = 45
            accuracyFloor = 0.75
            points = [ { accuracy = 0.7, latencyMilliseconds = 1.5 }, { accuracy = 0.8, latencyMilliseconds = 5 } ]
            [[load]]
            kind = "throttling"
            startSeconds = 5
            endSeconds = 10
            slowdown = 10
            """
        let report = ScenarioReport.simulated(try Scenario.parse(text, file: "floor.toml")).report
        #expect(report.results.count >= 4)
        for result in report.results { #expect(result.accuracy == 0.8, "\(result.policy)") }
    }

    /// Loads that come and go leave the board no steady time before 12 s, 2 s after the last one has gone.
    @Test(arguments: [(17.0, true), (16.9, false), (10, false)])
    func aRateOfSwitchesTakesSteadyTime(seconds: Double, isTold: Bool) throws {
        let loads = [2.0, 6].map { "[[load]]\nstartSeconds = \($0)\nendSeconds = \($0 + 2)\nslowdown = 3" }
        let last = "[[load]]\nstartSeconds = 9\nendSeconds = 10\nslowdown = 3"
        let text = Self.alone(jitter: 0.03, percentile: 95, framesPerSecond: 20)
            .replacing("seconds = 120", with: "seconds = \(seconds)")
        let scenario = try Scenario.parse(
            ([text] + loads + [last]).joined(separator: "\n"), file: "alone.toml")
        let report = ScenarioReport.simulated(scenario, policies: ["managed"]).report
        let managed = try Self.result(report, "managed")
        #expect((managed.steadySwitchesPerSecond != nil) == isTold, "\(managed)")
        let json = try JSONEncoder().encode(report)
        #expect(String(decoding: json, as: UTF8.self).contains("\"steadySwitchesPerSecond\":null") != isTold)
        #expect(try JSONDecoder().decode(ScenarioReport.self, from: json) == report)
    }

    /// What a constraint's percentile allows is turned into accuracy, and no more than it allows.
    @Test(arguments: [6, 77, UInt64.random(in: 0...1 << 50)])
    func percentileBuysAccuracy(seed: UInt64) throws {
        var scenario = try ScenarioReadingTests.shipped("percentile")
        scenario.seed = seed
        var accuracies: [Double] = []
        for percentile in [99.9, 95, 90] {
            for index in scenario.models.indices { scenario.models[index].percentile = percentile }
            let managed = try Self.result(
                ScenarioReport.simulated(scenario, policies: ["managed"]).report, "managed")
            for model in managed.models {
                #expect(model.sloAttainment * 100 >= percentile, "seed \(seed): \(model)")
            }
            accuracies.append(managed.accuracy)
        }
        #expect(accuracies[1] > accuracies[0] + 0.008 && accuracies[2] > accuracies[1] + 0.008, "\(accuracies)")
    }

    /// Every frame that arrives is completed or given up, under every policy alike.
    @Test(arguments: names)
    func framesAreAccountedFor(name: String) throws {
        let report = ScenarioReport.simulated(try ScenarioReadingTests.shipped(name)).report
        let counts = report.results.map { $0.frames + $0.dropped }
        #expect(Set(counts).count == 1 && counts[0] > 1_000, "\(counts)")
    }

    /// The best fixed points are looked for within bounds; beyond, the report says why they are missing.
    @Test func theSearchInHindsightIsBounded() throws {
        var scenario = try ScenarioReadingTests.shipped("idle")
        #expect(HindsightSearch.refusal(of: scenario) == nil)
        let points = scenario.models[0].points.count
        scenario.models[0].framesPerSecond = 1_000
        scenario.seconds = 3_600
        for index in scenario.models.indices { scenario.models[index].leavesSeconds = 3_600 }
        let frames = try #require(HindsightSearch.refusal(of: scenario))
        #expect(frames.contains("more than \(Int(HindsightSearch.frameLimit))"), "\(points): \(frames)")

        var many = try ScenarioReadingTests.shipped("idle")
        let points64 = (1...64).map {
            Scenario.Point(accuracy: Double($0) / 100, latencyMilliseconds: Double($0) / 10)
        }
        for index in many.models.indices { many.models[index].points = points64 }
        many.models.append(many.models[0])
        many.models[many.models.count - 1].name = "one more"
        many.seconds = 1
        let report = ScenarioReport.simulated(many, policies: ["static-smallest", "static-in-hindsight"]).report
        #expect(report.results.map(\.policy) == ["static-smallest"])
        #expect(report.leftOut.map(\.policy) == ["static-in-hindsight"])
        #expect(report.leftOut[0].reason.contains("more than \(HindsightSearch.combinationLimit) combinations"))
    }
}
