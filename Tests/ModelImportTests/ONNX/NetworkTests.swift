import Engine
import Foundation
import Graphs
import Testing

@testable import ModelImport

/// Whole trained networks, which are not part of the repository.
@Suite struct NetworkTests {
    private static let data: String = {
        let shared = ProcessInfo.processInfo.environment["SHOAL_SHARED"]
        return (shared ?? Fixture.repository.deletingLastPathComponent().appending(path: "shared").path()) + "/data"
    }()
    private static let areHere = FileManager.default.fileExists(atPath: data + "/networks/cifar10_resnet20.onnx")

    private func evaluator(_ name: String) throws -> GraphEvaluator {
        let graph = try ONNXImporter.read(from: "\(Self.data)/networks/\(name).onnx")
        return GraphEvaluator(try BoundGraph(graph, sizes: .init(others: 1)))
    }

    /// FLOPs as published: multiply-adds twice, and one per value elsewhere.
    @Test(
        .enabled(if: areHere, "the networks are not here"),
        arguments: [
            ("cifar10_resnet20", 32, 10, 82.1e6), ("cifar10_resnet56", 32, 10, 252e6),
            ("mobilenet_v2", 224, 1_000, 620e6),
        ])
    func networksEvaluate(name: String, side: Int, classes: Int, flops: Double) throws {
        let evaluator = try evaluator(name)
        let input = evaluator.bound.graph.inputs[0]
        let image = (0..<3 * side * side).map { Float($0 % 17) / 8 - 1 }
        let outputs = try evaluator.run([input.name: TensorValue(shape: [1, 3, side, side], .float32(image))])

        let logits = try #require(outputs[evaluator.bound.graph.outputs[0]])
        #expect(logits.shape == [1, classes])
        #expect(logits.tensor?.values.allSatisfy(\.isFinite) == true)
        #expect(
            evaluator.bound.graph.nodes.allSatisfy { node in
                node.outputs.allSatisfy { evaluator.bound.types[$0] != nil }
            })
        #expect(abs(Double(evaluator.bound.flops) / flops - 1) < 0.05, "\(evaluator.bound.flops)")
    }

    @Test(.enabled(if: areHere, "the networks are not here")) func classifiesAsPublished() throws {
        let evaluator = try evaluator("cifar10_resnet20")
        let file = try FileHandle(forReadingFrom: URL(filePath: Self.data + "/cifar10/test_5000.bin"))
        let (mean, std): ([Float], [Float]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        let count = 60
        var correct = 0
        for _ in 0..<count {
            let record = [UInt8](try #require(try file.read(upToCount: 3_073)))
            let image = record.dropFirst().enumerated().map { (Float($1) / 255 - mean[$0 / 1_024]) / std[$0 / 1_024] }
            let value = TensorValue(shape: [1, 3, 32, 32], .float32(image))
            let outputs = try evaluator.run([evaluator.bound.graph.inputs[0].name: value])
            let logits = try #require(outputs[evaluator.bound.graph.outputs[0]]?.tensor?.values)
            if logits.firstIndex(of: logits.max() ?? 0) == Int(record[0]) { correct += 1 }
        }
        #expect(correct >= 50, "\(correct) of \(count)")
    }
}
