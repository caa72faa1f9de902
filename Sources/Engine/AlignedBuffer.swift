/// Floats at a multiple of 64 bytes, zeroed at first, for packed weights and arenas.
///
/// @unchecked because it is written only while it is being filled, before anything else can see it; arenas are the
/// exception and belong to one session.
public final class AlignedBuffer: @unchecked Sendable {
    public let count: Int
    public let base: UnsafeMutablePointer<Float>
    private let slab: MemorySlab

    /// - Parameter count: floats; at least one is allocated.
    public init(count: Int) {
        precondition(count >= 0, "a buffer of \(count) floats")
        let size = max(count, 1) * MemoryLayout<Float>.stride
        let place = MemorySlab.allocate(bytes: size)
        self.count = count
        slab = place.slab
        base = place.address.bindMemory(to: Float.self, capacity: max(count, 1))
    }

    /// A part of another buffer, which lives as long as the part.
    /// - Parameter offset: floats, a multiple of 16.
    /// - Precondition: the part lies inside the other buffer.
    package init(count: Int, at offset: Int, of whole: AlignedBuffer) {
        precondition(offset >= 0 && count >= 0 && offset % 16 == 0 && count <= whole.count - offset, "a part outside")
        self.count = count
        slab = whole.slab
        base = whole.base + offset
    }

    public var byteCount: Int { count * MemoryLayout<Float>.stride }
}
