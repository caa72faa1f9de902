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

/// The number format that a network is computed in, as the command line names it.
public enum Precision: String, CaseIterable, Sendable {
    case fp32
    /// Maps and weights as bfloat16; sums, scales, shifts and vectors as floats.
    case bf16
    case int8
}
