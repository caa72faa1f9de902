import Engine
import Graphs
import NetworkParts
import SearchSpace
import Testing

@testable import ModelImport

@Suite struct ChannelsLastInputTests {
    /// A convolution of pictures of 3x6x8 to two channels; with its channels last where `order` says how they move.
    private func network(_ shape: [Int64], order: [Int64]?, alsoReads: Bool = false) throws -> Graph {
        var writer = ModelWriter()
        writer.input("x", shape)
        writer.weights("w", [2, 3, 3, 3], (0..<54).map { Float($0 % 11) / 8 - 0.5 })
        if let order { writer.node("Transpose", ["x"], ["t"], ints: ["perm": order]) }
        writer.node("Conv", [order == nil ? "x" : "t", "w"], ["c"], ints: ["pads": [1, 1, 1, 1]])
        writer.node("Relu", ["c"], ["y"])
        writer.output("y")
        if alsoReads {
            writer.node("Neg", ["x"], ["n"])
            writer.output("n")
        }
        return try ONNXImporter.parse(try writer.bytes())
    }

    @Test func bothFormsOfANetworkGiveTheSameBits() throws {
        let first = try network([1, 3, 6, 8], order: nil)
        let last = try network([1, 6, 8, 3], order: [0, 3, 1, 2])
        #expect(last.inputs == first.inputs && last.nodes.map(\.operatorName) == ["Conv", "Relu"])
        let seed = UInt64.random(in: 0..<1 << 40)
        var generator = SeededGenerator(seed: seed)
        let values = (0..<144).map { _ in Float.random(in: -2...2, using: &generator) }
        let outputs = try [first, last].map { graph in
            let network = try HybridNetwork(try BoundGraph(graph), kernels: KernelSet(.fastest))
            return try HybridSession(network).run(["x": TensorValue(shape: [1, 3, 6, 8], .float32(values))])
        }
        #expect(outputs[0] == outputs[1], "seed \(seed)")
        #expect(outputs[0]["y"]?.shape == [1, 2, 6, 8])
    }

    @Test func openSizesMoveWithTheirAxes() throws {
        let graph = try network([-1, -2, -3, 3], order: [0, 3, 1, 2])
        #expect(graph.inputs[0].dimensions == [.symbolic("N1"), .fixed(3), .symbolic("N2"), .symbolic("N3")])
    }

    @Test func otherInputsStayAsTheyAre() throws {
        let stays: [Graph] = [
            try network([1, 6, 8, 3], order: [0, 3, 1, 2], alsoReads: true),
            try network([1, 8, 6, 3], order: [0, 3, 2, 1]),
            try network([1, 3, 8, 3], order: [0, 3, 1, 2]),
            try network([1, 6, 8, 4], order: [0, 3, 1, 2]),
        ]
        for graph in stays { #expect(graph.nodes.contains { $0.operatorName == "Transpose" }, "\(graph.inputs)") }
    }
}
