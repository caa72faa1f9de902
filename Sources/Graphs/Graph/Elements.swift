/// Values in a row, all of one element type. `bfloat16` is kept as the upper half of a 32-bit float.
public enum Elements: Equatable, Sendable {
    case float32([Float])
    case float16([Float16])
    case bfloat16([UInt16])
    case float64([Double])
    case int8([Int8])
    case int16([Int16])
    case int32([Int32])
    case int64([Int64])
    case uint8([UInt8])
    case uint16([UInt16])
    case uint32([UInt32])
    case uint64([UInt64])
    case bool([Bool])

    public var type: ElementType {
        switch self {
        case .float32: .float32
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float64: .float64
        case .int8: .int8
        case .int16: .int16
        case .int32: .int32
        case .int64: .int64
        case .uint8: .uint8
        case .uint16: .uint16
        case .uint32: .uint32
        case .uint64: .uint64
        case .bool: .bool
        }
    }

    public var count: Int {
        switch self {
        case .float32(let values): values.count
        case .float16(let values): values.count
        case .bfloat16(let values): values.count
        case .float64(let values): values.count
        case .int8(let values): values.count
        case .int16(let values): values.count
        case .int32(let values): values.count
        case .int64(let values): values.count
        case .uint8(let values): values.count
        case .uint16(let values): values.count
        case .uint32(let values): values.count
        case .uint64(let values): values.count
        case .bool(let values): values.count
        }
    }

    /// The elements at the given places, in their order; zero where a place is negative.
    /// - Parameter runs: elements that follow one another at each place, none in an empty array; places count in these.
    /// - Precondition: every place is below `count / runs`, and none is negative, where runs are not of one element.
    func picking(_ places: [Int], runs: Int = 1) -> Elements {
        func pick<Value>(_ values: [Value], _ zero: Value) -> [Value] {
            guard runs != 1 else { return places.map { $0 < 0 ? zero : values[$0] } }
            var picked: [Value] = []
            picked.reserveCapacity(places.count * runs)
            for place in places { picked += values[(place * runs)..<((place + 1) * runs)] }
            return picked
        }
        return switch self {
        case .float32(let values): .float32(pick(values, 0))
        case .float16(let values): .float16(pick(values, 0))
        case .bfloat16(let values): .bfloat16(pick(values, 0))
        case .float64(let values): .float64(pick(values, 0))
        case .int8(let values): .int8(pick(values, 0))
        case .int16(let values): .int16(pick(values, 0))
        case .int32(let values): .int32(pick(values, 0))
        case .int64(let values): .int64(pick(values, 0))
        case .uint8(let values): .uint8(pick(values, 0))
        case .uint16(let values): .uint16(pick(values, 0))
        case .uint32(let values): .uint32(pick(values, 0))
        case .uint64(let values): .uint64(pick(values, 0))
        case .bool(let values): .bool(pick(values, false))
        }
    }

    /// These elements and then others of the same type; `nil` where the types differ.
    func appending(_ other: Elements) -> Elements? {
        switch (self, other) {
        case (.float32(let first), .float32(let second)): .float32(first + second)
        case (.float16(let first), .float16(let second)): .float16(first + second)
        case (.bfloat16(let first), .bfloat16(let second)): .bfloat16(first + second)
        case (.float64(let first), .float64(let second)): .float64(first + second)
        case (.int8(let first), .int8(let second)): .int8(first + second)
        case (.int16(let first), .int16(let second)): .int16(first + second)
        case (.int32(let first), .int32(let second)): .int32(first + second)
        case (.int64(let first), .int64(let second)): .int64(first + second)
        case (.uint8(let first), .uint8(let second)): .uint8(first + second)
        case (.uint16(let first), .uint16(let second)): .uint16(first + second)
        case (.uint32(let first), .uint32(let second)): .uint32(first + second)
        case (.uint64(let first), .uint64(let second)): .uint64(first + second)
        case (.bool(let first), .bool(let second)): .bool(first + second)
        default: nil
        }
    }
}

extension Elements {
    /// `rounds` times the next few elements of each part in turn.
    /// - Precondition: the parts are of one type, at least one, and as long as the rounds together.
    static func joined(_ parts: [(elements: Elements, perRound: Int)], rounds: Int) -> Elements {
        var all = parts[0].elements
        for part in parts.dropFirst() {
            guard let longer = all.appending(part.elements) else { preconditionFailure("parts of different types") }
            all = longer
        }
        if rounds == 1 { return all }
        var starts: [Int] = []
        var end = 0
        for part in parts {
            starts.append(end)
            end += part.elements.count
        }
        var places: [Int] = []
        places.reserveCapacity(all.count)
        for round in 0..<rounds {
            for (start, part) in zip(starts, parts) {
                let first = start + round * part.perRound
                places.append(contentsOf: first..<first + part.perRound)
            }
        }
        return all.picking(places)
    }
}
