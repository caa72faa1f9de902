import Scenarios
import Testing

/// What the board's manager makes of small scenarios, on virtual time.
@Suite struct ManagedScenarioTests {
    private static func managed(_ text: String) throws -> ScenarioReport.Result {
        let report = ScenarioReport.simulated(try Scenario.parse(text, file: "s.toml"), policies: ["managed"]).report
        return try #require(report.results.first)
    }

    /// The highest point takes 88 % of the processor: more than a rise with a margin may, and less than a plan may.
    @Test func aLoadThatHasGoneLeavesNothingBehind() throws {
        let result = try Self.managed(
            """
            seconds = 60
            [[model]]
            name = "a"
            framesPerSecond = 15
            constraintMilliseconds = 100
            points = [
              { accuracy = 0.854, latencyMilliseconds = 5 }, { accuracy = 0.903, latencyMilliseconds = 10 },
              { accuracy = 0.935, latencyMilliseconds = 30 }, { accuracy = 0.96, latencyMilliseconds = 59 },
            ]
            [[load]]
            startSeconds = 10
            endSeconds = 11
            slowdown = 3
            """)
        #expect(result.sloAttainment >= 0.99)
        #expect(result.accuracy >= 0.955, "\(result.accuracy)")
    }

    /// Frames that come once a second tell of a load's end as soon as they come.
    @Test func aSlowStreamComesBackWithinSeconds() throws {
        let result = try Self.managed(
            """
            seconds = 60
            [[model]]
            name = "a"
            framesPerSecond = 1
            constraintMilliseconds = 30
            points = [
              { accuracy = 0.8, latencyMilliseconds = 2 }, { accuracy = 0.85, latencyMilliseconds = 4 },
              { accuracy = 0.9, latencyMilliseconds = 9 }, { accuracy = 0.92, latencyMilliseconds = 15 },
              { accuracy = 0.94, latencyMilliseconds = 20 },
            ]
            [[load]]
            startSeconds = 20
            endSeconds = 40
            slowdown = 4
            """)
        #expect(result.accuracy >= 0.908, "\(result.accuracy)")
    }

    /// If they kept no step, every eighth frame of `a` would meet a run of `b` that lasts too long.
    @Test func streamsThatNeverMeetRunWhatTheCoordinatorPrefers() throws {
        let result = try Self.managed(
            """
            seconds = 60
            jitter = 0
            [[model]]
            name = "a"
            framesPerSecond = 25
            constraintMilliseconds = 40
            points = [{ accuracy = 0.87, latencyMilliseconds = 23 }]
            [[model]]
            name = "b"
            framesPerSecond = 12.5
            constraintMilliseconds = 80
            points = [{ accuracy = 0.689, latencyMilliseconds = 7 }, { accuracy = 0.739, latencyMilliseconds = 22 }]
            """)
        #expect(result.sloAttainment == 1)
        #expect(result.accuracy >= 0.825, "\(result.accuracy)")
    }

    /// A trial that fails costs a frame, and is not repeated soon.
    @Test func streamsThatMeetAreFoundOutAtTheFirstFrame() throws {
        let result = try Self.managed(
            """
            seconds = 120
            jitter = 0
            [[model]]
            name = "a"
            framesPerSecond = 25
            constraintMilliseconds = 40
            percentile = 99
            points = [{ accuracy = 0.87, latencyMilliseconds = 23 }]
            [[model]]
            name = "b"
            framesPerSecond = 5.01
            constraintMilliseconds = 150
            percentile = 99
            points = [{ accuracy = 0.689, latencyMilliseconds = 7 }, { accuracy = 0.739, latencyMilliseconds = 50 }]
            """)
        #expect(result.sloAttainment >= 0.995, "\(result.sloAttainment)")
        #expect(try #require(result.steadySwitchesPerSecond) <= 0.2, "\(result)")
    }

    /// Two models that differ in nothing else: whoever matters more is as accurate at least, but for a moment of
    /// chance, whichever comes first.
    @Test(arguments: 1...6 as ClosedRange<UInt64>, [(100, 1), (1, 100), (10, 5), (5, 10)])
    func whoMattersLessGivesWay(seed: UInt64, priorities: (Int, Int)) throws {
        let result = try Self.managed(
            """
            seconds = 60
            seed = \(seed)
            """ + Self.stream("a", priorities.0) + Self.stream("b", priorities.1))
        let (a, b) = (result.models[0].accuracy, result.models[1].accuracy)
        let (more, less) = priorities.0 > priorities.1 ? (a, b) : (b, a)
        #expect(try #require(more) >= #require(less) - 0.0005, "\(result.models)")
        #expect(result.sloAttainment >= 0.999)
    }

    private static func stream(_ name: String, _ priority: Int) -> String {
        """

        [[model]]
        name = "\(name)"
        priority = \(priority)
        framesPerSecond = 50
        arrivals = "poisson"
        constraintMilliseconds = 12
        points = [
          { accuracy = 0.90, latencyMilliseconds = 1 }, { accuracy = 0.92, latencyMilliseconds = 2 },
          { accuracy = 0.94, latencyMilliseconds = 4 },
        ]
        """
    }
}
