extension Elements {
    /// Little-endian values.
    /// - Precondition: a whole number of elements.
    package init(littleEndian bytes: some RandomAccessCollection<UInt8>, as type: ElementType) {
        precondition(bytes.count % type.byteCount == 0, "\(bytes.count) bytes of \(type)")
        func values<Value: BitwiseCopyable>(_ zero: Value) -> [Value] {
            var result = [Value](repeating: zero, count: bytes.count / type.byteCount)
            result.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
            return result
        }
        switch type {
        case .float32: self = .float32(values(0))
        case .float16: self = .float16(values(0))
        case .bfloat16: self = .bfloat16(values(0))
        case .float64: self = .float64(values(0))
        case .int8: self = .int8(values(0))
        case .int16: self = .int16(values(0))
        case .int32: self = .int32(values(0))
        case .int64: self = .int64(values(0))
        case .uint8: self = .uint8(values(0))
        case .uint16: self = .uint16(values(0))
        case .uint32: self = .uint32(values(0))
        case .uint64: self = .uint64(values(0))
        // A byte that is neither 0 nor 1 must not become a Bool.
        case .bool: self = .bool(bytes.map { $0 != 0 })
        }
    }

    package var littleEndianBytes: [UInt8] {
        func bytes<Value: BitwiseCopyable>(_ values: [Value]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
        return switch self {
        case .float32(let values): bytes(values)
        case .float16(let values): bytes(values)
        case .bfloat16(let values): bytes(values)
        case .float64(let values): bytes(values)
        case .int8(let values): bytes(values)
        case .int16(let values): bytes(values)
        case .int32(let values): bytes(values)
        case .int64(let values): bytes(values)
        case .uint8(let values): bytes(values)
        case .uint16(let values): bytes(values)
        case .uint32(let values): bytes(values)
        case .uint64(let values): bytes(values)
        case .bool(let values): values.map { $0 ? 1 : 0 }
        }
    }
}
