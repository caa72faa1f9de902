import Engine
import FleetModel
import Testing

@testable import Agent

@Suite(.serialized) struct InterferenceMeasurerTests {
    private static func deployments(_ count: Int, in folder: FashionFolder) throws -> [ModelDeployment] {
        var loader = ModelLoader(kernels: try KernelSet.selected())
        return try (0..<count).map { try loader.load(folder.model("m\($0)", framesPerSecond: 10)) }
    }

    @Test func oneModelHasNone() throws {
        let folder = try FashionFolder()
        defer { folder.remove() }
        let one = try Self.deployments(1, in: folder)
        #expect(InterferenceMeasurer.measure(one, shares: [ExecutorShare(processor: nil, models: [0])]) == nil)
    }

    /// Models that take turns, and models at once: every ordered pair has a factor that a board may report.
    @Test(.timeLimit(.minutes(2)), arguments: [[[0, 1, 2]], [[0, 1], [2]], [[0], [1], [2]]])
    func everyPairIsMeasured(shares: [[Int]]) throws {
        let folder = try FashionFolder()
        defer { folder.remove() }
        let interference = try #require(
            InterferenceMeasurer.measure(
                try Self.deployments(3, in: folder), shares: shares.map { ExecutorShare(processor: nil, models: $0) }))
        for model in 0..<3 {
            let row = try #require(interference.factors["m\(model)"])
            #expect(row.keys.sorted() == (0..<3).filter { $0 != model }.map { "m\($0)" })
            #expect(row.values.allSatisfy { (1...1_000).contains($0) })
        }
    }
}
