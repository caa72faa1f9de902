extension ElementType {
    /// The type that ONNX numbers so (TensorProto.DataType); `nil` for those that are not supported.
    public init?(onnxNumber: Int) {
        guard let type = Self.onnxNumbers[onnxNumber] else { return nil }
        self = type
    }

    /// What ONNX calls the type that it numbers so, also of those that are not supported; the number where it has no
    /// name (ONNX 1.19).
    public static func name(ofONNXNumber number: Int) -> String {
        onnxNumbers[number]?.rawValue ?? unsupportedNames[number] ?? "\(number)"
    }

    private static let unsupportedNames: [Int: String] = [
        0: "undefined", 8: "string", 14: "complex64", 15: "complex128", 17: "float8e4m3fn", 18: "float8e4m3fnuz",
        19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4e2m1", 24: "float8e8m0",
    ]

    private static let onnxNumbers: [Int: ElementType] = [
        1: .float32, 2: .uint8, 3: .int8, 4: .uint16, 5: .int16, 6: .int32, 7: .int64, 9: .bool, 10: .float16,
        11: .float64, 12: .uint32, 13: .uint64, 16: .bfloat16,
    ]
}
