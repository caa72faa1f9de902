import Foundation

/// A small network in ONNX's protocol buffer form (onnx.proto3, IR version 8, opset 17), field by field.
struct ONNXFile {
    /// `TensorProto.DataType`.
    enum Element: Int {
        case float32 = 1
        case uint8 = 2
        case int8 = 3
        case int64 = 7
        case bool = 9
        case float16 = 10
        case float64 = 11
    }

    private var graph: [UInt8] = []
    private var last = ""

    /// - Parameter shape: sizes, or the names of those that are open.
    mutating func input(_ name: String, _ shape: [String], _ element: Element = .float32) {
        append(11, Self.value(name, element, shape))
        last = name
    }

    mutating func constant(_ name: String, _ shape: [Int], _ values: [Float]) {
        let raw = values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
        let dimensions = shape.flatMap { Self.number(1, $0) }
        append(5, dimensions + Self.number(2, 1) + Self.bytes(8, Array(name.utf8)) + Self.bytes(9, raw))
    }

    /// Reads the node or input before it, and constants.
    mutating func node(_ name: String, _ inputs: [String] = [], attribute: (name: String, value: Int)? = nil) {
        let output = "\(name)-\(graph.count)"
        var node = ([last] + inputs).flatMap { Self.bytes(1, Array($0.utf8)) }
        node += Self.bytes(2, Array(output.utf8)) + Self.bytes(4, Array(name.utf8))
        if let attribute {
            let fields =
                Self.bytes(1, Array(attribute.name.utf8)) + Self.number(3, attribute.value) + Self.number(20, 2)
            node += Self.bytes(5, fields)
        }
        append(1, node)
        last = output
    }

    func write(to path: String) throws {
        let graph = graph + Self.bytes(2, Array("g".utf8)) + Self.bytes(12, Self.bytes(1, Array(last.utf8)))
        let model = Self.number(1, 8) + Self.bytes(7, graph) + Self.bytes(8, Self.number(2, 17))
        try Data(model).write(to: URL(filePath: path))
    }

    private mutating func append(_ field: Int, _ content: [UInt8]) { graph += Self.bytes(field, content) }

    private static func value(_ name: String, _ element: Element, _ shape: [String]) -> [UInt8] {
        let dimensions = shape.flatMap { size in
            bytes(1, Int(size).map { number(1, $0) } ?? bytes(2, Array(size.utf8)))
        }
        let tensor = number(1, element.rawValue) + bytes(2, dimensions)
        return bytes(1, Array(name.utf8)) + bytes(2, bytes(1, tensor))
    }

    private static func number(_ field: Int, _ value: Int) -> [UInt8] { variable(field << 3) + variable(value) }

    private static func bytes(_ field: Int, _ content: [UInt8]) -> [UInt8] {
        variable(field << 3 | 2) + variable(content.count) + content
    }

    private static func variable(_ value: Int) -> [UInt8] {
        value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + variable(value >> 7)
    }
}
