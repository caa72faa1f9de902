import Datasets
import Engine
import FleetModel
import Foundation
import Graphs
import InferenceAPI
import NetworkParts
import Packages
import SearchSpace
import Synchronization
import Testing

@testable import Agent

/// Network packages without hooks, as requests reach them.
@Suite struct ServedNetworkTests {
    private static let size = ImageSize(height: 6, width: 9)
    private let folder = FileManager.default.temporaryDirectory.appending(path: "s-\(UUID().uuidString.prefix(8))")
        .path()

    /// A convolution, the mean over the image, and what the last operator makes of it.
    private func deployment(ending: String, outputs: Int) throws -> ModelDeployment {
        var generator = SeededGenerator(seed: 7)
        func values(_ shape: [Int]) -> TensorValue {
            let count = shape.reduce(1, *)
            return TensorValue(
                shape: shape, .float32((0..<count).map { _ in Float.random(in: -1...1, using: &generator) }))
        }
        let nodes = [
            Node("Conv", opset: 14, inputs: ["x", "w", "b"], outputs: ["c"], attributes: ["pads": .ints([1, 1, 1, 1])]),
            Node("GlobalAveragePool", opset: 14, inputs: ["c"], outputs: ["p"]),
            Node("Flatten", opset: 14, inputs: ["p"], outputs: ["f"]),
            Node(ending, opset: 14, inputs: ["f"], outputs: ["y"]),
        ]
        let dimensions = [1, 3, Self.size.height, Self.size.width].map { Dimension.fixed($0) }
        let graph = try Graph(
            name: "r", inputs: [GraphInput(name: "x", element: .float32, dimensions: dimensions)], outputs: ["y"],
            initialisers: ["w": values([outputs, 3, 3, 3]), "b": values([outputs])], nodes: nodes)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try NetworkPackage(graph: graph, configuration: .init()).package().write(to: folder + "/n")
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

    /// Images of another size and shape than the network's, which is no square: probabilities, or a single number.
    @Test(arguments: [("Softmax", 4), ("Sigmoid", 1), ("Identity", 5)])
    func anyNetworkThatKernelsCoverAnswersImagesOfAnySize(ending: String, outputs: Int) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let deployment = try deployment(ending: ending, outputs: outputs)
        let plan = deployment.plans[0]
        let session = Session(for: [plan])
        let size = Self.size
        for (height, width) in [(1, 1), (6, 6), (9, 6), (6, 9), (40, 7)] {
            let pixels = (0..<3 * height * width).map { UInt8($0 * 37 % 251) }
            let request = InferenceRequest(images: 1, height: height, width: width, pixels: .planar(pixels))
            let answer = Mutex<[Float]>([])
            let job = InferenceJob(request, channels: 3, arrival: 5) { result in
                answer.withLock { $0 = (try? result.get().values) ?? [] }
            }
            #expect(job.begin(at: 0, of: deployment) == 0)
            var input = [Float](repeating: 0, count: 3 * size.pixels)
            input.withUnsafeMutableBufferPointer { job.place(into: $0) }
            let isLast = input.withUnsafeBufferPointer { job.imageCompleted(session.run(plan, on: $0), at: 9) }
            #expect(isLast)

            var expected = [Float](repeating: 0, count: 3 * size.pixels)
            let preprocessor = ImagePreprocessor(
                channels: 3, height: height, width: width, size: size, mean: [0, 0, 0], std: [1, 1, 1])
            pixels.withUnsafeBufferPointer { pixels in
                expected.withUnsafeMutableBufferPointer { preprocessor.convert(pixels, .planar, into: $0) }
            }
            #expect(input == expected, "\(height)x\(width)")
            let values = answer.withLock { $0 }
            #expect(values.count == outputs && values.allSatisfy(\.isFinite))
            if ending == "Softmax" { #expect(abs(values.reduce(0, +) - 1) < 1e-5) }
            if ending == "Sigmoid" { #expect((0...1).contains(values[0])) }
        }
    }

    @Test func aTableThatCannotBeReadSaysWhere() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try deployment(ending: "Softmax", outputs: 2)
        try #"{"model": "m", "boardClass": "any", "processor": "cpu", "seed": 1, "points": [{"accuracy": 0.9}]}"#
            .write(toFile: folder + "/q", atomically: true, encoding: .utf8)
        var loader = ModelLoader(kernels: try KernelSet.selected())
        let refusal = #expect(throws: ConfigurationFailure.self) {
            try loader.load(
                AgentConfiguration.Model(
                    name: "m", package: folder + "/n", points: folder + "/q", stream: .init(framesPerSecond: 20)))
        }
        #expect(refusal?.reason == "is no table of points: points[0].configuration: is missing")
    }
}
