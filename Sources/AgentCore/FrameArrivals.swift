/// Frames that arrive at a fixed rate and wait in a bounded queue: which one is next, which were
/// overtaken. A value, so that the queue can be tested without a clock.
package struct FrameArrivals {
    /// Nanoseconds between frames.
    package let interval: UInt64
    /// Frames that may wait; older ones are dropped when more arrive.
    package let queueLimit: UInt64
    private let start: UInt64
    private var next: UInt64 = 0

    package struct Frame: Equatable {
        package var index: UInt64
        package var arrival: UInt64
        /// Frames that were given up since the last one.
        package var dropped: UInt64

        package init(index: UInt64, arrival: UInt64, dropped: UInt64) {
            self.index = index
            self.arrival = arrival
            self.dropped = dropped
        }
    }

    /// - Precondition: `framesPerSecond` is positive.
    package init(framesPerSecond: Double, queueLimit: Int, start: UInt64) {
        precondition(framesPerSecond > 0 && queueLimit > 0, "\(framesPerSecond) frames per second")
        interval = max(1, UInt64(1e9 / framesPerSecond))
        self.queueLimit = UInt64(queueLimit)
        self.start = start
    }

    /// When the next frame arrives or has arrived.
    package var nextArrival: UInt64 { start &+ next &* interval }

    /// Takes the oldest waiting frame that is still worth it; `nil` before the next arrival.
    @inline(__always)
    package mutating func take(at now: UInt64) -> Frame? {
        guard now >= nextArrival else { return nil }
        let newest = (now - start) / interval
        var dropped: UInt64 = 0
        if newest - next >= queueLimit {
            dropped = newest - next - queueLimit + 1
            next += dropped
        }
        let frame = Frame(index: next, arrival: nextArrival, dropped: dropped)
        next += 1
        return frame
    }
}
