import Engine
import Packages

@testable import ModelImport

/// Writes pickles opcode by opcode, well-formed or not.
struct PickleWriter {
    private(set) var bytes: [UInt8] = [0x80, 2]

    mutating func op(_ opcodes: PickleOpcode...) { bytes += opcodes.map(\.rawValue) }

    mutating func raw(_ values: [UInt8]) { bytes += values }

    mutating func text(_ text: String) {
        op(.binUnicode)
        bytes.append(littleEndian: UInt32(text.utf8.count))
        bytes += text.utf8
    }

    mutating func int(_ value: Int) {
        op(.long1)
        bytes.append(8)
        bytes.append(littleEndian: Int64(value))
    }

    mutating func global(_ module: String, _ name: String) {
        op(.global)
        bytes += Array("\(module)\n\(name)\n".utf8)
    }

    mutating func tuple(_ values: [Int]) {
        op(.mark)
        for value in values { int(value) }
        op(.tuple)
    }

    mutating func tensor(_ tensor: WrittenTensor, isStream: Bool = false) {
        global("torch._utils", "_rebuild_tensor_v2")
        op(.mark, .mark)
        text("storage")
        global("torch", "\(tensor.type)Storage")
        text(tensor.key)
        text("cpu")
        int(tensor.storageCount)
        if isStream { op(.none) }
        op(.tuple, .binPersistentID)
        int(tensor.offset)
        tuple(tensor.shape)
        tuple(tensor.strides)
        op(.newFalse)
        global("collections", "OrderedDict")
        op(.emptyTuple, .reduce, .tuple, .reduce)
    }

    static func stateDictionary(_ tensors: [WrittenTensor]) -> [UInt8] {
        var writer = PickleWriter()
        writer.op(.emptyDictionary, .mark)
        for tensor in tensors {
            writer.text(tensor.name)
            writer.tensor(tensor)
        }
        writer.op(.setItems, .stop)
        return writer.bytes
    }
}

/// A tensor as a pickle states it, true or not, with the bytes of its storage.
struct WrittenTensor {
    var name: String
    var type = "Float"
    var key = "0"
    var storageCount: Int
    var offset = 0
    var shape: [Int]
    var strides: [Int]
    var content: [UInt8]

    init(_ name: String, _ shape: [Int], _ values: [Float], key: String = "0") {
        self.name = name
        self.key = key
        self.shape = shape
        strides = shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
        storageCount = values.count
        content = []
        content.append(floats: values)
    }

    static func counter(_ name: String, key: String) -> WrittenTensor {
        var tensor = WrittenTensor(name, [], [0, 0], key: key)
        (tensor.type, tensor.storageCount) = ("Long", 1)
        return tensor
    }
}

/// Writes zip files entry by entry, well-formed or not.
struct ZipWriter {
    struct Entry {
        var name: String
        var content: [UInt8]
        var flags: UInt16 = 0
        var method: UInt16 = 0
        var checksum: UInt32?
        var statedSize: Int?
        var localName: String?
        var usesZip64 = false
    }

    var entries: [Entry]
    var usesZip64 = false
    var comment: [UInt8] = []

    static func checkpoint(_ tensors: [WrittenTensor], pickle: [UInt8]? = nil) -> ZipWriter {
        var entries = [
            Entry(name: "model/data.pkl", content: pickle ?? PickleWriter.stateDictionary(tensors)),
            Entry(name: "model/byteorder", content: Array("little".utf8)),
        ]
        var keys: Set<String> = []
        for tensor in tensors where keys.insert(tensor.key).inserted {
            entries.append(Entry(name: "model/data/\(tensor.key)", content: tensor.content))
        }
        return ZipWriter(entries: entries)
    }

    func bytes() -> [UInt8] {
        var bytes: [UInt8] = []
        var directory: [UInt8] = []
        for entry in entries {
            let offset = bytes.count
            append(entry, to: &bytes)
            append(entry, at: offset, toDirectory: &directory)
        }
        let start = bytes.count
        bytes += directory
        if usesZip64 { appendEnd64(to: &bytes, start: start, size: directory.count) }
        bytes.append(littleEndian: UInt32(0x0605_4B50))
        bytes.append(littleEndian: UInt32(0))
        let count = usesZip64 ? UInt16.max : UInt16(entries.count)
        bytes.append(littleEndian: count)
        bytes.append(littleEndian: count)
        bytes.append(littleEndian: usesZip64 ? UInt32.max : UInt32(directory.count))
        bytes.append(littleEndian: usesZip64 ? UInt32.max : UInt32(start))
        bytes.append(littleEndian: UInt16(comment.count))
        return bytes + comment
    }

    private func append(_ entry: Entry, to bytes: inout [UInt8]) {
        bytes.append(littleEndian: UInt32(0x0403_4B50))
        bytes.append(littleEndian: UInt16(45))
        bytes.append(littleEndian: entry.flags)
        bytes.append(littleEndian: entry.method)
        bytes += [UInt8](repeating: 0, count: 16)
        let name = entry.localName ?? entry.name
        bytes.append(littleEndian: UInt16(name.utf8.count))
        bytes.append(littleEndian: UInt16(0))
        bytes += name.utf8
        bytes += entry.content
    }

    private func append(_ entry: Entry, at offset: Int, toDirectory bytes: inout [UInt8]) {
        let size = entry.statedSize ?? entry.content.count
        bytes.append(littleEndian: UInt32(0x0201_4B50))
        bytes.append(littleEndian: UInt32(45))
        bytes.append(littleEndian: entry.flags)
        bytes.append(littleEndian: entry.method)
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: entry.checksum ?? CRC32.checksum(entry.content[...]))
        bytes.append(littleEndian: entry.usesZip64 ? UInt32.max : UInt32(size))
        bytes.append(littleEndian: entry.usesZip64 ? UInt32.max : UInt32(size))
        bytes.append(littleEndian: UInt16(entry.name.utf8.count))
        bytes.append(littleEndian: UInt16(entry.usesZip64 ? 28 : 0))
        bytes += [UInt8](repeating: 0, count: 10)
        bytes.append(littleEndian: entry.usesZip64 ? UInt32.max : UInt32(offset))
        bytes += entry.name.utf8
        guard entry.usesZip64 else { return }
        bytes.append(littleEndian: UInt16(1))
        bytes.append(littleEndian: UInt16(24))
        for value in [size, size, offset] { bytes.append(littleEndian: UInt64(value)) }
    }

    private func appendEnd64(to bytes: inout [UInt8], start: Int, size: Int) {
        let record = bytes.count
        bytes.append(littleEndian: UInt32(0x0606_4B50))
        bytes.append(littleEndian: UInt64(44))
        bytes += [45, 0, 45, 0]
        bytes.append(littleEndian: UInt64(0))
        for value in [entries.count, entries.count, size, start] { bytes.append(littleEndian: UInt64(value)) }
        bytes.append(littleEndian: UInt32(0x0706_4B50))
        bytes.append(littleEndian: UInt32(0))
        bytes.append(littleEndian: UInt64(record))
        bytes.append(littleEndian: UInt32(1))
    }
}
