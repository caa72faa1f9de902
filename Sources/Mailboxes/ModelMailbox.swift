package import FleetModel
import Synchronization

/// Hands a model's envelope from the agent to the thread that runs the model, without a lock.
///
/// Two words, written one after the other and read in the other order: the constraint in microseconds (32 bits), the
/// lowest and highest point (8 each), and a mark (16); the percentile in thousandths (17), the switches per minute (15,
/// zero for no limit), the priority (8), and the mark. The mark is of the posting, so that a change to the same values
/// is seen too, and words of different marks are no envelope: the reader keeps its last one, and looks again at its
/// next frame.
package struct ModelMailbox: ~Copyable, Sendable {
    package struct Envelope: Equatable {
        package var latencyMicroseconds: UInt32
        package var percentileThousandths: UInt32
        package var priority: UInt8
        package var lowest: UInt8
        package var highest: UInt8
        package var preferred: UInt8
        /// Zero for no limit.
        package var switchesPerMinute: UInt16
        package var mark: UInt16

        /// The last assignment does not speak of the model: it is bound by nothing.
        package var isWithdrawn: Bool { latencyMicroseconds == 0 }
    }

    package init() {}

    private let first = Atomic<UInt64>(0)
    private let second = Atomic<UInt64>(0)

    /// `nil` until something was posted, and while something is.
    package func read() -> Envelope? {
        let (first, second) = (first.load(ordering: .acquiring), second.load(ordering: .acquiring))
        guard first != 0, UInt16(truncatingIfNeeded: first) == UInt16(truncatingIfNeeded: second) else { return nil }
        return Envelope(
            latencyMicroseconds: UInt32(truncatingIfNeeded: first >> 32),
            percentileThousandths: UInt32(truncatingIfNeeded: second >> 47),
            priority: UInt8(truncatingIfNeeded: second >> 24),
            lowest: UInt8(truncatingIfNeeded: first >> 24), highest: UInt8(truncatingIfNeeded: first >> 16),
            preferred: UInt8(truncatingIfNeeded: second >> 16),
            switchesPerMinute: UInt16(second >> 32 & 0x7FFF), mark: UInt16(truncatingIfNeeded: first))
    }

    /// Nothing is asked of the model any more. All ones in the lower half keep the word from being empty.
    package func withdraw() {
        second.store(UInt64(UInt32.max), ordering: .releasing)
        first.store(UInt64(UInt32.max), ordering: .releasing)
    }

    /// - Parameter number: of this posting; another than that of the one before.
    /// - Precondition: the points are below `FleetLimits.pointsPerModel`, the latency above zero.
    package func post(_ assignment: ModelAssignment, number: UInt64) {
        let microseconds = UInt64(min(max(assignment.latency.milliseconds * 1_000, 1), Double(UInt32.max)))
        let thousandths = UInt64(min(max(assignment.latency.percentile, 0), 100) * 1_000)
        let points = [assignment.lowestPoint, assignment.highestPoint, assignment.preferredPoint]
        precondition(points.allSatisfy { (0..<FleetLimits.pointsPerModel).contains($0) }, "points \(points)")
        let mark = number & 0xFFFF
        let priority = UInt64(UInt8(clamping: assignment.priority))
        // Less than a whole one would be no limit.
        let switches = UInt64(min(max(assignment.switchesPerMinute?.rounded() ?? 0, 0), 0x7FFF))
        second.store(
            thousandths << 47 | switches << 32 | priority << 24 | UInt64(points[2]) << 16 | mark, ordering: .releasing)
        first.store(
            microseconds << 32 | UInt64(points[0]) << 24 | UInt64(points[1]) << 16 | mark, ordering: .releasing)
    }
}
