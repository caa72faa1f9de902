import Synchronization

/// What a model's thread has counted since its start; written by that thread alone, read by the telemetry sampler.
/// Counters only rise, so the sampler takes differences and no lock is needed.
final class ModelCounters: Sendable {
    struct Snapshot {
        var frames: UInt64 = 0
        var drops = Drops()
        var violations: UInt64 = 0
        var labelled: UInt64 = 0
        var correct: UInt64 = 0
        var expectedMillionths: UInt64 = 0
        var switches: UInt64 = 0
        var activePoint: UInt64 = 0
        var constraintMicroseconds: UInt64 = 0
        var latencyMicroseconds: UInt64 = 0
        var histogram: [UInt64]

        var dropped: UInt64 { drops.late &+ drops.full &+ drops.refused &+ drops.timedOut }
    }

    /// Frames, and images of requests, that never ran, by reason.
    struct Drops: Equatable {
        /// They had waited until they were late, or could only be late.
        var late: UInt64 = 0
        /// Newer ones took the room to wait.
        var full: UInt64 = 0
        /// Requests beyond those that may wait.
        var refused: UInt64 = 0
        /// Requests whose own time was over.
        var timedOut: UInt64 = 0
    }

    let frames = Atomic<UInt64>(0)
    let late = Atomic<UInt64>(0)
    let full = Atomic<UInt64>(0)
    let refused = Atomic<UInt64>(0)
    let timedOut = Atomic<UInt64>(0)
    let violations = Atomic<UInt64>(0)
    let labelled = Atomic<UInt64>(0)
    let correct = Atomic<UInt64>(0)
    /// Accuracies of the operating points that frames ran at, in millionths, added up over the frames.
    let expectedMillionths = Atomic<UInt64>(0)
    let switches = Atomic<UInt64>(0)
    let activePoint = Atomic<UInt64>(0)
    let constraintMicroseconds = Atomic<UInt64>(0)
    /// Of all frames together.
    let latencyMicroseconds = Atomic<UInt64>(0)
    private let buckets: AtomicCounts

    init(bucketCount: Int) { buckets = AtomicCounts(count: bucketCount) }

    @inline(__always)
    func count(bucket: Int) { buckets.increment(bucket) }

    func snapshot() -> Snapshot {
        Snapshot(
            frames: frames.load(ordering: .relaxed), drops: drops(),
            violations: violations.load(ordering: .relaxed), labelled: labelled.load(ordering: .relaxed),
            correct: correct.load(ordering: .relaxed),
            expectedMillionths: expectedMillionths.load(ordering: .relaxed),
            switches: switches.load(ordering: .relaxed),
            activePoint: activePoint.load(ordering: .relaxed),
            constraintMicroseconds: constraintMicroseconds.load(ordering: .relaxed),
            latencyMicroseconds: latencyMicroseconds.load(ordering: .relaxed), histogram: buckets.values())
    }

    private func drops() -> Drops {
        Drops(
            late: late.load(ordering: .relaxed), full: full.load(ordering: .relaxed),
            refused: refused.load(ordering: .relaxed), timedOut: timedOut.load(ordering: .relaxed))
    }
}

/// A fixed row of counters.
///
/// @unchecked because the pointer leads to atomics that live as long as the object.
final class AtomicCounts: @unchecked Sendable {
    private let base: UnsafeMutablePointer<Atomic<UInt64>>
    private let count: Int

    init(count: Int) {
        self.count = count
        base = .allocate(capacity: count)
        for index in 0..<count { (base + index).initialize(to: Atomic(0)) }
    }

    deinit {
        base.deinitialize(count: count)
        base.deallocate()
    }

    @inline(__always)
    func increment(_ index: Int) { add(1, to: index) }

    @inline(__always)
    func add(_ number: UInt64, to index: Int) {
        precondition(index >= 0 && index < count, "counter \(index) of \(count)")
        base[index].wrappingAdd(number, ordering: .relaxed)
    }

    func values() -> [UInt64] { (0..<count).map { base[$0].load(ordering: .relaxed) } }
}
