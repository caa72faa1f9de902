import Testing

@testable import Graphs

@Suite struct BoundGraphTests {
    @Test func shapeArithmeticIsFolded() throws {
        let nodes = [
            GraphSamples.node("Shape", ["x"], ["s"]), GraphSamples.node("Gather", ["s", "zero"], ["n"]),
            GraphSamples.node("Concat", ["n", "rest"], ["target"], ["axis": .int(0)]),
            GraphSamples.node("Reshape", ["x", "target"], ["y"]), GraphSamples.node("Neg", ["x"], ["unread"]),
        ]
        let graph = try GraphSamples.graph(
            nodes, outputs: ["y"],
            initialisers: ["zero": TensorValue(integers: [0]), "rest": TensorValue(integers: [-1, 1])])

        let bound = try BoundGraph(graph, sizes: .init(symbols: ["N": 3]))
        #expect(bound.graph.nodes.map(\.operatorName) == ["Reshape"])
        #expect(bound.graph.initialisers == ["target": TensorValue(integers: [3, -1, 1])])
        #expect(bound.types["y"] == ValueType(.float32, [3, 2, 1]))
    }

    /// PaddlePaddle's exporter calls every open dimension `?`.
    @Test func aNameMayStandForSeveralSizesOfAnInput() throws {
        func input(_ name: String) -> GraphInput {
            GraphInput(name: name, element: .float32, dimensions: [.symbolic("?"), .fixed(2), .symbolic("?")])
        }
        let graph = try Graph(
            name: "sample", inputs: [input("x"), input("z")], outputs: ["y"], initialisers: [:],
            nodes: [GraphSamples.node("Neg", ["x"], ["y"])])
        let bound = try BoundGraph(graph, sizes: .init(shapes: ["x": [1, 2, 5], "z": [1, 2, 1]]))
        #expect(bound.types["y"]?.shape == [1, 2, 5])
        let failure = #expect(throws: GraphFailure.self) {
            try BoundGraph(graph, sizes: .init(shapes: ["x": [1, 2, 5], "z": [3, 2, 3]]))
        }
        #expect(failure?.reason == "dimension ? is given two sizes, 1 and 3")
    }

    @Test func trainingModeNormalisesByTheBatch() throws {
        let inputs = [
            GraphSamples.floats([2, 1, 2], [1, 2, 3, 6]), GraphSamples.floats([1], [2]), GraphSamples.floats([1], [1]),
            GraphSamples.floats([1], [10]), GraphSamples.floats([1], [20]),
        ]
        let outputs = try GraphSamples.run(
            "BatchNormalization", opset: 15, inputs, outputs: 3,
            ["training_mode": .int(1), "epsilon": .float(0), "momentum": .float(0.5)])
        // Mean 3, variance 3.5.
        let expected = [1, 2, 3, 6].map { ($0 - 3) / 3.5.squareRoot() * 2 + 1 }
        #expect(zip(outputs[0].doubles, expected).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(outputs[1].doubles == [6.5] && outputs[2].doubles == [11.75])
    }

    @Test func smallFilesDoNotBecomeLargeConstants() throws {
        let nodes = [
            GraphSamples.node("ConstantOfShape", ["large"], ["c"]), GraphSamples.node("Add", ["c", "c"], ["y"]),
        ]
        let graph = try GraphSamples.graph(
            nodes, outputs: ["y"], initialisers: ["large": TensorValue(integers: [1 << 14, 1 << 14])])
        let bound = try BoundGraph(graph, sizes: .init(others: 1))
        #expect(bound.graph.nodes.count == 2)
        #expect(bound.types["y"]?.shape == [1 << 14, 1 << 14])
    }

    @Test func manySmallConstantsDoNotAddUp() throws {
        let nodes = (0..<1_000).map { GraphSamples.node("ConstantOfShape", ["size"], ["c\($0)"]) }
        let graph = try GraphSamples.graph(
            nodes, outputs: nodes.map { $0.outputs[0] }, initialisers: ["size": TensorValue(integers: [1 << 16])])
        let bound = try BoundGraph(graph, sizes: .init(others: 1))
        let held = bound.graph.initialisers.values.reduce(0) { $0 + $1.count }
        #expect(held <= GraphLimits.foldedElements + 1)
        #expect(bound.graph.nodes.count == 1_000 - GraphLimits.foldedElements >> 16)
    }

    @Test func valuesBeyondTheLimitAreRefusedByName() throws {
        let graph = try GraphSamples.graph(
            [GraphSamples.node("ConstantOfShape", ["large"], ["y"])], outputs: ["y"],
            initialisers: ["large": TensorValue(integers: [1 << 20, 1 << 20])])
        let failure = #expect(throws: GraphFailure.self) { try BoundGraph(graph, sizes: .init(others: 1)) }
        #expect(failure?.place == "ConstantOfShape (the node that computes y, opset 13)")
    }

    @Test func shapesThatDependOnDataAreFoundWhenRunning() throws {
        let nodes = [
            GraphSamples.node("NonZero", ["x"], ["places"]), GraphSamples.node("Shape", ["places"], ["y"]),
        ]
        let bound = try BoundGraph(try GraphSamples.graph(nodes, outputs: ["y"]), sizes: .init(symbols: ["N": 2]))
        #expect(bound.types["places"] == nil)
        let outputs = try GraphEvaluator(bound).run(["x": GraphSamples.floats([2, 2], [0, 1, 1, 1])])
        #expect(outputs["y"] == TensorValue(integers: [2, 3]))
    }

    @Test func inputsOfOtherTypesAreRefused() throws {
        let graph = try GraphSamples.graph([GraphSamples.node("Relu", ["x"], ["y"])], outputs: ["y"])
        let evaluator = GraphEvaluator(try BoundGraph(graph, sizes: .init(symbols: ["N": 2])))
        #expect(throws: GraphFailure.self) { try evaluator.run([:]) }
        #expect(throws: GraphFailure.self) { try evaluator.run(["x": GraphSamples.floats([1, 2], [0, 1])]) }
        #expect(throws: GraphFailure.self) {
            try evaluator.run(["x": TensorValue(shape: [2, 2], .int8([1, 2, 3, 4]))])
        }
    }
}
