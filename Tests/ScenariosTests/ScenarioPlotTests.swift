import Foundation
import Testing

@testable import Scenarios

@Suite struct ScenarioPlotTests {
    private static let text = """
        seconds = 2
        [[model]]
        name = "m"
        framesPerSecond = 10
        constraintMilliseconds = 33
        accuracyFloor = 0.7
        points = [{ accuracy = 0.6, latencyMilliseconds = 1 }, { accuracy = 0.8, latencyMilliseconds = 2 }]
        """

    private static func frame(_ arrival: Double, _ point: Int) -> RunTrace.Frame {
        .init(model: 0, arrival: arrival, latency: 1, point: point, isKept: true)
    }

    /// The mean of the points of each half second; one without frames is left out.
    @Test func theAccuracyIsThatOfTheFramesCompleted() throws {
        let scenario = try Scenario.parse(Self.text, file: "s")
        let frames = [Self.frame(0, 0), Self.frame(100, 1), Self.frame(600, 1), Self.frame(1_600, 0)]
        let plot = ScenarioPlot(scenario, RunTrace(models: 1), title: "t")
        let curve = plot.accuracies(of: 0, frames)
        #expect(curve.map(\.start) == [0, 500, 1_500])
        #expect(zip(curve.map(\.accuracy), [0.7, 0.8, 0.6]).allSatisfy { abs($0 - $1) < 1e-12 })
        // The highest accuracy is at the top, the lowest at the bottom, and the gap is one.
        let strip = plot.accuracyStrip(of: 0, frames, colour: "blue", top: 100)
        #expect(strip.contains("V100H") && strip.contains("152H"))
        #expect(strip.split(separator: "stroke=\"blue\"").count == 2)
        let path = try #require(strip.split(separator: "<path d=\"").last)
        #expect(path.prefix { $0 != "\"" }.count { $0 == "M" } == 2, "\(path)")
        #expect(strip.contains("80 %") && strip.contains("60 %") && strip.contains("M60.0 126H"))
    }

    @Test func everyModelHasItsAccuracyInThePicture() throws {
        let scenario = try ScenarioReadingTests.shipped("throttling")
        let plots = ScenarioReport.simulated(scenario, policies: ["managed"]).plots
        let svg = try #require(plots["managed"])
        #expect(svg.components(separatedBy: "> accuracy</text>").count == scenario.models.count + 1)
        #expect(!svg.contains("nan") && !svg.contains("inf"))
    }

    /// Between latency and accuracy, where no point's line runs, however high the point is.
    @Test func droppedFramesHaveAStripOfTheirOwn() throws {
        let scenario = try Scenario.parse(Self.text, file: "s")
        var trace = RunTrace(models: 1)
        trace.completed(Self.frame(0, 1), decisionNanoseconds: 0)
        #expect(!ScenarioPlot(scenario, trace, title: "t").svg.contains("> dropped</text>"))
        trace.dropped(0, arrival: 1_000)
        trace.dropped(0, arrival: 1_500)
        let svg = ScenarioPlot(scenario, trace, title: "t").svg
        // Latencies and points lie from 30 to 170, the accuracy from 188.
        #expect(svg.contains("<path d=\"M475 175v8 M682.5 175v8 \" stroke=\"#c00\"/>"), "\(svg)")
        #expect(svg.contains("> dropped</text>"))
    }

    @Test(arguments: [(2.0, 0.2), (30, 5), (60, 5), (61, 10), (3_600, 500), (0.1, 0.01)])
    func secondsAreLabelledInRoundSteps(seconds: Double, distance: Double) throws {
        var scenario = try Scenario.parse(Self.text, file: "s")
        scenario.seconds = seconds
        let plot = ScenarioPlot(scenario, RunTrace(models: 1), title: "t")
        #expect(abs(plot.labelDistance - distance) < 1e-9)
        let axis = plot.secondsAxis(bottom: 250)
        #expect(axis.components(separatedBy: " s</text>").count - 1 == Int((seconds / distance).rounded(.down)) + 1)
        #expect(axis.contains(">0 s<"))
    }

    @Test func loadsAreBandsWithTheirFactors() throws {
        let loads = """

            [[load]]
            startSeconds = 0.5
            endSeconds = 1
            slowdown = 2.5
            [[load]]
            startSeconds = 1.5
            slowdown = 2
            endSlowdown = 4
            """
        let scenario = try Scenario.parse(Self.text + loads, file: "s")
        let bands = ScenarioPlot(scenario, RunTrace(models: 1), title: "t").loadBands(bottom: 250)
        #expect(bands.contains("x=\"267.5\" y=\"20\" width=\"207.5\" height=\"230\"") && bands.contains(">x 2.5<"))
        #expect(bands.contains("x=\"682.5\" y=\"20\" width=\"207.5\"") && bands.contains(">x 2 to 4<"))
    }
}
