import Scenarios
import Testing

/// What the board's manager makes of small scenarios, on virtual time.
@Suite struct ManagedScenarioTests {
    private static func managed(_ text: String, _ models: String...) throws -> ScenarioReport.Result {
        let scenario = try Scenario.parse(([text] + models).joined(separator: "\n"), file: "s.toml")
        return try #require(ScenarioReport.simulated(scenario, policies: ["managed"]).report.results.first)
    }

    /// - Parameter points: accuracy and run time on the idle board, milliseconds.
    private static func model(
        _ name: String, framesPerSecond: Double, constraint: Double, _ points: [(accuracy: Double, latency: Double)],
        more: String = ""
    ) -> String {
        let table = points.map { "{ accuracy = \($0.accuracy), latencyMilliseconds = \($0.latency) }" }
        return """
            [[model]]
            name = "\(name)"
            framesPerSecond = \(framesPerSecond)
            constraintMilliseconds = \(constraint)
            points = [\(table.joined(separator: ", "))]
            \(more)
            """
    }

    private static func load(from start: Double, to end: Double, slowdown: Double) -> String {
        """
        [[load]]
        startSeconds = \(start)
        endSeconds = \(end)
        slowdown = \(slowdown)
        """
    }

    /// The highest point takes 88 % of the processor: more than a rise with a margin may, and less than a plan may.
    @Test func aLoadThatHasGoneLeavesNothingBehind() throws {
        let points = [(0.854, 5.0), (0.903, 10), (0.935, 30), (0.96, 59)]
        let result = try Self.managed(
            "seconds = 60", Self.model("a", framesPerSecond: 15, constraint: 100, points),
            Self.load(from: 10, to: 11, slowdown: 3))
        #expect(result.sloAttainment >= 0.99)
        #expect(result.accuracy >= 0.955, "\(result.accuracy)")
    }

    /// Frames that come once a second tell of a load's end as soon as they come.
    @Test func aSlowStreamComesBackWithinSeconds() throws {
        let points = [(0.8, 2.0), (0.85, 4), (0.9, 9), (0.92, 15), (0.94, 20)]
        let result = try Self.managed(
            "seconds = 60", Self.model("a", framesPerSecond: 1, constraint: 30, points),
            Self.load(from: 20, to: 40, slowdown: 4))
        #expect(result.accuracy >= 0.908, "\(result.accuracy)")
    }

    /// If they kept no step, every eighth frame of `a` would meet a run of `b` that lasts too long.
    @Test func streamsThatNeverMeetRunWhatTheCoordinatorPrefers() throws {
        let result = try Self.managed(
            "seconds = 60\njitter = 0", Self.model("a", framesPerSecond: 25, constraint: 40, [(0.87, 23)]),
            Self.model("b", framesPerSecond: 12.5, constraint: 80, [(0.689, 7), (0.739, 22)]))
        #expect(result.sloAttainment == 1)
        #expect(result.accuracy >= 0.825, "\(result.accuracy)")
    }

    /// A trial that fails costs a frame, and is not repeated soon.
    @Test func streamsThatMeetAreFoundOutAtTheFirstFrame() throws {
        let result = try Self.managed(
            "seconds = 120\njitter = 0",
            Self.model("a", framesPerSecond: 25, constraint: 40, [(0.87, 23)], more: "percentile = 99"),
            Self.model(
                "b", framesPerSecond: 5.01, constraint: 150, [(0.689, 7), (0.739, 50)], more: "percentile = 99"))
        #expect(result.sloAttainment >= 0.995, "\(result.sloAttainment)")
        #expect(try #require(result.steadySwitchesPerSecond) <= 0.2, "\(result)")
    }

    /// Two models that differ in nothing else: whoever matters more is as accurate at least, but for a moment of
    /// chance, whichever comes first.
    @Test(arguments: 1...6 as ClosedRange<UInt64>, [(100, 1), (1, 100), (10, 5), (5, 10)])
    func whoMattersLessGivesWay(seed: UInt64, priorities: (Int, Int)) throws {
        func stream(_ name: String, _ priority: Int) -> String {
            Self.model(
                name, framesPerSecond: 50, constraint: 12, [(0.9, 1), (0.92, 2), (0.94, 4)],
                more: "priority = \(priority)\narrivals = \"poisson\"")
        }
        let result = try Self.managed(
            "seconds = 60\nseed = \(seed)", stream("a", priorities.0), stream("b", priorities.1))
        let (a, b) = (result.models[0].accuracy, result.models[1].accuracy)
        let (more, less) = priorities.0 > priorities.1 ? (a, b) : (b, a)
        #expect(try #require(more) >= #require(less) - 0.0005, "\(result.models)")
        #expect(result.sloAttainment >= 0.999)
    }
}
