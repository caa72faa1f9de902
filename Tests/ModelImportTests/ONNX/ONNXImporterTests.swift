import Engine
import Foundation
import Graphs
import Testing

@testable import ModelImport

@Suite struct ONNXImporterTests {
    /// The refusal of a model, as a user reads it.
    private func refusal(_ change: (inout ModelWriter) -> Void) throws -> String {
        var writer = ModelWriter.convolution()
        change(&writer)
        return try refusal(of: writer)
    }

    private func refusal(of writer: ModelWriter) throws -> String {
        let bytes = try writer.bytes()
        do {
            _ = try ONNXImporter.parse(bytes)
        } catch {
            return [error.subject, error.reason].compactMap { $0 }.joined(separator: ": ")
        }
        return "none"
    }

    @Test func readsASmallModel() throws {
        let graph = try ONNXImporter.parse(ModelWriter.convolution().bytes())

        #expect(
            graph.inputs == [GraphInput(name: "x", element: .float32, dimensions: [1, 1, 4, 4].map { .fixed($0) })])
        #expect(graph.outputs == ["y"])
        #expect(graph.nodes.map(\.operatorName) == ["Conv", "Relu"])
        #expect(graph.nodes[0].opset == 13)
        #expect(graph.initialisers["w"]?.shape == [2, 1, 3, 3])
    }

    @Test func namesOperatorNodeAndOpset() throws {
        let unknown = try refusal { $0.model.graph.node[0].opType = "Convolve" }
        #expect(unknown == "Convolve (node first, opset 13): this operator is not supported")
        let other = try refusal { $0.model.graph.node[0].domain = "com.example" }
        #expect(other == "com.example.Conv (node first, opset 0): the model states no opset of its domain")
        let late = try refusal { $0.model.graph.node[1].opType = "Gelu" }
        #expect(late == "Gelu (the node that computes y, opset 13): this operator is supported in opsets 20 to 21")
    }

    /// What is not read would be left out, and another network computed.
    @Test func refusesAttributesThatTheOperatorDoesNotHave() throws {
        func refusal(_ type: String, opset: Int64, _ attribute: String) throws -> String {
            var writer = ModelWriter(opset: opset)
            writer.input("x", [1, 2, 4, 4])
            writer.node(type, ["x"], ["y"], name: "n", ints: [attribute: [1]])
            writer.output("y")
            return try self.refusal(of: writer)
        }
        #expect(
            try refusal("ReduceMean", opset: 18, "axes")
                == "ReduceMean (node n, opset 18): attribute axes exists in opsets 7 to 17")
        #expect(
            try refusal("MaxPool", opset: 8, "dilations")
                == "MaxPool (node n, opset 8): attribute dilations exists in opsets 10 to 21")
        #expect(
            try refusal("Relu", opset: 13, "alpha")
                == "Relu (node n, opset 13): attribute alpha is not known of this operator")
        #expect(
            try refusal("Conv", opset: 13, "dilatoins")
                == "Conv (node n, opset 13): attribute dilatoins is not known of this operator")
    }

    @Test func longNamesLeaveTheOpsetInTheMessage() throws {
        var writer = ModelWriter.convolution()
        writer.model.graph.node[0].opType = "Convolve"
        writer.model.graph.node[0].name = String(repeating: "encoder/", count: 50)
        let bytes = try writer.bytes()
        do {
            _ = try ONNXImporter.parse(bytes)
            Issue.record("the operator was taken")
        } catch {
            let end = ", opset 13): this operator is not supported"
            #expect(error.description.hasPrefix("Convolve (node encoder/") && error.description.hasSuffix(end))
            let failure = CheckpointFailure(error, in: "f.onnx")
            #expect(failure.description == "f.onnx: " + error.description)
        }
    }

    @Test(arguments: ["If", "Loop", "Scan"]) func refusesSubgraphsByName(type: String) throws {
        let text = try refusal { $0.model.graph.node[0].opType = type }
        #expect(text == "\(type) (node first, opset 13): this operator is not supported")
        let hidden = try refusal {
            var attribute = Onnx_AttributeProto()
            attribute.name = "body"
            attribute.type = .graph
            attribute.g = Onnx_GraphProto()
            $0.model.graph.node[0].attribute = [attribute]
        }
        #expect(hidden.hasSuffix("attribute body is a subgraph, which is not supported"))
    }

    @Test(arguments: [Int64(6), 22, -1, .max]) func refusesOtherOpsets(version: Int64) throws {
        let text = try refusal { $0.model.opsetImport[0].version = version }
        #expect(text == "has opset \(version); 7 to 21 are read")
    }

    @Test func refusesBrokenNames() throws {
        #expect(try refusal { $0.model.opsetImport = [] } == "states no opset")
        #expect(try refusal { $0.model.graph.node[1].output = ["c"] } == "the name c is defined twice")
        #expect(try refusal { $0.model.graph.initializer[0].name = "v" }.hasSuffix("nothing defines its input w"))
        #expect(try refusal { $0.model.graph.output[0].name = "z" } == "nothing computes the output z")
        #expect(try refusal { $0.model.graph.output = [] } == "the graph has no output")
        let circle = try refusal { $0.model.graph.node[0].input[0] = "y" }
        #expect(circle.hasSuffix("reads its own result in a circle"))
    }

    @Test func refusesWrongTensors() throws {
        let short = try refusal { $0.model.graph.initializer[0].rawData.removeLast() }
        #expect(short == "initialiser w: shape [2, 1, 3, 3] needs 72 bytes, but 71 are there")
        let huge = try refusal { $0.model.graph.initializer[0].dims = [1 << 40, 1 << 40] }
        #expect(huge.contains("is larger than"))
        let negative = try refusal { $0.model.graph.initializer[0].dims = [-2, 9] }
        #expect(negative.contains("negative dimension"))
        let string = try refusal { $0.model.graph.initializer[0].dataType = 8 }
        #expect(string.contains("element type string, which is not supported"))
        #expect(try refusal { $0.model.graph.input[0].type.tensorType.elemType = 8 }.contains("string"))
    }

    @Test func refusesShapesThatDoNotFit() throws {
        var writer = ModelWriter.convolution()
        writer.model.graph.initializer[0].dims = [2, 3, 3, 1]
        let graph = try ONNXImporter.parse(writer.bytes())
        #expect(throws: GraphFailure.self) { try BoundGraph(graph) }
    }

    @Test func refusesNestingAndCountsBeyondTheLimits() throws {
        var graph = Onnx_GraphProto()
        for _ in 0..<20 {
            var attribute = Onnx_AttributeProto()
            attribute.g = graph
            var node = Onnx_NodeProto()
            node.attribute = [attribute]
            graph = Onnx_GraphProto()
            graph.node = [node]
        }
        #expect(
            try refusal { $0.model.graph.node += graph.node }
                == "is nested too deeply: more than \(ONNXLimits.messageDepth) messages in each other")
        // Field 7 (graph) of length n with empty nodes (field 1): two bytes each.
        let count = ONNXLimits.messages + 1
        var bytes: [UInt8] = [0x3A]
        var length = UInt64(2 * count)
        while length >= 0x80 {
            bytes.append(UInt8(length & 0x7F) | 0x80)
            length >>= 7
        }
        bytes.append(UInt8(length))
        for _ in 0..<count { bytes += [0x0A, 0] }
        #expect(throws: (any Error).self) { try ONNXImporter.parse(bytes) }
        do { _ = try ONNXImporter.parse(bytes) } catch { #expect(error.reason.hasPrefix("holds more than")) }
    }

    @Test func whatIsNoProtocolBufferIsSaidToBeNone() throws {
        for bytes in [Array("hello world".utf8), try ModelWriter.convolution().bytes().dropLast()] {
            let failure = #expect(throws: ReadingFailure.self) { try ONNXImporter.parse(Array(bytes)) }
            #expect(failure?.reason == "is not an ONNX model: it is no protocol buffer, or cut off")
        }
    }

    /// Wherever many small messages may hide, they are counted before they are decoded.
    @Test(arguments: [
        [7, 1], [7, 5], [7, 11], [7, 1, 5], [7, 11, 2, 1, 2, 1], [7, 5, 13], [14], [20], [25, 7], [25, 7, 5],
    ])
    func countsFieldsEverywhere(path: [UInt64]) {
        func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
            varint(number << 3 | 2) + varint(UInt64(content.count)) + content
        }
        func varint(_ value: UInt64) -> [UInt8] {
            value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F) | 0x80] + varint(value >> 7)
        }
        let many = [[UInt8]](repeating: field(path[path.count - 1], []), count: ONNXLimits.messages + 1)
        let bytes = path.dropLast().reversed().reduce(Array(many.joined())) { field($1, $0) }
        let failure = #expect(throws: ReadingFailure.self) { try ONNXImporter.parse(bytes) }
        #expect(failure?.reason == "holds more than \(ONNXLimits.messages) fields")
    }

    @Test func bindsSymbolicSizes() throws {
        var writer = ModelWriter()
        writer.input("x", [-1, 3])
        writer.input("y", [-1, 3])
        writer.integers("shape", [0, -1])
        writer.node("Shape", ["x"], ["s"])
        writer.node("Mul", ["s", "shape"], ["zero"])
        writer.node("Add", ["x", "y"], ["sum"])
        writer.node("Reshape", ["sum", "shape"], ["z"])
        writer.node("Add", ["s", "zero"], ["t"])
        writer.output("z")
        writer.output("t")
        let graph = try ONNXImporter.parse(writer.bytes())

        let bound = try BoundGraph(graph, sizes: .init(symbols: ["N1": 5]))
        #expect(bound.types["z"] == ValueType(.float32, [5, 3]))
        #expect(bound.graph.nodes.map(\.operatorName) == ["Add", "Reshape"])
        #expect(bound.graph.initialisers["t"] == TensorValue(integers: [5, 0]))
        #expect(throws: GraphFailure.self) { try BoundGraph(graph) }
        #expect(throws: GraphFailure.self) {
            try BoundGraph(graph, sizes: .init(shapes: ["x": [2, 3], "y": [3, 3]]))
        }
    }
}
