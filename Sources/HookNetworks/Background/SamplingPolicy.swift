/// What a board is like at the moment, as far as learning minds.
public struct BoardConditions: Equatable, Sendable {
    /// Share of the processors that other programs take, 0...1.
    public var load: Double
    /// Of the processor in degrees Celsius, where there is a sensor.
    public var temperature: Double?

    public init(load: Double = 0, temperature: Double? = nil) {
        self.load = load
        self.temperature = temperature
    }
}

/// Decides when to sample: not while the board is busy or hot, and the more seldom the less is learned from it.
public struct SamplingPolicy: Equatable, Sendable {
    public struct Limits: Equatable, Sendable {
        /// Load above which nothing is sampled or trained.
        public var load = 0.7
        /// Temperature above which nothing is sampled or trained.
        public var temperature = 80.0
        /// Most frames from one sample to the next.
        public var interval = 64
        /// Share by which the loss of a gate must have fallen for the samples to have been worth it.
        public var gain = 0.02

        public init() {}
    }

    public let limits: Limits
    /// Frames from one sample to the next.
    public private(set) var interval = 1

    public init(_ limits: Limits = Limits()) { self.limits = limits }

    public func mayWork(_ conditions: BoardConditions) -> Bool {
        conditions.load <= limits.load && (conditions.temperature ?? -.infinity) <= limits.temperature
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

/// Keeps a thread to its share of one processor.
struct ProcessorShare {
    /// 0...1
    let share: Double

    /// - Parameters:
    ///   - used: nanoseconds of processor time so far.
    ///   - elapsed: nanoseconds since the thread began.
    /// - Returns: nanoseconds to wait before it goes on.
    func wait(used: UInt64, elapsed: UInt64) -> UInt64 {
        let due = Double(used) / share
        return due > Double(elapsed) ? UInt64(due - Double(elapsed)) : 0
    }
}
