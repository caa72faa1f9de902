import CAllocations
package import Engine
import Foundation
import SearchSpace
import Supernets

/// Switches at random between prepared plans, a frame after each switch, and compares every frame's output bit for
/// bit with that of the same plan in a session of its own.
package struct SwitchMeasurement {
    /// Duration of each switch, by the monotonic clock and including its reading.
    package private(set) var microseconds: [Double] = []
    /// Allocations of this thread while it switched and ran; `nil` where they cannot be counted.
    package private(set) var allocations: Int?
    package private(set) var wrongOutputs = 0
    /// Bytes of the one arena that all plans share.
    package let arenaBytes: Int

    package init(_ plans: [Plan], repeats: Int, seed: UInt64, threads: Int) {
        let session = Session(for: plans, threads: threads)
        arenaBytes = session.arenaBytes
        let images = TestImage.shared(by: plans)
        let expected = zip(plans, images).map { plan, image in
            let alone = Session(for: [plan])
            // The output lies in the session's arena.
            return withExtendedLifetime(alone) { Array(alone.run(plan, on: image.values)) }
        }
        let order = Self.order(of: plans.count, repeats: repeats, seed: seed)
        var nanoseconds = [UInt64](repeating: 0, count: repeats)
        ca_begin()
        for (run, index) in order.enumerated() {
            let start = PlanTimer.now()
            session.activate(plans[index])
            nanoseconds[run] = PlanTimer.now() - start
            if !Self.isSame(session.run(on: images[index].values), expected[index]) { wrongOutputs += 1 }
        }
        let count = Int(ca_count())
        allocations = ca_is_counting() == 0 ? nil : count
        microseconds = nanoseconds.map { Double($0) / 1e3 }
    }

    /// Plans to run, at random, never the same one twice in a row.
    private static func order(of count: Int, repeats: Int, seed: UInt64) -> [Int] {
        var generator = SeededGenerator(seed: seed)
        var last = 0
        return (0..<repeats).map { _ in
            last = (last + Int.random(in: 1..<max(2, count), using: &generator)) % count
            return last
        }
    }

    private static func isSame(_ output: UnsafeBufferPointer<Float>, _ expected: [Float]) -> Bool {
        guard let start = output.baseAddress, output.count == expected.count else { return false }
        return expected.withUnsafeBytes { memcmp(start, $0.baseAddress ?? UnsafeRawPointer(start), $0.count) == 0 }
    }
}
