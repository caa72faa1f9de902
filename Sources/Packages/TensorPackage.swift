public import Engine
import Graphs

/// A model as one file: a manifest (JSON) and named tensors, each section with its SHA-256.
///
/// Layout, little-endian, version 1:
///
///     "SHOALPKG" | u32 version | u32 section count
///     section table: u16 name bytes | name | u64 offset | u64 byte count | 32 bytes SHA-256, per section
///     32 bytes SHA-256 of everything above
///     sections in the order of the table, each at the next multiple of 64, zeros between them
///
/// Section `kind` is the kind as text, section `manifest` is JSON; section `tensor/NAME` is u32 rank, u64 per
/// dimension, then 32-bit floats; section `blob/NAME` is bytes whose meaning belongs to the kind. Equal packages have
/// equal bytes: tensors, then blobs, each in the order of their names.
public struct TensorPackage: Equatable, Sendable {
    /// What the file holds: `supernet` or `statistics`.
    public var kind: String
    /// JSON text whose meaning belongs to the kind.
    public var manifest: [UInt8]
    public var tensors: [String: Tensor]
    public var blobs: [String: [UInt8]]

    public init(kind: String, manifest: [UInt8], tensors: [String: Tensor], blobs: [String: [UInt8]] = [:]) {
        self.kind = kind
        self.manifest = manifest
        self.tensors = tensors
        self.blobs = blobs
    }
}

extension TensorPackage {
    /// The version that this program writes, and the newest that it reads.
    public static let version: UInt32 = 1
    /// The most sections that a file may have.
    public static let sectionLimit = 65_536
    /// The most bytes that a section's name may have.
    public static let nameLimit = 1_024
    /// The most dimensions that a tensor may have.
    public static let rankLimit = 8
    /// The largest file that is read, in bytes.
    public static let byteLimit = 1 << 32

    static let magic = Array("SHOALPKG".utf8)
    static let alignment = 64
    static let digestSize = 32
    static let tensorPrefix = "tensor/"
    static let blobPrefix = "blob/"

    static func aligned(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }
}

/// Why a package file cannot be read or written.
public struct PackageFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let file: String
    /// The section at fault; `nil` where it is the file as a whole.
    public let section: String?
    public let reason: String

    public init(file: String, section: String? = nil, reason: String) {
        self.file = file
        self.section = section
        self.reason = reason
    }

    init(_ failure: ReadingFailure, in file: String) {
        self.init(file: file, section: failure.subject, reason: failure.reason)
    }

    public var description: String {
        "\(file): \(section.map { "section \($0.printable): " } ?? "")\(reason)"
    }
}
