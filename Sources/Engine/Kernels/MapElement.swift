import CKernels

/// What the values of a map in the arena are stored as. Sums, scales and shifts are floats whatever the maps hold.
public enum MapElement: Sendable, CaseIterable {
    case float32
    /// The upper half of a float, rounded to nearest even.
    case bfloat16
    case uint8

    var code: ck_element {
        switch self {
        case .float32: CK_FLOAT32
        case .bfloat16: CK_BFLOAT16
        case .uint8: CK_UINT8
        }
    }

    public var bytes: Int {
        switch self {
        case .float32: 4
        case .bfloat16: 2
        case .uint8: 1
        }
    }
}

/// Numbers of a float's range with 8 bits of precision.
enum BFloat16 {
    /// Rounded to nearest even; what is no number stays none.
    static func bits(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (UInt64(bits) + 0x7fff + UInt64(bits >> 16 & 1)) >> 16)
    }

    static func value(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
}

/// The number format that a network is computed in, as the command line names it.
public enum Precision: String, CaseIterable, Codable, Sendable {
    case fp32
    /// Maps and weights as bfloat16; sums, scales, shifts and vectors as floats.
    case bf16
    case int8

    /// What maps are stored as.
    public var element: MapElement {
        switch self {
        case .fp32: .float32
        case .bf16: .bfloat16
        case .int8: .uint8
        }
    }
}
