import Foundation
import SwiftProtobuf

@testable import ModelImport

/// Writes small ONNX models, well-formed or not.
struct ModelWriter {
    var model = Onnx_ModelProto()

    /// A convolution and a Relu on one input of 1x1x4x4.
    static func convolution() -> ModelWriter {
        var writer = ModelWriter()
        writer.input("x", [1, 1, 4, 4])
        writer.weights("w", [2, 1, 3, 3], (0..<18).map { Float($0) })
        writer.node("Conv", ["x", "w"], ["c"], name: "first")
        writer.node("Relu", ["c"], ["y"])
        writer.output("y")
        return writer
    }

    init(opset: Int64? = 13) {
        model.irVersion = 8
        model.graph.name = "small"
        guard let opset else { return }
        var entry = Onnx_OperatorSetIdProto()
        entry.version = opset
        model.opsetImport = [entry]
    }

    mutating func input(_ name: String, _ shape: [Int64], type: Int32 = 1) {
        var input = Onnx_ValueInfoProto()
        input.name = name
        input.type.tensorType.elemType = type
        input.type.tensorType.shape.dim = shape.map { size in
            var dimension = Onnx_TensorShapeProto.Dimension()
            if size < 0 { dimension.dimParam = "N\(-size)" } else { dimension.dimValue = size }
            return dimension
        }
        model.graph.input.append(input)
    }

    mutating func output(_ name: String) {
        var output = Onnx_ValueInfoProto()
        output.name = name
        model.graph.output.append(output)
    }

    mutating func weights(_ name: String, _ shape: [Int64], _ values: [Float]) {
        var tensor = Onnx_TensorProto()
        tensor.name = name
        tensor.dataType = 1
        tensor.dims = shape
        tensor.rawData = values.withUnsafeBytes { Data($0) }
        model.graph.initializer.append(tensor)
    }

    mutating func integers(_ name: String, _ values: [Int64]) {
        var tensor = Onnx_TensorProto()
        tensor.name = name
        tensor.dataType = 7
        tensor.dims = [Int64(values.count)]
        tensor.int64Data = values
        model.graph.initializer.append(tensor)
    }

    /// Bytes, of the type `uint8` (2) or `int8` (3).
    mutating func bytes(_ name: String, _ shape: [Int64], _ values: [UInt8], type: Int32 = 2) {
        var tensor = Onnx_TensorProto()
        tensor.name = name
        tensor.dataType = type
        tensor.dims = shape
        tensor.rawData = Data(values)
        model.graph.initializer.append(tensor)
    }

    mutating func words(_ name: String, _ values: [Int32]) {
        var tensor = Onnx_TensorProto()
        tensor.name = name
        tensor.dataType = 6
        tensor.dims = [Int64(values.count)]
        tensor.int32Data = values
        model.graph.initializer.append(tensor)
    }

    mutating func opset(_ version: Int64, of domain: String) {
        var entry = Onnx_OperatorSetIdProto()
        entry.domain = domain
        entry.version = version
        model.opsetImport.append(entry)
    }

    mutating func node(
        _ type: String, _ inputs: [String], _ outputs: [String], name: String = "", domain: String = "",
        ints: [String: [Int64]] = [:], int: [String: Int64] = [:]
    ) {
        var node = Onnx_NodeProto()
        node.opType = type
        node.name = name
        node.domain = domain
        node.input = inputs
        node.output = outputs
        node.attribute = ints.map { key, values in
            var attribute = Onnx_AttributeProto()
            attribute.name = key
            attribute.type = .ints
            attribute.ints = values
            return attribute
        }
        node.attribute += int.map { key, value in
            var attribute = Onnx_AttributeProto()
            attribute.name = key
            attribute.type = .int
            attribute.i = value
            return attribute
        }
        model.graph.node.append(node)
    }

    func bytes() throws -> [UInt8] { try model.serializedBytes() }
}
