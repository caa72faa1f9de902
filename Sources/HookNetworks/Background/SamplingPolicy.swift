public import Supernets

/// Decides when to sample: not while the board is busy or hot, and the more seldom the less is learned from it. A hot
/// board rests until it has cooled down, so that it does not swing around the limit.
public struct SamplingPolicy: Equatable, Sendable {
    public struct Limits: Equatable, Sendable {
        /// Load above which nothing is sampled or trained.
        public var load = 0.7
        /// Temperature above which nothing is sampled or trained.
        public var temperature = 80.0
        /// Degrees below the limit at which a board that was too hot has cooled down.
        public var cooling = 5.0
        /// Most frames from one sample to the next.
        public var interval = 64
        /// Share by which the loss of a gate must have fallen for the samples to have been worth it.
        public var gain = 0.02

        public init() {}
    }

    public let limits: Limits
    /// Frames from one sample to the next.
    public private(set) var interval = 1
    private var isHot = false

    public init(_ limits: Limits = Limits()) { self.limits = limits }

    public mutating func mayWork(_ conditions: BoardConditions) -> Bool {
        let limit = isHot ? limits.temperature - limits.cooling : limits.temperature
        isHot = (conditions.temperature ?? -.infinity) > limit
        return conditions.load <= limits.load && !isHot
    }

    /// Gates were trained again: their mean loss on samples held back, and what it was before.
    ///
    /// A loss that hardly falls any more doubles the interval; one that has risen speaks of a stream that has changed.
    public mutating func trained(loss: Double, before: Double?) {
        guard let before, before > 0 else { return }
        let gain = (before - loss) / before
        if gain < -2 * limits.gain {
            interval = 1
        } else if gain > limits.gain {
            interval = max(1, interval / 2)
        } else {
            interval = min(limits.interval, interval * 2)
        }
    }
}

/// Keeps a thread to its share of one processor, within a tenth of a second: time at rest is not made up for later.
struct ProcessorShare {
    /// Nanoseconds whose share may be saved up.
    static let window = 1e8

    /// 0...1
    let share: Double
    /// Nanoseconds of processor time beyond the share; below 0 what is saved up.
    private var debt = 0.0
    private var last: (used: UInt64, time: UInt64)?

    init(share: Double) { self.share = share }

    /// - Parameters:
    ///   - used: nanoseconds of processor time so far.
    ///   - now: nanoseconds of a clock.
    /// - Returns: nanoseconds to wait before it goes on.
    mutating func wait(used: UInt64, at now: UInt64) -> UInt64 {
        if let last { debt += Double(used - last.used) - share * Double(now - last.time) }
        last = (used, now)
        debt = max(debt, -share * Self.window)
        return debt > 0 ? UInt64(debt / share) : 0
    }
}
