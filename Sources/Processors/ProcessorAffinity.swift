import CScheduler

/// Which processors a thread may run on.
public struct ProcessorAffinity: Sendable {
    /// Processors that Linux knows of at most.
    public static let limit = 1_024

    /// Processor n is bit n, in the order of little-endian words.
    private var mask = [UInt8](repeating: 0, count: limit / 8)

    /// Of the calling thread.
    public static var current: ProcessorAffinity {
        var result = ProcessorAffinity()
        _ = sched_getaffinity(0, result.mask.count, &result.mask)
        return result
    }

    private init() {}

    /// - Precondition: the number is below `limit`.
    public init(processor: Int) { mask[processor / 8] = 1 << UInt8(processor % 8) }

    /// - Precondition: the numbers are below `limit`.
    public init(processors: [Int]) {
        for processor in processors { mask[processor / 8] |= 1 << UInt8(processor % 8) }
    }

    /// Of another thread; `nil` where there is none of that number.
    public init?(of thread: Int32) {
        guard sched_getaffinity(thread, mask.count, &mask) >= 0 else { return nil }
    }

    /// In rising order.
    public var processors: [Int] { (0..<Self.limit).filter { mask[$0 / 8] & 1 << UInt8($0 % 8) != 0 } }

    /// All but this one; all where there is no other.
    public func without(_ processor: Int) -> ProcessorAffinity {
        var copy = self
        copy.mask[processor / 8] &= ~(1 << UInt8(processor % 8))
        return copy.processors.isEmpty ? self : copy
    }

    /// - Returns: whether the kernel let it.
    public func takeOn(_ thread: Int32) -> Bool { sched_setaffinity(thread, mask.count, mask) == 0 }

    /// Of the calling thread.
    public func takeOn() { _ = sched_setaffinity(0, mask.count, mask) }
}
