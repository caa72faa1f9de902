public import Engine

/// The tensors of a file written by `torch.save`: a zip with a pickle (since 1.6), or the older stream of pickles
/// followed by raw storages.
public enum PyTorchCheckpoint {
    /// Largest file that is read, in bytes.
    public static let byteLimit = 2 << 30
    /// Tensors together may hold at most this many times the bytes of the file: half precision doubles, views of one
    /// storage may overlap a little, anything beyond is a bomb.
    public static let expansionLimit = 3

    /// - Returns: tensors of floating point type as 32-bit floats, by name; counters and other integers are left out.
    /// - Throws: `CheckpointFailure` when the file is damaged, or holds anything but tensors and dictionaries.
    public static func read(from path: String) throws(CheckpointFailure) -> [String: Tensor] {
        do {
            let bytes = try FileBytes.read(from: path, limit: byteLimit)
            return try ZipArchive.isZip(bytes) ? readZip(bytes) : readStream(bytes)
        } catch {
            throw CheckpointFailure(file: path, tensor: error.subject, reason: error.reason)
        }
    }

    // MARK: The two containers

    private static func readZip(_ bytes: [UInt8]) throws(ReadingFailure) -> [String: Tensor] {
        let archive = try ZipArchive(bytes)
        guard let pickle = archive.entries.first(where: { $0.key.hasSuffix("/data.pkl") || $0.key == "data.pkl" }) else {
            throw ReadingFailure("is a zip file without data.pkl, not a checkpoint")
        }
        let prefix = pickle.key.dropLast("data.pkl".count)
        if let order = archive.entries[prefix + "byteorder"], !bytes[order].elementsEqual("little".utf8) {
            throw ReadingFailure("is not little-endian")
        }
        var reader = ByteReader(bytes, in: pickle.value)
        let root = try PickleInterpreter.read(&reader)
        return try materialize(root, fileBytes: bytes) { archive.entries[prefix + "data/" + $0.key] }
    }

    private static let streamMagic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    private static let streamProtocol = 1001

    private static func readStream(_ bytes: [UInt8]) throws(ReadingFailure) -> [String: Tensor] {
        var reader = ByteReader(bytes)
        guard bytes.first == 0x80, case .longInteger(streamMagic) = try PickleInterpreter.read(&reader) else {
            throw ReadingFailure("is not a PyTorch checkpoint")
        }
        guard try PickleInterpreter.read(&reader).int == streamProtocol else {
            throw ReadingFailure("has another stream protocol than \(streamProtocol)")
        }
        guard case .dictionary(let system) = try PickleInterpreter.read(&reader),
            case .bool(true)? = system.value(for: "little_endian")
        else { throw ReadingFailure("is not little-endian") }
        let root = try PickleInterpreter.read(&reader)
        guard case .list(let keys) = try PickleInterpreter.read(&reader) else {
            throw ReadingFailure("has no list of storages")
        }
        var types: [String: PickleGlobal] = [:]
        for (_, tensor) in try tensors(of: root) { types[tensor.storage.key] = tensor.storage.type }
        var ranges: [String: Range<Int>] = [:]
        for key in keys.values {
            guard let name = key.text, let size = types[name]?.elementBytes, ranges[name] == nil else {
                throw ReadingFailure("lists a storage that no tensor uses, or one twice")
            }
            let (count, overflow) = (try reader.readCount()).multipliedReportingOverflow(by: size)
            guard !overflow else { throw ReadingFailure("has a storage of impossible size") }
            ranges[name] = try reader.take(count)
        }
        guard reader.remaining == 0 else { throw ReadingFailure("has \(reader.remaining) bytes behind its storages") }
        return try materialize(root, fileBytes: bytes) { ranges[$0.key] }
    }

    // MARK: Tensors

    private static func tensors(of root: PickleValue) throws(ReadingFailure) -> [(String, TensorReference)] {
        guard case .dictionary(var dictionary) = root else { throw ReadingFailure("does not hold a dictionary") }
        if case .dictionary(let inner)? = dictionary.value(for: "state_dict") { dictionary = inner }
        var found: [(String, TensorReference)] = []
        for (key, value) in dictionary.entries {
            guard let name = key.text else { throw ReadingFailure("has a dictionary key that is not text") }
            guard case .tensor(let tensor) = value else { throw ReadingFailure("is not a tensor", subject: name) }
            found.append((name, tensor))
        }
        return found
    }

    private static func materialize(
        _ root: PickleValue, fileBytes bytes: [UInt8], storage: (StorageReference) -> Range<Int>?
    ) throws(ReadingFailure) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        var total = 0
        for (name, reference) in try tensors(of: root) where reference.storage.type.isFloatingPoint {
            guard let range = storage(reference.storage) else {
                throw ReadingFailure("its storage \(reference.storage.key.printable) is missing", subject: name)
            }
            guard result[name] == nil else { throw ReadingFailure("is there twice", subject: name) }
            let count = try elementCount(reference, storageBytes: range.count, name)
            let (sum, overflow) = total.addingReportingOverflow(count)
            guard !overflow, sum <= expansionLimit * bytes.count / 4 else {
                throw ReadingFailure("makes the tensors larger than \(expansionLimit) times the file", subject: name)
            }
            total = sum
            result[name] = Tensor(shape: reference.sizes, values: values(reference, in: bytes, range, count: count))
        }
        return result
    }

    /// Elements of a tensor whose every element lies inside its storage.
    private static func elementCount(
        _ tensor: TensorReference, storageBytes: Int, _ name: String
    ) throws(ReadingFailure) -> Int {
        let size = tensor.storage.type.elementBytes ?? 1
        guard storageBytes == tensor.storage.count.multipliedReportingOverflow(by: size).partialValue else {
            throw ReadingFailure(
                "its storage has \(storageBytes) bytes, not \(tensor.storage.count) elements", subject: name)
        }
        guard tensor.offset >= 0, tensor.sizes.allSatisfy({ $0 >= 0 }), tensor.strides.allSatisfy({ $0 >= 0 }),
            tensor.sizes.count <= 8
        else { throw ReadingFailure("has impossible sizes or strides", subject: name) }
        var (count, last, overflowed) = (1, tensor.offset, false)
        for (size, stride) in zip(tensor.sizes, tensor.strides) {
            let product = count.multipliedReportingOverflow(by: size)
            let reach = max(0, size - 1).multipliedReportingOverflow(by: stride)
            let end = last.addingReportingOverflow(reach.partialValue)
            overflowed = overflowed || product.overflow || reach.overflow || end.overflow
            (count, last) = (product.partialValue, end.partialValue)
        }
        guard !overflowed, count == 0 || last < tensor.storage.count else {
            throw ReadingFailure("reaches beyond its storage", subject: name)
        }
        return count
    }

    private static func values(
        _ tensor: TensorReference, in bytes: [UInt8], _ range: Range<Int>, count: Int
    ) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(count)
        bytes.withUnsafeBytes { all in
            let storage = UnsafeRawBufferPointer(rebasing: all[range])
            var index = [Int](repeating: 0, count: tensor.sizes.count)
            for _ in 0..<count {
                let position = zip(index, tensor.strides).reduce(tensor.offset) { $0 + $1.0 * $1.1 }
                result.append(element(position, of: storage, tensor.storage.type))
                var dimension = index.count - 1
                while dimension >= 0 {
                    index[dimension] += 1
                    if index[dimension] < tensor.sizes[dimension] { break }
                    index[dimension] = 0
                    dimension -= 1
                }
            }
        }
        return result
    }

    private static func element(_ position: Int, of storage: UnsafeRawBufferPointer, _ type: PickleGlobal) -> Float {
        switch type {
        case .doubleStorage: Float(storage.loadUnaligned(fromByteOffset: 8 * position, as: Double.self))
        case .halfStorage: half(storage.loadUnaligned(fromByteOffset: 2 * position, as: UInt16.self))
        case .bfloat16Storage:
            Float(bitPattern: UInt32(storage.loadUnaligned(fromByteOffset: 2 * position, as: UInt16.self)) << 16)
        default: storage.loadUnaligned(fromByteOffset: 4 * position, as: Float.self)
        }
    }

    /// IEEE 754 half precision, which Swift has no type for on this platform.
    static func half(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let (exponent, fraction) = (UInt32(bits >> 10 & 0x1F), UInt32(bits & 0x3FF))
        switch exponent {
        case 0: return (sign == 0 ? 1 : -1) * Float(fraction) / 16_777_216
        case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}
