import Engine
import Foundation
import Graphs

/// Turns TensorProto, in any of its three places for data, into values.
struct ONNXTensorReader {
    var external: ExternalData?

    mutating func read(_ tensor: Onnx_TensorProto) throws(GraphFailure) -> TensorValue {
        let element = try Self.element(tensor.dataType)
        guard !tensor.hasSegment else { throw GraphFailure("is one segment of several") }
        guard tensor.dims.count <= GraphLimits.rank else {
            throw GraphFailure("\(tensor.dims.count) dimensions are more than \(GraphLimits.rank)")
        }
        let shape = tensor.dims.map { Int($0) }
        let count = try GraphLimits.checkedCount(of: shape, element)
        if tensor.dataLocation == .external {
            guard external != nil, let bytes = try external?.bytes(of: tensor) else {
                throw GraphFailure("lies outside the file")
            }
            return try value(bytes, shape, count, element)
        }
        guard tensor.dataLocation == .default else { throw GraphFailure("lies in an unknown place") }
        if !tensor.rawData.isEmpty { return try value(tensor.rawData, shape, count, element) }
        let elements = Self.typedElements(tensor, element)
        guard elements.count == count else {
            throw GraphFailure("shape \(shape) needs \(count) values, but \(elements.count) are there")
        }
        return TensorValue(shape: shape, elements)
    }

    private func value(
        _ bytes: some RandomAccessCollection<UInt8>, _ shape: [Int], _ count: Int, _ element: ElementType
    ) throws(GraphFailure) -> TensorValue {
        guard bytes.count == count * element.byteCount else {
            throw GraphFailure(
                "shape \(shape) needs \(count * element.byteCount) bytes, but \(bytes.count) are there")
        }
        return TensorValue(shape: shape, Elements(littleEndian: bytes, as: element))
    }

    /// Narrow types share `int32_data`, which keeps 16-bit floats by their bits.
    private static func typedElements(_ tensor: Onnx_TensorProto, _ element: ElementType) -> Elements {
        let narrow = tensor.int32Data
        return switch element {
        case .float32: .float32(tensor.floatData)
        case .float64: .float64(tensor.doubleData)
        case .int64: .int64(tensor.int64Data)
        case .uint64: .uint64(tensor.uint64Data)
        case .uint32: .uint32(tensor.uint64Data.map { UInt32(truncatingIfNeeded: $0) })
        case .float16: .float16(narrow.map { Float16(bitPattern: UInt16(truncatingIfNeeded: $0)) })
        case .bfloat16: .bfloat16(narrow.map { UInt16(truncatingIfNeeded: $0) })
        case .int8: .int8(narrow.map { Int8(truncatingIfNeeded: $0) })
        case .int16: .int16(narrow.map { Int16(truncatingIfNeeded: $0) })
        case .int32: .int32(narrow)
        case .uint8: .uint8(narrow.map { UInt8(truncatingIfNeeded: $0) })
        case .uint16: .uint16(narrow.map { UInt16(truncatingIfNeeded: $0) })
        case .bool: .bool(narrow.map { $0 != 0 })
        }
    }

    static func element(_ type: Int32) throws(GraphFailure) -> ElementType {
        guard let element = ElementType(onnxNumber: Int(type)) else {
            let name = ElementType.name(ofONNXNumber: Int(type))
            throw GraphFailure("has the element type \(name), which is not supported")
        }
        return element
    }
}
