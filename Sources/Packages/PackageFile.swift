import Crypto
public import Engine

/// A package that is read section by section, as needed, out of a mapped file.
///
/// Opening checks the section table by its SHA-256, that the sections fill the file, and the sections `kind` and
/// `manifest` by theirs. A tensor is checked by its SHA-256 each time it is read. `verify` checks everything.
public final class PackageFile: Sendable {
    public let path: String
    public let kind: String
    public let manifest: [UInt8]
    /// SHA-256 of the section table, which holds that of every section: equal exactly where packages are.
    public var identity: [UInt8] { layout.tableDigest }

    private let file: MappedFile
    private let layout: PackageLayout
    /// Of the tensors, by name without prefix.
    private let sections: [String: PackageLayout.Section]

    public init(_ path: String) throws(PackageFailure) {
        self.path = path
        do throws(ReadingFailure) {
            let file = try MappedFile(path, limit: TensorPackage.byteLimit)
            let layout = try file.withBytes { (bytes) throws(ReadingFailure) in try PackageLayout(bytes) }
            let kind = try Self.content("kind", layout, file)
            var reader = ByteReader(kind)
            self.kind = try reader.readText(kind.count)
            manifest = try Self.content("manifest", layout, file)
            (self.file, self.layout) = (file, layout)
        } catch {
            throw PackageFailure(error, in: path)
        }
        let prefix = TensorPackage.tensorPrefix
        let tensors = layout.sections.filter { $0.name.hasPrefix(prefix) }
        sections = Dictionary(uniqueKeysWithValues: tensors.map { (String($0.name.dropFirst(prefix.count)), $0) })
    }

    private static func content(
        _ name: String, _ layout: PackageLayout, _ file: MappedFile
    ) throws(ReadingFailure) -> [UInt8] {
        guard let section = layout.sections.first(where: { $0.name == name }) else {
            throw ReadingFailure("is missing", subject: name)
        }
        return try file.withBytes { (bytes) throws(ReadingFailure) in
            Array(try PackageLayout.content(of: section, in: bytes))
        }
    }

    /// A copy of a tensor, the only one in memory; `nil` where the package has none of this name.
    public func tensor(_ name: String) throws(PackageFailure) -> Tensor? {
        guard let section = sections[name] else { return nil }
        return try read { (bytes) throws(ReadingFailure) in
            defer { file.forget(section.range) }
            let content = try PackageLayout.content(of: section, in: bytes)
            do throws(ReadingFailure) { return try TensorPackage.readTensor(content) } catch {
                throw ReadingFailure(error.reason, subject: section.name)
            }
        }
    }

    /// The whole package in memory.
    public func package() throws(PackageFailure) -> TensorPackage {
        try read { (bytes) throws(ReadingFailure) in try TensorPackage.parse(bytes, layout) }
    }

    /// Reads the whole file and checks everything that the layout promises.
    public func verify() throws(PackageFailure) {
        try read { (bytes) throws(ReadingFailure) in
            try layout.checkGaps(bytes)
            for section in layout.sections {
                _ = try PackageLayout.content(of: section, in: bytes)
                file.forget(section.range)
            }
        }
    }

    /// As `TensorPackage.weightsSHA256`; reads and checks all tensors.
    public func weightsSHA256() throws(PackageFailure) -> String {
        try read { (bytes) throws(ReadingFailure) in
            var digest = WeightsDigest()
            for name in TensorPackage.sorted(sections.keys) {
                guard let section = sections[name] else { continue }
                digest.append(name: name)
                digest.append(try PackageLayout.content(of: section, in: bytes))
                file.forget(section.range)
            }
            return digest.hexadecimal
        }
    }

    private func read<Value>(
        _ body: (UnsafeRawBufferPointer) throws(ReadingFailure) -> Value
    ) throws(PackageFailure) -> Value {
        do throws(ReadingFailure) {
            return try file.withBytes(body)
        } catch {
            throw PackageFailure(error, in: path)
        }
    }
}

/// SHA-256 over names, shapes and values of tensors, in the order of their names.
struct WeightsDigest {
    private var hasher = SHA256()

    mutating func append(name: String) {
        var header: [UInt8] = []
        header.append(littleEndian: UInt64(name.utf8.count))
        header.append(contentsOf: name.utf8)
        header.withUnsafeBytes { hasher.update(bufferPointer: $0) }
    }

    /// Shape and values, as a section of a package holds them, in one piece or several.
    mutating func append(_ bytes: UnsafeRawBufferPointer) { hasher.update(bufferPointer: bytes) }

    var hexadecimal: String { Array(hasher.finalize()).hexadecimal }
}
