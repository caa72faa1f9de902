/// Arithmetic happens in two formats that hold every value of the others: 64-bit floats and 64-bit integers
/// (`uint64` by its bits). For +, -, *, / and square roots of narrower floats, rounding the 64-bit result is exact.
extension Elements {
    /// The values as 64-bit floats; `true` is 1.
    package var doubles: [Double] {
        switch self {
        case .float32(let values): values.map(Double.init)
        case .float16(let values): values.map { Double($0) }
        case .bfloat16(let values): values.map { Double(Float(bitPattern: UInt32($0) << 16)) }
        case .float64(let values): values
        case .int8(let values): values.map(Double.init)
        case .int16(let values): values.map(Double.init)
        case .int32(let values): values.map(Double.init)
        case .int64(let values): values.map(Double.init)
        case .uint8(let values): values.map(Double.init)
        case .uint16(let values): values.map(Double.init)
        case .uint32(let values): values.map(Double.init)
        case .uint64(let values): values.map { Double($0) }
        case .bool(let values): values.map { $0 ? 1 : 0 }
        }
    }

    /// The values as 64-bit integers; fractions are cut off, what is out of range becomes the nearest that is not.
    package var integers: [Int64] {
        switch self {
        case .float32, .float16, .bfloat16, .float64: doubles.map { Int64(saturating: $0) }
        case .int8(let values): values.map(Int64.init)
        case .int16(let values): values.map(Int64.init)
        case .int32(let values): values.map(Int64.init)
        case .int64(let values): values
        case .uint8(let values): values.map(Int64.init)
        case .uint16(let values): values.map(Int64.init)
        case .uint32(let values): values.map(Int64.init)
        case .uint64(let values): values.map { Int64(bitPattern: $0) }
        case .bool(let values): values.map { $0 ? 1 : 0 }
        }
    }

    /// Rounds to a floating-point type; cuts off fractions for an integer type, within its range; not zero is `true`.
    init(_ values: [Double], as type: ElementType) {
        switch type {
        case .float32: self = .float32(values.map(Float.init))
        case .float16: self = .float16(values.map { Float16($0) })
        case .bfloat16: self = .bfloat16(values.map { brainFloat(rounding: Float($0)) })
        case .float64: self = .float64(values)
        case .bool: self = .bool(values.map { $0 != 0 })
        case .uint64: self = .uint64(values.map { UInt64(saturating: $0) })
        default:
            let range = type.integerRange
            self = Elements(
                values.map { min(max(Int64(saturating: $0), range.lowerBound), range.upperBound) }, as: type)
        }
    }

    /// Keeps the lowest bits for an integer type, as C does.
    init(_ values: [Int64], as type: ElementType) {
        switch type {
        case .float32: self = .float32(values.map(Float.init))
        case .float64: self = .float64(values.map(Double.init))
        case .float16, .bfloat16: self = Elements(values.map(Double.init), as: type)
        case .int8: self = .int8(values.map { Int8(truncatingIfNeeded: $0) })
        case .int16: self = .int16(values.map { Int16(truncatingIfNeeded: $0) })
        case .int32: self = .int32(values.map { Int32(truncatingIfNeeded: $0) })
        case .int64: self = .int64(values)
        case .uint8: self = .uint8(values.map { UInt8(truncatingIfNeeded: $0) })
        case .uint16: self = .uint16(values.map { UInt16(truncatingIfNeeded: $0) })
        case .uint32: self = .uint32(values.map { UInt32(truncatingIfNeeded: $0) })
        case .uint64: self = .uint64(values.map { UInt64(bitPattern: $0) })
        case .bool: self = .bool(values.map { $0 != 0 })
        }
    }

    /// The values in another type, as ONNX's Cast has it.
    func cast(to type: ElementType) -> Elements {
        if type == self.type { return self }
        if case .uint64(let values) = self, type.isFloatingPoint {
            return Elements(values.map { Double($0) }, as: type)
        }
        return self.type.isFloatingPoint ? Elements(doubles, as: type) : Elements(integers, as: type)
    }
}

extension FixedWidthInteger {
    /// Without its fraction; the nearest value in range, zero for what is not a number.
    init(saturating value: Double) {
        if value.isNaN {
            self = 0
        } else {
            self = Self(exactly: value.rounded(.towardZero)) ?? (value < 0 ? .min : .max)
        }
    }
}

/// The nearest, ties to even.
private func brainFloat(rounding value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
}
