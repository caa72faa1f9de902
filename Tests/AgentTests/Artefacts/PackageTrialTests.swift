import Engine
import FleetModel
import Foundation
import Graphs
import NetworkParts
import Packages
import SearchSpace
import Testing

@testable import Agent

/// Packages that have come, looked at beside what runs.
@Suite struct PackageTrialTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "p-\(UUID().uuidString.prefix(8))")
        .path()

    /// A convolution and the mean over the image.
    private func write(_ file: String, channels: Int = 3, size: Int = 6, outputs: Int = 4, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        func values(_ shape: [Int]) -> TensorValue {
            let count = shape.reduce(1, *)
            return TensorValue(
                shape: shape, .float32((0..<count).map { _ in Float.random(in: -1...1, using: &generator) }))
        }
        let nodes = [
            Node(
                "Conv", opset: 14, inputs: ["x", "w", "b"], outputs: ["c"],
                attributes: ["pads": .ints([1, 1, 1, 1])]),
            Node("GlobalAveragePool", opset: 14, inputs: ["c"], outputs: ["p"]),
            Node("Flatten", opset: 14, inputs: ["p"], outputs: ["y"]),
        ]
        let dimensions = [1, channels, size, size].map { Dimension.fixed($0) }
        let graph = try Graph(
            name: "r", inputs: [GraphInput(name: "x", element: .float32, dimensions: dimensions)], outputs: ["y"],
            initialisers: ["w": values([outputs, channels, 3, 3]), "b": values([outputs])], nodes: nodes)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try NetworkPackage(graph: graph, configuration: .init()).package().write(to: folder + "/" + file)
    }

    private func network() throws -> ModelDeployment {
        try write("n", seed: 7)
        try #"""
        {"model": "m", "boardClass": "any", "processor": "cpu", "seed": 1, "points": [{"accuracy": 0.9, "flops": 1,
         "latencyMilliseconds": 8, "configuration":
         {"resolution": 6, "depths": [], "kernelSizes": [], "expandRatios": []}}]}
        """#.write(toFile: folder + "/q", atomically: true, encoding: .utf8)
        var loader = ModelLoader(kernels: try KernelSet.selected())
        return try loader.load(
            AgentConfiguration.Model(
                name: "m", package: folder + "/n", points: folder + "/q", stream: .init(framesPerSecond: 20)))
    }

    @Test func aNetworkOfOtherInputsOrOutputsIsRefused() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let trial = PackageTrial(of: try network())
        try write("same", seed: 8)
        #expect(trial.refusal(of: folder + "/same") == nil)
        try write("larger", size: 9, seed: 8)
        #expect(trial.refusal(of: folder + "/larger")?.contains("images of") == true)
        try write("grey", channels: 1, seed: 8)
        #expect(trial.refusal(of: folder + "/grey") != nil)
        try write("more", outputs: 5, seed: 8)
        #expect(trial.refusal(of: folder + "/more") == "it has 5 outputs, and what runs here 4")
        try Data([1, 2, 3]).write(to: URL(filePath: folder + "/none"))
        let unread = trial.refusal(of: folder + "/none")
        #expect(unread?.hasPrefix("it cannot be read") == true && unread?.contains(folder) == false)
    }

    @Test func networksAndSupernetsAreNotExchanged() throws {
        let fixture = HookedRunnerTests()
        defer {
            try? FileManager.default.removeItem(atPath: folder)
            try? FileManager.default.removeItem(atPath: fixture.folder)
        }
        let model = try fixture.prepare(damage: 0.05)
        let supernet = PackageTrial(of: try fixture.load(model))
        #expect(supernet.refusal(of: model.package) == nil)
        let network = try network()
        #expect(
            supernet.refusal(of: folder + "/n") == "it is a network, and a supernet with 2 points runs here")
        #expect(PackageTrial(of: network).refusal(of: model.package) == "it is a supernet, and a network runs here")
    }
}
