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

    public var byteCount: Int { count * MemoryLayout<Float>.stride }
}
