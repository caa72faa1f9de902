import Datasets
import Engine
import Fusion
import Graphs
import Packages
import Testing

@testable import PlanEvaluation

@Suite struct EvaluatorTests {
    /// The mean of each of three channels: the brightest is the answer.
    private static func plan() throws -> Plan {
        let graph = try Graph(
            name: "means",
            inputs: [.init(name: "x", element: .float32, dimensions: [1, 3, 2, 2].map { .fixed($0) })],
            outputs: ["y"], initialisers: [:],
            nodes: [
                Node("GlobalAveragePool", opset: 13, inputs: ["x"], outputs: ["g"]),
                Node("Flatten", opset: 13, inputs: ["g"], outputs: ["y"]),
            ])
        return try FusedNetwork(BoundGraph(graph)).plan(kernels: KernelSet.selected())
    }

    /// As many threads as there are, the answers stand in the order of the images, and are counted against the labels.
    @Test(arguments: [1, 2, 5])
    func answersKeepTheirOrder(threads: Int) throws {
        let brightest = [0, 2, 1, 1, 0, 2, 2]
        let pixels = brightest.flatMap { best in
            (0..<3).flatMap { [UInt8](repeating: $0 == best ? 200 : 50, count: 4) }
        }
        var labels = brightest.map { UInt8($0) }
        labels[3] = 0
        let images = ImageSet(
            channels: 3, height: 2, width: 2, count: brightest.count, pixels: pixels, labels: labels.map(Int.init))
        let preprocessor = ImagePreprocessor(
            channels: 3, height: 2, width: 2, size: ImageSize(2), mean: [0, 0, 0], std: [1, 1, 1])
        let result = Evaluator.run(try Self.plan(), on: images, preprocessor, threads: threads)
        #expect(result.classes == 3 && result.milliseconds.count == 7)
        #expect(result.top1 == 6.0 / 7)
        for (index, best) in brightest.enumerated() {
            let logits = Array(result.logits[3 * index..<3 * index + 3])
            #expect(logits.indices.max { logits[$0] < logits[$1] } == best)
        }
    }

    @Test func percentilesAreNearestRanks() {
        let summary = LatencySummary((1...100).map(Double.init).shuffled())
        #expect(summary.p50 == 50 && summary.p90 == 90 && summary.p99 == 99)
        let one = LatencySummary([7])
        #expect(one.p50 == 7 && one.p99 == 7)
    }

    @Test func switchesAreTimedAndCompared() throws {
        let plan = try Self.plan()
        let measurement = SwitchMeasurement([plan, plan], repeats: 50, seed: 1, threads: 1)
        #expect(measurement.microseconds.count == 50 && measurement.wrongOutputs == 0)
        #expect(measurement.allocations == nil || measurement.allocations == 0)
    }
}
