/// Floats that begin with a cache line, so that no vector of 16 of them lies in two.
///
/// @unchecked because nothing is written after `init`.
final class AlignedFloats: @unchecked Sendable {
    let base: UnsafePointer<Float>

    init(_ values: [Float]) {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, values.count) * MemoryLayout<Float>.stride, alignment: 64)
        let floats = memory.bindMemory(to: Float.self, capacity: max(1, values.count))
        values.withUnsafeBufferPointer { values in
            if let first = values.baseAddress { floats.initialize(from: first, count: values.count) }
        }
        base = UnsafePointer(floats)
    }

    deinit { UnsafeMutableRawPointer(mutating: base).deallocate() }
}
