/// Chooses the operating points of all models that share one processor, frame by frame.
///
/// Where `RuntimeManager` guards one model, this shrinks and grows all of them together: at the speed just seen it
/// takes the points whose priority-weighted accuracy per processor time is best (the greedy steps of the multiple
/// choice knapsack) until
///
///     sum of run time x frames per second  <=  headroom        for every model: its run + the longest other run
///                                                              <=  latencyShare x its constraint
///
/// because a frame waits for the run in progress and for what arrived with it. The plan falls as soon as one of the two
/// no longer holds by a margin; it rises after a quiet while, and waits longer after a rise that had to be taken back.
/// Misses shrink the headroom, quiet restores it. Between two plans, a frame that would miss its deadline, or make one
/// that waits miss it, runs at a lower point: switching costs nothing.
///
/// Runs on the inference path: no allocation after `init`, no lock.
public struct BoardManager: Sendable {
    public struct Settings: Equatable, Sendable {
        /// Highest share of the processor's time that a plan may take, 0...1.
        public var headroom = 0.92
        /// Misses shrink the headroom to no less than this.
        public var leastHeadroom = 0.4
        public var latencyShare = 0.92
        /// A plan is left when the load exceeds the headroom, or a run and the longest other one the share of their
        /// constraint, by this factor; it is taken when the load is below the headroom by as much.
        public var margin = 1.06
        /// Plans do not fall more often than this.
        public var settleMilliseconds = 25.0
        /// Quiet time before the plan rises; doubles after every rise that did not last.
        public var climbMilliseconds = 350.0
        public var longestClimbMilliseconds = 3_000.0
        /// A rise must bring this share of the possible value.
        public var gain = 0.001

        public init() {}
    }

    /// One model that may come to the board.
    public struct Model: Sendable {
        public var framesPerSecond: Double
        public var priority: Int
        public var constraintMilliseconds: Double
        /// Run times on the idle board, fastest first.
        public var idleMilliseconds: [Double]
        /// Rises with the run times.
        public var accuracies: [Double]

        public init(
            framesPerSecond: Double, priority: Int, constraintMilliseconds: Double, idleMilliseconds: [Double],
            accuracies: [Double]
        ) {
            self.framesPerSecond = framesPerSecond
            self.priority = priority
            self.constraintMilliseconds = constraintMilliseconds
            self.idleMilliseconds = idleMilliseconds
            self.accuracies = accuracies
        }
    }

    private struct Entry {
        var isPresent = false
        var lowest = 0
        var highest = 0
        var planned = 0
        var candidate = 0
    }

    private let settings: Settings
    private let models: [Model]
    private var entries: [Entry]
    private var headroom: Double
    /// How much slower than idle the last few runs were, and the last few dozen.
    private var recent = 1.0
    private var lasting = 1.0
    private var changedAt = -Double.infinity
    private var roseAt = -Double.infinity
    private var quietSince = 0.0
    private var climbWait: Double

    /// - Precondition: every model has points, as many run times as accuracies.
    public init(settings: Settings = Settings(), models: [Model]) {
        precondition(
            models.allSatisfy { !$0.idleMilliseconds.isEmpty && $0.idleMilliseconds.count == $0.accuracies.count },
            "models have operating points")
        self.settings = settings
        self.models = models
        entries = Array(repeating: Entry(), count: models.count)
        headroom = settings.headroom
        climbWait = settings.climbMilliseconds
    }

    /// The point that the plan gives to the model.
    public func plannedPoint(of model: Int) -> Int { entries[model].planned }

    /// The model may run within this envelope from now on.
    /// - Precondition: the envelope lies within the model's points.
    public mutating func modelAssigned(_ model: Int, lowest: Int, highest: Int, atMilliseconds now: Double) {
        precondition(
            0 <= lowest && lowest <= highest && highest < models[model].accuracies.count, "\(lowest)...\(highest)")
        let isNew = !entries[model].isPresent
        (entries[model].isPresent, entries[model].lowest, entries[model].highest) = (true, lowest, highest)
        entries[model].planned = isNew ? lowest : min(max(entries[model].planned, lowest), highest)
        plan(headroom: headroom, slowdown: max(recent, lasting))
        adopt(at: now)
    }

    public mutating func modelWithdrawn(_ model: Int, atMilliseconds now: Double) {
        entries[model].isPresent = false
        plan(headroom: headroom, slowdown: max(recent, lasting))
        adopt(at: now)
    }

    /// The point at which this frame keeps its deadline, and leaves those that wait the time for theirs; never above
    /// the plan.
    public func point(for frame: DeadlineQueue.Frame, queue: borrowing DeadlineQueue, atMilliseconds now: Double) -> Int
    {
        let slowdown = max(recent, lasting)
        var room = frame.deadline - now
        for other in models.indices {
            guard let deadline = queue.earliestDeadline(of: other) else { continue }
            let behind = Double(queue.waiting(of: other)) * models[other].idleMilliseconds[entries[other].lowest]
            room = min(room, deadline - now - behind * slowdown)
        }
        var point = entries[frame.model].planned
        while point > entries[frame.model].lowest,
            models[frame.model].idleMilliseconds[point] * slowdown * settings.margin > room
        { point -= 1 }
        return point
    }

    /// - Parameters:
    ///   - dropped: Frames of any model given up since the last call.
    ///   - now: Milliseconds of a clock that only rises.
    public mutating func frameCompleted(
        _ model: Int, point: Int, latencyMilliseconds: Double, serviceMilliseconds: Double, dropped: Int,
        atMilliseconds now: Double
    ) {
        let sample = serviceMilliseconds / models[model].idleMilliseconds[point]
        if sample.isFinite, sample > 0 {
            recent += (sample - recent) * 0.4
            lasting += (sample - lasting) / 24
        }
        let isMissed = latencyMilliseconds > models[model].constraintMilliseconds || dropped > 0
        if isMissed {
            quietSince = now
            headroom = max(settings.leastHeadroom, headroom * 0.97)
        } else {
            headroom += (settings.headroom - headroom) * 0.002
        }
        let slowdown = max(recent, lasting)
        if isMissed || !holds(slowdown: slowdown) {
            guard now - changedAt >= settings.settleMilliseconds else { return }
            fall(slowdown: slowdown, at: now)
        } else if now - max(quietSince, changedAt) >= climbWait {
            climb(slowdown: slowdown, at: now)
        }
    }

    private mutating func fall(slowdown: Double, at now: Double) {
        plan(headroom: headroom / settings.margin, slowdown: slowdown)
        // What another model loses, none gains on the way down: that would only be taken back.
        for index in entries.indices {
            entries[index].candidate = min(entries[index].candidate, entries[index].planned)
        }
        guard entries.contains(where: { $0.isPresent && $0.candidate != $0.planned }) else { return }
        if now - roseAt < climbWait { climbWait = min(2 * climbWait, settings.longestClimbMilliseconds) }
        adopt(at: now)
    }

    private mutating func climb(slowdown: Double, at now: Double) {
        quietSince = now
        if now - roseAt > 2 * climbWait { climbWait = max(climbWait / 2, settings.climbMilliseconds) }
        plan(headroom: headroom / settings.margin, slowdown: slowdown)
        var (gain, whole) = (0.0, 0.0)
        for (model, entry) in zip(models, entries) where entry.isPresent {
            gain += Double(model.priority) * (model.accuracies[entry.candidate] - model.accuracies[entry.planned])
            whole += Double(model.priority)
        }
        guard gain > settings.gain * whole else { return }
        roseAt = now
        adopt(at: now)
    }

    private mutating func adopt(at now: Double) {
        for index in entries.indices { entries[index].planned = entries[index].candidate }
        (changedAt, quietSince) = (now, now)
    }

    /// Whether the plan in force still fits at this speed.
    private mutating func holds(slowdown: Double) -> Bool {
        var load = 0.0
        for (model, entry) in zip(models, entries) where entry.isPresent {
            load += model.idleMilliseconds[entry.planned] * model.framesPerSecond / 1_000
        }
        guard load * slowdown <= headroom * settings.margin else { return false }
        // Else two frames that meet take turns at a lower point, as often as their streams meet.
        for index in entries.indices { entries[index].candidate = entries[index].planned }
        return keepsLatencies(slowdown: slowdown, share: settings.latencyShare * settings.margin)
    }

    /// Fills in the candidates: from the lowest points, the step of most value per time for as long as one fits.
    private mutating func plan(headroom: Double, slowdown: Double) {
        var load = 0.0
        for index in entries.indices {
            entries[index].candidate = entries[index].isPresent ? entries[index].lowest : entries[index].planned
            guard entries[index].isPresent else { continue }
            load += models[index].idleMilliseconds[entries[index].lowest] * models[index].framesPerSecond / 1_000
        }
        while true {
            var (best, highest, added) = (-1, 0.0, 0.0)
            for index in entries.indices
            where entries[index].isPresent && entries[index].candidate < entries[index].highest {
                let (model, point) = (models[index], entries[index].candidate)
                let time =
                    (model.idleMilliseconds[point + 1] - model.idleMilliseconds[point]) * model.framesPerSecond / 1_000
                let value = Double(model.priority) * (model.accuracies[point + 1] - model.accuracies[point])
                guard (load + time) * slowdown <= headroom, value > highest * max(time, 1e-9) else { continue }
                guard keepsLatencies(raising: index, slowdown: slowdown, share: settings.latencyShare) else { continue }
                (best, highest, added) = (index, value / max(time, 1e-9), time)
            }
            guard best >= 0 else { return }
            entries[best].candidate += 1
            load += added
        }
    }

    /// Whether every model's run and the longest other one fit this share of its constraint at the candidates, with
    /// this model one point above its own.
    private func keepsLatencies(
        raising raised: Int = -1, slowdown: Double, share: Double
    ) -> Bool {
        var (longest, second, owner) = (0.0, 0.0, -1)
        for index in entries.indices where entries[index].isPresent {
            let run = models[index].idleMilliseconds[entries[index].candidate + (index == raised ? 1 : 0)]
            if run > longest { (longest, second, owner) = (run, longest, index) } else { second = max(second, run) }
        }
        for index in entries.indices where entries[index].isPresent {
            let run = models[index].idleMilliseconds[entries[index].candidate + (index == raised ? 1 : 0)]
            let other = index == owner ? second : longest
            // A model that cannot keep its constraint even alone holds up no other.
            let least = models[index].idleMilliseconds[entries[index].lowest] * slowdown
            let limit = share * models[index].constraintMilliseconds
            if (run + other) * slowdown > limit, least <= limit || index == raised { return false }
        }
        return true
    }
}
