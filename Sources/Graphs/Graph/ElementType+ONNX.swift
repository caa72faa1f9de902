extension ElementType {
    /// The type that ONNX numbers so (TensorProto.DataType); `nil` for those that are not supported.
    public init?(onnxNumber: Int) {
        guard let type = Self.onnxNumbers[onnxNumber] else { return nil }
        self = type
    }

    private static let onnxNumbers: [Int: ElementType] = [
        1: .float32, 2: .uint8, 3: .int8, 4: .uint16, 5: .int16, 6: .int32, 7: .int64, 9: .bool, 10: .float16,
        11: .float64, 12: .uint32, 13: .uint64, 16: .bfloat16,
    ]
}
