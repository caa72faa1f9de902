/// What the hooks of one model did in one window: gates that leave out what an input does not need.
public struct HookTelemetry: Equatable, Codable, Sendable {
    public enum State: UInt32, Codable, Sendable, CaseIterable {
        /// Gates decide and do not learn.
        case deciding = 1
        /// Gates decide and learn.
        case learning
        /// Gates decide; learning waits until the board is cool and has time.
        case resting
        /// The file of the hooks cannot be used: the plain network answers.
        case refused
    }

    /// One kind of decision.
    public struct Kind: Equatable, Codable, Sendable {
        /// As the hooks' file names it.
        public var name: String
        /// Decisions that left something out, and how many that could have.
        public var taken: UInt64
        public var possible: UInt64

        public init(name: String, taken: UInt64, possible: UInt64) {
            (self.name, self.taken, self.possible) = (name, taken, possible)
        }
    }

    /// How much of what one step of the network computes is zero.
    public struct StepZeros: Equatable, Codable, Sendable {
        public var step: String
        /// 0...1
        public var share: Double

        public init(step: String, share: Double) { (self.step, self.share) = (step, share) }
    }

    public var state: State
    /// Damage to be put up with, 0...1, at the end of the window; `nil` where the active point runs without hooks.
    public var budget: Double?
    public var kinds: [Kind]
    /// By the learner since its start.
    public var samples: UInt64
    public var trainings: UInt32
    /// Of them, trainings after which a gate failed its validation.
    public var failedTrainings: UInt32
    /// Frames from one sample to the next.
    public var samplingInterval: UInt32
    /// Why the file is refused, or the learner cannot save what it learned; empty otherwise.
    public var reason: String
    /// Share of zeros among the values of all steps' maps, 0...1, on sampled frames since the start; `nil` before the
    /// first.
    public var zeroShare: Double?
    /// The steps with the largest shares, falling; `nil` before the first sampled frame.
    public var zeros: [StepZeros]?

    public static let kindLimit = 8
    public static let nameBytes = 16
    public static let reasonBytes = 200
    public static let zeroStepLimit = 4
    public static let stepBytes = 40

    public init(
        state: State, budget: Double? = nil, kinds: [Kind] = [], samples: UInt64 = 0, trainings: UInt32 = 0,
        failedTrainings: UInt32 = 0, samplingInterval: UInt32 = 0, reason: String = "",
        zeroShare: Double? = nil, zeros: [StepZeros]? = nil
    ) {
        (self.zeroShare, self.zeros) = (zeroShare, zeros)
        (self.state, self.budget, self.kinds) = (state, budget, kinds)
        (self.samples, self.trainings, self.failedTrainings) = (samples, trainings, failedTrainings)
        (self.samplingInterval, self.reason) = (samplingInterval, reason)
    }
}

extension HookTelemetry.Kind {
    /// 0...1; `nil` where nothing could be left out.
    public var skipRatio: Double? { possible == 0 ? nil : Double(taken) / Double(possible) }
}
