import Foundation
import Graphs
import SearchSpace
import Testing

@testable import ModelImport

/// Damaged files are refused or read; they neither crash nor hang the reader.
@Suite struct ONNXMutationTests {
    private static func models() throws -> [[UInt8]] {
        var shapes = ModelWriter()
        shapes.input("x", [-1, 3, 8, 8])
        shapes.integers("pads", [0, 0, 1, 1, 0, 0, 1, 1])
        shapes.integers("starts", [1])
        shapes.integers("ends", [9])
        shapes.integers("axes", [2])
        shapes.integers("repeats", [1, 2, 1, 1])
        shapes.node("Pad", ["x", "pads"], ["p"])
        shapes.node("Slice", ["p", "starts", "ends", "axes"], ["s"])
        shapes.node("Tile", ["s", "repeats"], ["t"])
        shapes.node("Shape", ["t"], ["h"])
        shapes.node("ConstantOfShape", ["h"], ["z"])
        shapes.node("Transpose", ["z"], ["q"], ints: ["perm": [0, 2, 3, 1]])
        shapes.node("MaxPool", ["t"], ["m"], ints: ["kernel_shape": [2, 2], "strides": [2, 2]])
        shapes.node("Reshape", ["m", "h"], ["r"])
        shapes.output("q")
        shapes.output("m")
        return [try ModelWriter.convolution().bytes(), try shapes.bytes()]
    }

    private func attempt(_ bytes: [UInt8]) {
        guard let graph = try? ONNXImporter.parse(bytes) else { return }
        _ = try? BoundGraph(graph, sizes: .init(others: 2))
    }

    @Test func everyTruncationIsHandled() throws {
        for model in try Self.models() { for end in model.indices { attempt(Array(model[..<end])) } }
    }

    @Test func mutationsAreHandledQuickly() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let models = try Self.models()
        var longest = Duration.zero
        for round in 0..<100_000 {
            var bytes = models[round % models.count]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
                case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
                default: bytes.remove(at: place)
                }
            }
            let start = ContinuousClock.now
            attempt(bytes)
            longest = max(longest, ContinuousClock.now - start)
        }
        #expect(longest < .seconds(1), "seed \(seed): \(longest)")
    }
}
