import Engine
import Graphs
import Packages

/// Runs a pickle program that may build tensors and dictionaries and nothing else.
///
/// A pickle is a program for a stack machine that can, in Python, call anything. This machine knows the globals of
/// `PickleGlobal`; whatever else a program names is refused by that name, and nothing it contains is ever executed.
/// Each opcode creates at most one value, in time that does not depend on what is there already, and a text is
/// checked against the bytes left before it is allocated, so that memory is linear in the size of the program.
struct PickleInterpreter {
    /// The most values on the stack, containers, tensors and memo entries, each.
    static let valueLimit = 1 << 20
    /// The most open marks, that is, the depth to which unfinished containers nest.
    static let markLimit = 1_000
    /// The widest integer, in bytes.
    static let integerSizeLimit = 32
    /// The longest module or attribute name, in bytes.
    static let globalNameLimit = 256

    var reader: ByteReader
    var pickle = Pickle()
    private var stack: [PickleValue] = []
    /// Heights of the stack at each open mark.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]

    /// Runs the program at the reader's position and leaves the reader behind it.
    static func run(_ reader: inout ByteReader) throws(ReadingFailure) -> Pickle {
        var interpreter = PickleInterpreter(reader: reader)
        try interpreter.run()
        reader = interpreter.reader
        return interpreter.pickle
    }

    private init(reader: ByteReader) { self.reader = reader }

    private mutating func run() throws(ReadingFailure) {
        while true {
            let offset = reader.position
            let code = try reader.read(UInt8.self)
            guard let opcode = PickleOpcode(rawValue: code) else {
                let name = PickleOpcode.refusedNames[code].map { " (\($0))" } ?? ""
                throw ReadingFailure("the pickle opcode \(code)\(name) at offset \(offset) is not allowed")
            }
            if opcode == .stop { break }
            try step(opcode)
        }
        pickle.root = try pop()
        guard stack.isEmpty, marks.isEmpty else {
            throw ReadingFailure("the pickle ends with \(stack.count) values left over")
        }
    }

    private mutating func step(_ opcode: PickleOpcode) throws(ReadingFailure) {
        switch opcode {
        case .stop: break
        case .proto: try checkProtocol()
        // Frames only help a reader to fetch ahead.
        case .frame: _ = try reader.readCount()
        case .mark: try mark()
        case .pop: _ = try pop()
        case .popMark: _ = try popToMark()
        case .dup: try push(try top())
        case .none: try push(.none)
        case .newTrue: try push(.bool(true))
        case .newFalse: try push(.bool(false))
        case .binInt: try push(.int(Int(try reader.read(Int32.self))))
        case .binInt1: try push(.int(Int(try reader.read(UInt8.self))))
        case .binInt2: try push(.int(Int(try reader.read(UInt16.self))))
        case .long1: try pushInteger(size: Int(try reader.read(UInt8.self)))
        case .long4: try pushInteger(size: Int(try reader.read(Int32.self)))
        // The one big-endian number of the format.
        case .binFloat: try push(.float(Double(bitPattern: try reader.read(UInt64.self).byteSwapped)))
        case .shortBinUnicode: try push(.string(try reader.readText(Int(try reader.read(UInt8.self)))))
        case .binUnicode: try push(.string(try reader.readText(Int(try reader.read(UInt32.self)))))
        case .binUnicode8: try push(.string(try reader.readText(try reader.readCount())))
        case .emptyTuple: try pushContainer(.tuple, [])
        case .tuple1: try pushContainer(.tuple, try pop(count: 1))
        case .tuple2: try pushContainer(.tuple, try pop(count: 2))
        case .tuple3: try pushContainer(.tuple, try pop(count: 3))
        case .tuple: try pushContainer(.tuple, try popToMark())
        case .emptyList: try pushContainer(.list, [])
        case .list: try pushContainer(.list, try popToMark())
        case .emptyDictionary: try pushContainer(.dictionary, [])
        case .dictionary: try pushContainer(.dictionary, try checkPairs(try popToMark()))
        case .append: try append(try pop(count: 1), to: [.list])
        case .appends: try append(try popToMark(), to: [.list])
        case .setItem: try append(try pop(count: 2), to: [.dictionary, .orderedDictionary])
        case .setItems: try append(try checkPairs(try popToMark()), to: [.dictionary, .orderedDictionary])
        case .binPut: try remember(at: Int(try reader.read(UInt8.self)))
        case .longBinPut: try remember(at: Int(try reader.read(UInt32.self)))
        case .memoize: try remember(at: memo.count)
        case .binGet: try recall(Int(try reader.read(UInt8.self)))
        case .longBinGet: try recall(Int(try reader.read(UInt32.self)))
        case .global: try pushGlobal()
        case .stackGlobal: try pushStackGlobal()
        case .reduce: try reduce()
        case .build: try build()
        case .binPersistentID: try pushStorage()
        }
    }

    // MARK: Stack

    mutating func push(_ value: PickleValue) throws(ReadingFailure) {
        guard stack.count < Self.valueLimit else {
            throw ReadingFailure("the pickle needs more than \(Self.valueLimit) values on its stack")
        }
        stack.append(value)
    }

    mutating func pop() throws(ReadingFailure) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.popLast() else { throw stackUnderflow }
        return value
    }

    func top() throws(ReadingFailure) -> PickleValue {
        guard stack.count > marks.last ?? 0, let value = stack.last else { throw stackUnderflow }
        return value
    }

    private mutating func pop(count: Int) throws(ReadingFailure) -> [PickleValue] {
        guard stack.count - (marks.last ?? 0) >= count else { throw stackUnderflow }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func mark() throws(ReadingFailure) {
        guard marks.count < Self.markLimit else {
            throw ReadingFailure("the pickle nests more than \(Self.markLimit) unfinished values")
        }
        marks.append(stack.count)
    }

    private mutating func popToMark() throws(ReadingFailure) -> [PickleValue] {
        guard let height = marks.popLast() else {
            throw ReadingFailure("the pickle closes a value that it never opened")
        }
        defer { stack.removeSubrange(height...) }
        return Array(stack[height...])
    }

    private var stackUnderflow: ReadingFailure {
        ReadingFailure("the pickle takes a value from an empty stack before offset \(reader.position)")
    }

    // MARK: Values

    mutating func pushContainer(
        _ kind: PickleContainer.Kind, _ items: [PickleValue]
    ) throws(ReadingFailure) {
        guard pickle.containers.count < Self.valueLimit else {
            throw ReadingFailure("the pickle holds more than \(Self.valueLimit) containers")
        }
        pickle.containers.append(PickleContainer(kind: kind, items: items))
        try push(.container(pickle.containers.count - 1))
    }

    private mutating func append(
        _ items: [PickleValue], to kinds: [PickleContainer.Kind]
    ) throws(ReadingFailure) {
        guard case .container(let index) = try top(), kinds.contains(pickle.containers[index].kind) else {
            throw ReadingFailure("the pickle adds to a value that is not a \(kinds[0].rawValue)")
        }
        pickle.containers[index].items.append(contentsOf: items)
    }

    private func checkPairs(_ items: [PickleValue]) throws(ReadingFailure) -> [PickleValue] {
        guard items.count % 2 == 0 else { throw ReadingFailure("the pickle has a dictionary key without a value") }
        return items
    }

    private mutating func pushInteger(size: Int) throws(ReadingFailure) {
        guard (0...Self.integerSizeLimit).contains(size) else {
            throw ReadingFailure("an integer of \(size) bytes is wider than \(Self.integerSizeLimit)")
        }
        let bytes = reader.bytes[try reader.take(size)]
        guard size <= 8 else { return try push(.wideInt(Array(bytes))) }
        let isNegative = (bytes.last ?? 0) >= 0x80
        try push(.int(bytes.reversed().reduce(isNegative ? -1 : 0) { $0 << 8 | Int($1) }))
    }

    private mutating func remember(at index: Int) throws(ReadingFailure) {
        guard memo.count < Self.valueLimit else {
            throw ReadingFailure("the pickle memorises more than \(Self.valueLimit) values")
        }
        memo[index] = try top()
    }

    private mutating func recall(_ index: Int) throws(ReadingFailure) {
        guard let value = memo[index] else {
            throw ReadingFailure("the pickle recalls value \(index), which it never memorised")
        }
        try push(value)
    }

    // MARK: Names

    private mutating func checkProtocol() throws(ReadingFailure) {
        let version = try reader.read(UInt8.self)
        guard (2...5).contains(version) else { throw ReadingFailure("pickle protocol \(version) is not one of 2 to 5") }
    }

    private mutating func readLine() throws(ReadingFailure) -> String {
        let window = reader.bytes[reader.position..<min(reader.end, reader.position + Self.globalNameLimit + 1)]
        guard let end = window.firstIndex(of: 0x0A) else {
            throw ReadingFailure(
                "a name at offset \(reader.position) does not end within \(Self.globalNameLimit) bytes")
        }
        let line = try reader.readText(end - reader.position)
        _ = try reader.take(1)
        return line
    }

    private mutating func pushGlobal() throws(ReadingFailure) {
        let (module, name) = (try readLine(), try readLine())
        try push(.global(try global(module: module, name: name)))
    }

    private mutating func pushStackGlobal() throws(ReadingFailure) {
        guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
            throw ReadingFailure("the pickle names a global with something that is not text")
        }
        try push(.global(try global(module: module, name: name)))
    }

    private func global(module: String, name: String) throws(ReadingFailure) -> PickleGlobal {
        guard let global = PickleGlobal(module: module, name: name) else {
            throw ReadingFailure(
                "the pickle refers to \("\(module).\(name)".printable), which is neither a tensor nor a dictionary")
        }
        return global
    }
}
