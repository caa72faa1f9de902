/// The number format of a tensor's elements. Strings, complex numbers and formats below eight bits are not supported.
public enum ElementType: String, CaseIterable, Codable, Sendable {
    case float32, float16, bfloat16, float64
    case int8, int16, int32, int64
    case uint8, uint16, uint32, uint64
    case bool

    public var byteCount: Int {
        switch self {
        case .int8, .uint8, .bool: 1
        case .float16, .bfloat16, .int16, .uint16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64, .uint64: 8
        }
    }

    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float16, .bfloat16, .float64: true
        default: false
        }
    }

    public var isInteger: Bool { !isFloatingPoint && self != .bool }

    /// The values that an integer type holds; all of 64 bits for `uint64` seen as `Int64`.
    var integerRange: ClosedRange<Int64> {
        switch self {
        case .int8: -128...127
        case .uint8: 0...255
        case .int16: -32_768...32_767
        case .uint16: 0...65_535
        case .int32: -2_147_483_648...2_147_483_647
        case .uint32: 0...4_294_967_295
        case .bool: 0...1
        default: .min ... .max
        }
    }
}
