/// Floats at a multiple of 64 bytes, zeroed at first, for packed weights and arenas.
///
/// @unchecked because it is written only while it is being filled, before anything else can see it; arenas are the
/// exception and belong to one session.
public final class AlignedBuffer: @unchecked Sendable {
    public let count: Int
    public let base: UnsafeMutablePointer<Float>

    /// - Parameter count: floats; at least one is allocated.
    public init(count: Int) {
        precondition(count >= 0, "a buffer of \(count) floats")
        let size = max(count, 1) * MemoryLayout<Float>.stride
        let raw = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        self.count = count
        base = raw.initializeMemory(as: Float.self, repeating: 0, count: max(count, 1))
    }

    deinit { base.deallocate() }

    public var byteCount: Int { count * MemoryLayout<Float>.stride }
}
