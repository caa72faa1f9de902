/// A model as one file: a manifest (JSON) and named tensors, each section with its SHA-256.
///
/// Layout, little-endian, version 1:
///
///     "SHOALPKG" | u32 version | u32 section count
///     section table: u16 name bytes | name | u64 offset | u64 byte count | 32 bytes SHA-256, per section
///     32 bytes SHA-256 of everything above
///     sections in the order of the table, each at the next multiple of 64, zeros between, nothing behind
///
/// An empty section `kind/KIND` says what the file holds; section `manifest` is JSON; section `tensor/NAME` is u32 rank, u64 per dimension, then 32-bit floats.
public struct TensorPackage: Equatable, Sendable {
    /// What the file holds: `supernet` or `network`.
    public var kind: String
    /// JSON text whose meaning belongs to the kind.
    public var manifest: [UInt8]
    public var tensors: [String: Tensor]

    public init(kind: String, manifest: [UInt8], tensors: [String: Tensor]) {
        self.kind = kind
        self.manifest = manifest
        self.tensors = tensors
    }
}
