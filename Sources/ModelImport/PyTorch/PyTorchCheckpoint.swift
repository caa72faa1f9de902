public import Engine
import Graphs
public import Packages

/// The state dictionary in a file that `torch.save` wrote, in either of its formats: a zip file with one pickle (since
/// PyTorch 1.6), or the older stream of pickles followed by raw storages.
///
/// The file is data: see `PickleInterpreter` for what keeps it from being anything else.
public struct PyTorchCheckpoint: Sendable {
    /// Floating-point tensors (32, 64 and 16 bits, bfloat16) as 32-bit floats.
    public let tensors: [String: Tensor]
    /// Shapes of the integer tensors, whose values are not read.
    public let integerTensors: [String: [Int]]

    /// The largest file that is read, in bytes.
    public static let byteLimit = 1 << 32
    /// The tensors may take this many times the file's size, because narrow floats widen and views may share a
    /// storage; a file that asks for more (by broadcasting one value, say) is refused.
    public static let expansionLimit = 4

    /// Reads the dictionary at the top, or the one under `state_dict`.
    public static func read(from path: String) throws(CheckpointFailure) -> PyTorchCheckpoint {
        do throws(ReadingFailure) {
            return try parse(try FileBytes.read(from: path, limit: byteLimit))
        } catch {
            throw CheckpointFailure(error, in: path)
        }
    }

    static func parse(_ bytes: [UInt8]) throws(ReadingFailure) -> PyTorchCheckpoint {
        if bytes.starts(with: [0x50, 0x4B]) { return try parse(try ZipCheckpoint(bytes), bytes) }
        if bytes.first == PickleOpcode.proto.rawValue { return try parse(try StreamCheckpoint(bytes), bytes) }
        throw ReadingFailure("is neither a PyTorch zip file nor the older stream of pickles")
    }

    private static func parse(
        _ source: some CheckpointSource, _ bytes: [UInt8]
    ) throws(ReadingFailure) -> PyTorchCheckpoint {
        var elementsLeft = bytes.count * expansionLimit / MemoryLayout<Float>.size
        var tensors: [String: Tensor] = [:]
        var integerTensors: [String: [Int]] = [:]
        for (name, reference) in try stateDictionary(of: source.pickle) {
            do throws(ReadingFailure) {
                guard tensors[name] == nil, integerTensors[name] == nil else { throw ReadingFailure("occurs twice") }
                let view = try StorageView(reference, in: try source.place(of: reference.storage))
                guard view.elementType.isFloatingPoint else {
                    integerTensors[name] = view.shape
                    continue
                }
                guard view.count <= elementsLeft else {
                    throw ReadingFailure("the tensors would take more than \(expansionLimit) times the file's size")
                }
                elementsLeft -= view.count
                tensors[name] = Tensor(shape: view.shape, values: view.values(bytes))
            } catch {
                throw ReadingFailure(error.reason, subject: name)
            }
        }
        return PyTorchCheckpoint(tensors: tensors, integerTensors: integerTensors)
    }

    private static func stateDictionary(
        of pickle: Pickle
    ) throws(ReadingFailure) -> [(name: String, tensor: TensorReference)] {
        guard let top = pickle.dictionary(pickle.root) else {
            throw ReadingFailure("does not hold a dictionary of tensors")
        }
        let nested = top.last { $0.key == .string("state_dict") }.flatMap { pickle.dictionary($0.value) }
        var entries: [(name: String, tensor: TensorReference)] = []
        for (key, value) in nested ?? top {
            guard case .string(let name) = key else { throw ReadingFailure("a key of the dictionary is not text") }
            guard case .tensor(let index) = value else { throw ReadingFailure("is not a tensor", subject: name) }
            entries.append((name, pickle.tensors[index]))
        }
        guard !entries.isEmpty else { throw ReadingFailure("holds no tensors") }
        return entries
    }
}

/// One of the two formats, opened: the pickle, and where storages lie.
protocol CheckpointSource {
    var pickle: Pickle { get }
    func place(of storage: StorageReference) throws(ReadingFailure) -> Range<Int>
}

/// The format since PyTorch 1.6: `NAME/data.pkl`, `NAME/byteorder` (newer versions) and `NAME/data/KEY`.
struct ZipCheckpoint: CheckpointSource {
    let pickle: Pickle
    private let archive: ZipArchive
    private let prefix: String

    init(_ bytes: [UInt8]) throws(ReadingFailure) {
        archive = try ZipArchive(bytes)
        let suffix = "/data.pkl"
        let programs = archive.entries.keys.filter { $0.hasSuffix(suffix) && $0.split(separator: "/").count == 2 }
        guard programs.count == 1, let program = programs.first, let range = archive.entries[program] else {
            throw ReadingFailure("is a zip file without exactly one data.pkl, so not a PyTorch checkpoint")
        }
        prefix = String(program.dropLast(suffix.count))
        if let order = archive.entries[prefix + "/byteorder"], !bytes[order].elementsEqual("little".utf8) {
            throw ReadingFailure("only little-endian storages are read", subject: prefix + "/byteorder")
        }
        var reader = ByteReader(bytes, in: range)
        do throws(ReadingFailure) {
            pickle = try PickleInterpreter.run(&reader)
            guard reader.remaining == 0 else { throw ReadingFailure("bytes follow the end of the pickle") }
        } catch {
            throw ReadingFailure(error.reason, subject: program)
        }
    }

    func place(of storage: StorageReference) throws(ReadingFailure) -> Range<Int> {
        guard let range = archive.entries["\(prefix)/data/\(storage.key)"] else {
            throw ReadingFailure("its storage \(storage.key.printable) is missing")
        }
        return range
    }
}

/// The format before PyTorch 1.6: pickles of a magic number, the protocol version, facts about the system, the
/// object, and the list of storage keys; then per key a 64-bit element count and the elements.
struct StreamCheckpoint: CheckpointSource {
    let pickle: Pickle
    private var places: [String: Range<Int>] = [:]

    /// 0x1950A86A20F9469CFC6C, little-endian.
    private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    private static let protocolVersion = 1001

    init(_ bytes: [UInt8]) throws(ReadingFailure) {
        var reader = ByteReader(bytes)
        guard try PickleInterpreter.run(&reader).root == .wideInt(Self.magic) else {
            throw ReadingFailure("is a pickle, but not of PyTorch")
        }
        guard try PickleInterpreter.run(&reader).root == .int(Self.protocolVersion) else {
            throw ReadingFailure("does not have protocol version \(Self.protocolVersion)")
        }
        let system = try PickleInterpreter.run(&reader)
        let order = system.dictionary(system.root)?.last { $0.key == .string("little_endian") }
        guard order?.value == .bool(true) else { throw ReadingFailure("only little-endian storages are read") }
        pickle = try PickleInterpreter.run(&reader)
        try readStorages(&reader)
    }

    private mutating func readStorages(_ reader: inout ByteReader) throws(ReadingFailure) {
        let list = try PickleInterpreter.run(&reader)
        guard let keys = list.items(list.root, of: .list) else { throw ReadingFailure("has no list of storages") }
        let declared = Dictionary(pickle.storages.map { ($0.key, $0) }) { first, _ in first }
        for key in keys {
            guard case .string(let key) = key, let storage = declared[key], places[key] == nil else {
                throw ReadingFailure("the list of storages names one that no tensor uses, or one twice")
            }
            let count = try reader.readCount()
            guard count == storage.count else {
                throw ReadingFailure("storage \(key.printable) has \(count) elements, not the \(storage.count) stated")
            }
            places[key] = try reader.take(storage.count * storage.type.size)
        }
        guard reader.remaining == 0 else { throw ReadingFailure("\(reader.remaining) bytes follow the last storage") }
    }

    func place(of storage: StorageReference) throws(ReadingFailure) -> Range<Int> {
        guard let range = places[storage.key] else {
            throw ReadingFailure("its storage \(storage.key.printable) is missing")
        }
        return range
    }
}
