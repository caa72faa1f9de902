package import FleetModel
import Synchronization

/// Hands a model's envelope from the agent to the thread that runs the model, without a lock.
///
/// One word holds everything that must change together: the constraint in microseconds (32 bits), the lowest,
/// highest and preferred point (8 bits each), and the low bits of the generation, so that a change to the same
/// values is seen too.
package struct ModelMailbox: ~Copyable, Sendable {
    package struct Envelope: Equatable {
        package var latencyMicroseconds: UInt32
        package var lowest: UInt8
        package var highest: UInt8
        package var preferred: UInt8
        package var mark: UInt8

        /// The last assignment does not speak of the model: it is bound by nothing.
        package var isWithdrawn: Bool { latencyMicroseconds == 0 }
    }

    package init() {}

    private let word = Atomic<UInt64>(0)

    /// `nil` until something was posted.
    package func read() -> Envelope? {
        let value = word.load(ordering: .acquiring)
        guard value != 0 else { return nil }
        return Envelope(
            latencyMicroseconds: UInt32(truncatingIfNeeded: value >> 32),
            lowest: UInt8(truncatingIfNeeded: value >> 24),
            highest: UInt8(truncatingIfNeeded: value >> 16), preferred: UInt8(truncatingIfNeeded: value >> 8),
            mark: UInt8(truncatingIfNeeded: value))
    }

    /// Nothing is asked of the model any more. All ones in the lower half keep the word from being empty.
    package func withdraw() { word.store(UInt64(UInt32.max), ordering: .releasing) }

    /// - Precondition: the points are below `FleetLimits.pointsPerModel`, the latency above zero.
    package func post(_ assignment: ModelAssignment, generation: UInt64) {
        let microseconds = UInt64(min(max(assignment.latency.milliseconds * 1_000, 1), Double(UInt32.max)))
        let points = [assignment.lowestPoint, assignment.highestPoint, assignment.preferredPoint]
        precondition(points.allSatisfy { (0..<FleetLimits.pointsPerModel).contains($0) }, "points \(points)")
        word.store(
            microseconds << 32 | UInt64(points[0]) << 24 | UInt64(points[1]) << 16 | UInt64(points[2]) << 8
                | (generation & 0xFF), ordering: .releasing)
    }
}
