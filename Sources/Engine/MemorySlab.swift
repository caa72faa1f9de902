import Glibc
import Synchronization

/// Some megabytes of zeroed memory that buffers are cut from, one after the other, and that the system is asked to back
/// with huge pages: reading weights through pages of 4 kB costs a table walk every 64 rows. Returned to the system when
/// the last of its buffers is gone; a buffer's own part is not used again before that.
///
/// @unchecked because its memory is handed out in disjoint pieces and what is left is guarded by `current`.
final class MemorySlab: @unchecked Sendable {
    private static let alignment = 2 << 20
    private static let usualBytes = 4 << 20
    /// The slab that small buffers are cut from, and how much of it is taken.
    private static let current = Mutex<(slab: Weak, used: Int)>((Weak(), 0))

    private struct Weak { weak var slab: MemorySlab? }

    private let start: UnsafeMutableRawPointer
    private let bytes: Int

    private init(bytes: Int) {
        let rounded = (bytes + Self.alignment - 1) / Self.alignment * Self.alignment
        self.bytes = rounded + Self.alignment
        guard
            let mapped = mmap(
                nil, self.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            mapped != MAP_FAILED
        else { preconditionFailure("no memory for \(rounded) bytes") }
        start = mapped
        madvise(mapped.alignedUp(toMultipleOf: Self.alignment), rounded, MADV_HUGEPAGE)
    }

    deinit { munmap(start, bytes) }

    private var address: UnsafeMutableRawPointer { start.alignedUp(toMultipleOf: Self.alignment) }

    /// Zeroed memory at a multiple of 64 bytes, valid as long as the slab.
    static func allocate(bytes: Int) -> (slab: MemorySlab, address: UnsafeMutableRawPointer) {
        let size = (bytes + 63) / 64 * 64
        guard size <= usualBytes / 2 else {
            let slab = MemorySlab(bytes: size)
            return (slab, slab.address)
        }
        return current.withLock { current in
            if let slab = current.slab.slab, current.used + size <= usualBytes {
                let address = slab.address + current.used
                current.used += size
                return (slab, address)
            }
            let slab = MemorySlab(bytes: usualBytes)
            current = (Weak(slab: slab), size)
            return (slab, slab.address)
        }
    }
}
