import Engine

/// Reads one pickle of a checkpoint (protocols 2 to 5). It knows tensors and dictionaries and what they are made of;
/// any other name or operation is refused, so nothing in a file can be made to run.
struct PickleInterpreter {
    static let containerLimit = 10_000
    static let stackLimit = 1 << 20
    static let depthLimit = 32

    private var reader: ByteReader
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private var containers = 0

    /// Reads from the reader's position and leaves it behind the pickle.
    static func read(_ reader: inout ByteReader) throws(ReadingFailure) -> PickleValue {
        var interpreter = PickleInterpreter(reader: reader)
        let value = try interpreter.run()
        reader = interpreter.reader
        return value
    }

    private init(reader: ByteReader) { self.reader = reader }

    private mutating func run() throws(ReadingFailure) -> PickleValue {
        while true {
            let code = try reader.read(UInt8.self)
            if code == UInt8(ascii: ".") { return try pop() }
            guard stack.count < Self.stackLimit, memo.count < Self.stackLimit else {
                throw ReadingFailure("has a pickle that holds too many values")
            }
            if try pushConstant(code) { continue }
            if try changeStack(code) { continue }
            try build(code)
        }
    }

    // MARK: Constants

    private mutating func pushConstant(_ code: UInt8) throws(ReadingFailure) -> Bool {
        switch code {
        case UInt8(ascii: "N"): stack.append(.none)
        case 0x88: stack.append(.bool(true))
        case 0x89: stack.append(.bool(false))
        case UInt8(ascii: "J"): stack.append(.int(Int(try reader.read(Int32.self))))
        case UInt8(ascii: "K"): stack.append(.int(Int(try reader.read(UInt8.self))))
        case UInt8(ascii: "M"): stack.append(.int(Int(try reader.read(UInt16.self))))
        case 0x8A: stack.append(try long(Int(try reader.read(UInt8.self))))
        case UInt8(ascii: "G"):
            stack.append(.float(Double(bitPattern: UInt64(bigEndian: try reader.read(UInt64.self)))))
        case UInt8(ascii: "X"), UInt8(ascii: "T"):
            stack.append(.text(try reader.readText(Int(try reader.read(UInt32.self)))))
        case 0x8C, UInt8(ascii: "U"): stack.append(.text(try reader.readText(Int(try reader.read(UInt8.self)))))
        case 0x8D: stack.append(.text(try reader.readText(try reader.readCount())))
        case UInt8(ascii: ")"): stack.append(.tuple([], depth: 1))
        case UInt8(ascii: "}"): stack.append(.dictionary(try newDictionary()))
        case UInt8(ascii: "]"):
            try countContainer()
            stack.append(.list(PickleList()))
        default: return false
        }
        return true
    }

    private mutating func long(_ count: Int) throws(ReadingFailure) -> PickleValue {
        let bytes = Array(reader.bytes[try reader.take(count)])
        guard count <= 8 else { return .longInteger(bytes) }
        var value: UInt64 = (bytes.last ?? 0) & 0x80 == 0 ? 0 : .max
        for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
        return .int(Int(truncatingIfNeeded: value))
    }

    private mutating func newDictionary() throws(ReadingFailure) -> PickleDictionary {
        try countContainer()
        return PickleDictionary()
    }

    private mutating func countContainer() throws(ReadingFailure) {
        containers += 1
        guard containers <= Self.containerLimit else {
            throw ReadingFailure("has a pickle with more than \(Self.containerLimit) dictionaries and lists")
        }
    }

    // MARK: Stack and memo

    private mutating func changeStack(_ code: UInt8) throws(ReadingFailure) -> Bool {
        switch code {
        case 0x80:
            let version = try reader.read(UInt8.self)
            guard (2...5).contains(version) else { throw ReadingFailure("has pickle protocol \(version)") }
        case 0x95: _ = try reader.readCount()
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: "0"): _ = try pop()
        case UInt8(ascii: "1"): _ = try popToMark()
        case UInt8(ascii: "q"): memo[Int(try reader.read(UInt8.self))] = try top()
        case UInt8(ascii: "r"): memo[Int(try reader.read(UInt32.self))] = try top()
        case 0x94: memo[memo.count] = try top()
        case UInt8(ascii: "h"): stack.append(try recall(Int(try reader.read(UInt8.self))))
        case UInt8(ascii: "j"): stack.append(try recall(Int(try reader.read(UInt32.self))))
        default: return false
        }
        return true
    }

    private func top() throws(ReadingFailure) -> PickleValue {
        guard let value = stack.last else { throw ReadingFailure("has a pickle that takes from an empty stack") }
        return value
    }

    private mutating func pop() throws(ReadingFailure) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
            throw ReadingFailure("has a pickle that takes from an empty stack")
        }
        return value
    }

    private mutating func popToMark() throws(ReadingFailure) -> [PickleValue] {
        guard let mark = marks.popLast(), mark <= stack.count else { throw ReadingFailure("has a pickle without a mark") }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private func recall(_ index: Int) throws(ReadingFailure) -> PickleValue {
        guard let value = memo[index] else { throw ReadingFailure("has a pickle that recalls what it never kept") }
        return value
    }

    // MARK: Containers and objects

    private mutating func build(_ code: UInt8) throws(ReadingFailure) {
        switch code {
        case UInt8(ascii: "t"): try pushTuple(try popToMark())
        case 0x85, 0x86, 0x87:
            var values: [PickleValue] = []
            for _ in 0..<Int(code - 0x84) { values.insert(try pop(), at: 0) }
            try pushTuple(values)
        case UInt8(ascii: "s"):
            let value = try pop()
            try setItems([try pop(), value])
        case UInt8(ascii: "u"): try setItems(try popToMark())
        case UInt8(ascii: "a"): try append([try pop()])
        case UInt8(ascii: "e"): try append(try popToMark())
        case UInt8(ascii: "c"): stack.append(.global(try global(module: try line(), name: try line())))
        case 0x93:
            guard let name = try pop().text, let module = try pop().text else {
                throw ReadingFailure("has a pickle with a nameless global")
            }
            stack.append(.global(try global(module: module, name: name)))
        case UInt8(ascii: "Q"): stack.append(.storage(try storage(from: try pop())))
        case UInt8(ascii: "R"):
            let arguments = try pop()
            stack.append(try call(try pop(), with: arguments))
        case UInt8(ascii: "b"):
            guard case .dictionary = try pop(), case .dictionary = try top() else {
                throw ReadingFailure("has a pickle that sets the state of something other than a dictionary")
            }
        default: throw ReadingFailure("has a pickle with operation \(code), which tensors and dictionaries do not need")
        }
    }

    private mutating func pushTuple(_ values: [PickleValue]) throws(ReadingFailure) {
        let depth = 1 + (values.map(\.depth).max() ?? 0)
        guard depth <= Self.depthLimit else { throw ReadingFailure("has a pickle nested deeper than \(Self.depthLimit)") }
        stack.append(.tuple(values, depth: depth))
    }

    private mutating func setItems(_ values: [PickleValue]) throws(ReadingFailure) {
        guard case .dictionary(let dictionary) = try top(), values.count % 2 == 0 else {
            throw ReadingFailure("has a pickle that sets items of something other than a dictionary")
        }
        for index in stride(from: 0, to: values.count, by: 2) {
            dictionary.entries.append((values[index], values[index + 1]))
        }
    }

    private mutating func append(_ values: [PickleValue]) throws(ReadingFailure) {
        guard case .list(let list) = try top() else {
            throw ReadingFailure("has a pickle that appends to something other than a list")
        }
        list.values += values
    }

    private mutating func line() throws(ReadingFailure) -> String {
        var count = 0
        while count < reader.remaining, reader.bytes[reader.position + count] != UInt8(ascii: "\n") { count += 1 }
        let text = try reader.readText(count)
        _ = try reader.take(1)
        return text
    }

    private func global(module: String, name: String) throws(ReadingFailure) -> PickleGlobal {
        guard let known = PickleGlobal(rawValue: "\(module).\(name)") else {
            throw ReadingFailure(
                "asks for \("\(module).\(name)".printable), but only tensors and dictionaries are read")
        }
        return known
    }

    /// `('storage', type, key, location, count)`; older files add `None`. Where it lay does not matter.
    private func storage(from id: PickleValue) throws(ReadingFailure) -> StorageReference {
        guard let parts = id.tuple, (5...6).contains(parts.count), parts[0].text == "storage",
            case .global(let type) = parts[1], type.elementBytes != nil, let key = parts[2].text,
            let count = parts[4].int, count >= 0
        else { throw ReadingFailure("has a pickle with a reference that is not a storage") }
        return StorageReference(key: key, type: type, count: count)
    }

    private mutating func call(_ callable: PickleValue, with arguments: PickleValue) throws(ReadingFailure) -> PickleValue {
        guard case .global(let name) = callable, let parts = arguments.tuple else {
            throw ReadingFailure("has a pickle that calls something other than a known name")
        }
        switch name {
        case .orderedDict:
            guard parts.isEmpty else { throw ReadingFailure("has an ordered dictionary made from arguments") }
            return .dictionary(try newDictionary())
        case .rebuildParameter:
            guard case .tensor(let tensor)? = parts.first else { throw ReadingFailure("has a parameter without a tensor") }
            return .tensor(tensor)
        case .rebuildTensor:
            guard parts.count >= 4, case .storage(let storage) = parts[0], let offset = parts[1].int,
                let sizes = parts[2].ints, let strides = parts[3].ints, sizes.count == strides.count
            else { throw ReadingFailure("has a tensor without storage, sizes and strides") }
            return .tensor(TensorReference(storage: storage, offset: offset, sizes: sizes, strides: strides))
        default: throw ReadingFailure("calls \(name.rawValue), which is a type")
        }
    }
}
