/// Chooses the operating points of all models that share one processor, frame by frame: the runtime manager of
/// Dynamic-OFA (Lou et al., CVPRW 2021, section 3.3) for several models at once.
///
/// At the speed just seen it takes the points that the coordinator prefers, while these fit, and from there, or from
/// the lowest points if that ends higher, the steps of most priority-weighted accuracy per processor time (the greedy
/// steps of the multiple choice knapsack), until
///
///     sum of run time x frames per second               <=  headroom
///     its run                                           <=  latencyShare x its constraint      for every model
///     its run, as long as runs get                      <=  its constraint
///     sum over others of frames per second
///         x (their run - what its run leaves of that)   <=  allowanceShare x (1 - percentile),
///                                                           switches / its frames per second
///
/// How long runs get is told by how much they differ from one to the next: a point that is kept by the median alone
/// would be tried again and again. A frame waits for the run in progress and for what arrived with it; the last sum is
/// the share of frames for which that run lasts longer than they can wait, where streams do not keep step. So a
/// constraint that every frame must keep leaves room for the longest other run, and one of the 95th percentile for
/// what is met in 19 of 20 cases, as far as there are switches to run such frames lower. What the lowest points lose to
/// another's run is lost to every plan: one that loses no more frames may have others run lower beside them, as far as
/// there are switches there and back (`bears`), and what is missed among runs at the lowest points says nothing.
///
/// The plan falls as soon as one of these no longer holds by a margin, or more frames are missed than the percentile
/// allows, or three in a row; it rises after a quiet while. A rise is on trial: small points look undisturbed beside a
/// competing program and without one, so that only trying tells when it has ended. One that fails is taken back at the
/// first sign, the next waits longer, and goes one point at a time until one holds.
/// A clock that is held down, as sensors tell it, counts as seen: the plan falls before frames are late.
/// Frames that can only be late are given up where they would make others late (`isHopeless`). Misses beyond the
/// allowance shrink the headroom, quiet restores it. Between two plans, a frame that would miss its deadline, or make
/// one that waits miss it, runs at a lower point. Switching costs nothing, but a camera's user sees it: when the
/// switches of the board, or of a model that has a limit of its own, are used up, the plan itself falls to that point,
/// or that of a less important model, if its runs then leave as much time (`cheapestRelief`), and rises when there are
/// switches again. A fall is never put off; where a model's own limit is used up, no frame
/// rises before a switch has been earned, so that it is broken by no more than the points to fall by. A model in
/// `steps` mode goes one point at a time, and falls by one with every frame that comes, run or dropped; one in `lookUp`
/// mode goes to its point at once.
///
/// Runs on the inference path: no allocation after `init`, no lock.
public struct BoardManager: Sendable {
    /// How a model moves to the point that the plan gives it.
    public enum Mode: String, Sendable, CaseIterable, Decodable { case lookUp, steps }

    public struct Settings: Equatable, Sendable {
        /// Highest share of the processor's time that a plan may take, 0...1.
        public var headroom = 0.92
        /// Misses shrink the headroom to no less than this.
        public var leastHeadroom = 0.4
        public var latencyShare = 0.92
        /// Share of the frames that a percentile lets be late which a plan may expect to be; the rest is for surprises.
        public var allowanceShare = 0.5
        /// A stream of which so many frames have not come is not waited for.
        public var silentFrames = 4.0
        /// Misses in a row that no percentile excuses.
        public var missesInRow = 3
        /// Misses that a model may save up while it has none, as seconds of what its percentile allows.
        public var savedSeconds = 2.0
        /// A plan is left when the load exceeds the headroom, or a run and the longest other one the share of their
        /// constraint, by this factor; it is taken when the load is below the headroom by as much.
        public var margin = 1.06
        /// What the lasting speed is a mean of, where that is more than two dozen frames.
        public var memoryMilliseconds = 120.0
        /// After a pause as long as this, a faster run counts for the lasting speed as much as all before it.
        public var agingMilliseconds = 2_000.0
        /// Plans do not fall more often than this.
        public var settleMilliseconds = 25.0
        /// Quiet time before the plan rises; doubles after every rise that did not last, and shrinks to a third after
        /// one that did. A rise is on trial for as long as it waited, and at least so long.
        public var climbMilliseconds = 350.0
        public var longestClimbMilliseconds = 3_000.0
        public var shortestClimbMilliseconds = 200.0
        /// On trial, a frame that took this share of its constraint, and this many times what was expected of it and
        /// the longest other run, tells that the rise was too high: if it or the run before took this much longer than
        /// at the rise. Else frames have met, which says nothing of the board.
        public var strainShare = 0.7
        public var strainFactor = 1.3
        public var strainSlowdown = 1.2
        /// A rise that brings less than this share of the possible value waits for the longest quiet time.
        public var gain = 0.001
        /// From this temperature on, or this share of the last 10 s in which programs waited for memory, in per cent,
        /// plans do not rise and take `strainedShare` of the headroom: before the chip throttles, or the board swaps.
        public var hottestCelsius = 85.0
        public var highestMemoryPressure = 10.0
        public var strainedShare = 0.75
        /// A clock this little below that of the measurements is as good as it: sensors and governors waver.
        public var clockSlack = 1.05
        /// Changes of point of all models together, on average, and how many may be saved up.
        public var switchesPerSecond = 0.8
        public var savedSwitches = 4.0
        /// How long a plan keeps below a point whose frames had to run lower more often than switches were left for;
        /// doubles each time up to the longest.
        public var ceilingMilliseconds = 8_000.0
        public var longestCeilingMilliseconds = 64_000.0
        /// Frames that have to run lower within this time are of one burst, which tells no more than its first frame.
        public var burstMilliseconds = 250.0
        /// A board this many times faster than then has no need to.
        public var ceilingRelief = 1.25

        public init() {}
    }

    /// One model that may come to the board.
    public struct Model: Sendable {
        public var framesPerSecond: Double
        public var mode: Mode
        /// Run times on the idle board, fastest first.
        public var idleMilliseconds: [Double]
        /// Rises with the run times.
        public var accuracies: [Double]
        /// Of each point the higher one that brings most for the processor time that it takes.
        var bestSteps: [Int] = []

        public init(
            framesPerSecond: Double, mode: Mode = .lookUp, idleMilliseconds: [Double], accuracies: [Double]
        ) {
            self.framesPerSecond = framesPerSecond
            self.mode = mode
            self.idleMilliseconds = idleMilliseconds
            self.accuracies = accuracies
        }
    }

    /// What the board's sensors tell; `nil` where it has none.
    public struct Conditions: Equatable, Sendable {
        public var temperatureCelsius: Double?
        /// Linux's pressure stall information of memory (`some avg10`), 0...100.
        public var memoryPressure: Double?
        /// How much longer runs take at the clock that the processors are held to than they did when points were
        /// measured; 1 at the same clock.
        public var clockSlowdown: Double?
        /// Whether the chip has just throttled itself.
        public var isThrottled: Bool?

        public init(
            temperatureCelsius: Double? = nil, memoryPressure: Double? = nil, clockSlowdown: Double? = nil,
            isThrottled: Bool? = nil
        ) {
            self.temperatureCelsius = temperatureCelsius
            self.memoryPressure = memoryPressure
            self.clockSlowdown = clockSlowdown
            self.isThrottled = isThrottled
        }
    }

    /// What the coordinator asks of a model; see `ModelAssignment`.
    public struct Envelope: Equatable, Sendable {
        /// From a frame's arrival to its result; infinite where nothing is asked.
        public var constraintMilliseconds: Double
        /// Of frames that keep it, 0...100.
        public var percentile: Double
        public var priority: Int
        public var lowest: Int
        public var highest: Int
        /// Changes of the model's point, on average. Falls are never put off, rises pay for them.
        public var switchesPerMinute: Double
        /// What the coordinator chose for the idle board.
        public var preferred: Int?

        public init(
            constraintMilliseconds: Double, percentile: Double, priority: Int, lowest: Int, highest: Int,
            preferred: Int? = nil, switchesPerMinute: Double = .infinity
        ) {
            self.constraintMilliseconds = constraintMilliseconds
            self.percentile = percentile
            self.priority = priority
            self.lowest = lowest
            self.highest = highest
            self.preferred = preferred
            self.switchesPerMinute = switchesPerMinute
        }
    }

    struct Entry {
        var isPresent = false
        var envelope = Envelope(constraintMilliseconds: .infinity, percentile: 100, priority: 1, lowest: 0, highest: 0)
        var planned = 0
        var candidate = 0
        /// Run time of the candidate at the speed that is planned for.
        var length = 0.0
        /// Share of frames that wait too long for others' runs at the candidates.
        var late = 0.0
        /// Of them those that wait too long for its lowest point, too.
        var lost = 0.0
        /// How long frames can wait there.
        var mostRoom = 0.0
        /// Share of frames that wait too long where all run at their lowest points.
        var leastLate = 0.0
        /// What the last rise left.
        var before = 0
        /// The highest point that the candidate may still rise to.
        var limit = 0
        /// The candidate of a plan that began otherwise.
        var other = 0
        /// Where the model's last frame ran; -1 before the first.
        var lastPoint = -1
        /// Frames that came since and never ran.
        var passed = 0
        /// What the model's own limit still leaves.
        var switches = SwitchCount()
        var spread = RunSpread()
        /// Standard deviations within which as many of its runs are to lie as have to keep the constraint; the part
        /// of the others that a plan may expect to be late is for waiting.
        var deviations = 0.0
        /// Share of its constraint that its run may be expected to take.
        var latencyShare = 0.0
        /// When the newest frame came of those that were decided about.
        var lastArrival = -Double.infinity
        /// How far arrivals are from a regular beat, as a share of the time between two.
        var irregularity = 0.25
        /// Whether the stream keeps a beat, is not known to meet others, and can afford the miss that a trial may cost.
        var mayTrust: Bool {
            !isPresent || (envelope.preferred != nil && irregularity < 0.05 && lowered < 0.002 && credit >= 1)
        }
        /// Misses that the percentile still excuses.
        var credit = 0.0
        var missesInRow = 0
        /// Share of the last frames that had to run lower than planned.
        var lowered = 0.0
        /// The highest point that a plan may take until then, and for how long the next such is.
        var ceiling = Int.max
        var ceilingEnds = 0.0
        /// When one of its frames had to run lower without switches left to come back with.
        var shortAt = -Double.infinity
        /// How slow the board was then.
        var ceilingSlowdown = 1.0
        var ceilingLength = 0.0
        /// Of frames that a plan may expect to be late.
        var allowance: Double { isMostlyLowered ? 0 : max(0, 1 - envelope.percentile / 100) }
        /// Streams in step meet always or never; where they do, no percentile helps.
        var isMostlyLowered: Bool { lowered > 0.5 }
    }

    let settings: Settings
    let models: [Model]
    var entries: [Entry]
    var headroom: Double
    /// What the board's limit still leaves.
    var switches = SwitchCount()
    /// How much slower than idle the last few runs were, and the last few dozen.
    private var recent = 1.0
    private var lasting = 1.0
    private var lastSample = 1.0
    private var isMissing = false
    /// When the last run ended, and whether one was above its model's lowest point since the processor last had none.
    private var lastEnd = -Double.infinity
    private var hasRunHigher = false
    /// How much slower than at the measurements its clock lets the board be; 1 where nothing is known of it.
    private var clock = 1.0
    /// The board is too hot, throttles, or is short of memory.
    private var isBoardStrained = false
    var changedAt = -Double.infinity
    var roseAt = -Double.infinity
    var slowdownAtRise = 1.0
    /// The last change was a rise that nothing has spoken against.
    var isOnTrial = false
    /// The last rise failed.
    var isCautious = false
    var quietSince = 0.0
    var climbWait: Double
    var bold = BoldRises()
    /// Changes of any model's plan.
    public internal(set) var planChanges: UInt64 = 0

    /// - Precondition: every model has points, as many run times as accuracies.
    public init(settings: Settings = Settings(), models: [Model]) {
        precondition(
            models.allSatisfy { !$0.idleMilliseconds.isEmpty && $0.idleMilliseconds.count == $0.accuracies.count },
            "models have operating points")
        self.settings = settings
        self.models = models.map { model in
            var model = model
            model.bestSteps = model.idleMilliseconds.indices.map { model.bestStep(from: $0, upTo: .max) ?? $0 }
            return model
        }
        entries = Array(repeating: Entry(), count: models.count)
        headroom = settings.headroom
        climbWait = settings.climbMilliseconds
        switches.saved = settings.savedSwitches
    }

    /// The point that the plan gives to the model.
    public func plannedPoint(of model: Int) -> Int { entries[model].planned }
    /// How much slower than on the idle board the last runs were, or the clock makes the next ones.
    public var slowdown: Double { max(recent, lasting, clock) }
    /// What is surely so slow, for what cannot be taken back.
    var slowdownToCountOn: Double { max(min(recent, lasting), clock) * settings.margin }

    /// The model may run within this envelope from now on.
    /// - Precondition: the envelope lies within the model's points.
    public mutating func modelAssigned(_ model: Int, _ envelope: Envelope, atMilliseconds now: Double) {
        precondition(
            0 <= envelope.lowest && envelope.lowest <= envelope.highest
                && envelope.highest < models[model].accuracies.count, "\(envelope)")
        let isNew = !entries[model].isPresent
        let before = entries[model].planned
        entries[model] = Entry()
        (entries[model].isPresent, entries[model].envelope) = (true, envelope)
        entries[model].deviations = RunSpread.deviations(
            within: 1 - settings.allowanceShare * (1 - envelope.percentile / 100))
        noteSpread(of: model)
        entries[model].switches = SwitchCount(saved: envelope.switchesPerMinute, countedAt: now)
        entries[model].planned = isNew ? envelope.lowest : min(max(before, envelope.lowest), envelope.highest)
        bold = BoldRises()
        plan(headroom: headroom, slowdown: slowdown)
        adopt(at: now)
    }

    public mutating func modelWithdrawn(_ model: Int, atMilliseconds now: Double) {
        entries[model].isPresent = false
        bold = BoldRises()
        plan(headroom: headroom, slowdown: slowdown)
        adopt(at: now)
    }

    public mutating func conditionsChanged(_ conditions: Conditions, atMilliseconds now: Double) {
        isBoardStrained =
            conditions.temperatureCelsius ?? 0 >= settings.hottestCelsius
            || conditions.memoryPressure ?? 0 >= settings.highestMemoryPressure || conditions.isThrottled == true
        headroom = min(headroom, highestHeadroom)
        let clock = conditions.clockSlowdown ?? 1
        self.clock = clock.isFinite && clock > settings.clockSlack ? clock : 1
        // Before a frame is late for it.
        let slowdown = slowdown
        if self.clock > 1, !holds(slowdown: slowdown, headroom: headroom) { fall(slowdown: slowdown, at: now) }
    }

    var highestHeadroom: Double { settings.headroom * (isBoardStrained ? settings.strainedShare : 1) }

    private mutating func fall(slowdown: Double, at now: Double) {
        let wasBold = bold.fell(slowdown, settings)
        plan(headroom: headroom / settings.margin, slowdown: slowdown)
        // What another model loses, none gains on the way down: that would only be taken back.
        for index in entries.indices {
            let (entry, isStepping) = (entries[index], models[index].mode == .steps)
            entries[index].candidate = min(
                max(entry.candidate, isStepping ? entry.planned - 1 : 0, entry.envelope.lowest), entry.planned)
        }
        if isOnTrial, wasBold {
            returnToBefore()
        } else if isOnTrial {
            for index in entries.indices {
                entries[index].candidate = min(
                    entries[index].candidate, max(entries[index].before, entries[index].envelope.lowest))
            }
            isCautious = true
            climbWait = min(2 * max(climbWait, settings.climbMilliseconds), settings.longestClimbMilliseconds)
        } else if now - roseAt < settings.longestClimbMilliseconds {
            // It held for a while only.
            climbWait = settings.longestClimbMilliseconds
        }
        isOnTrial = false
        guard entries.contains(where: { $0.isPresent && $0.candidate != $0.planned }) else { return }
        adopt(at: now)
    }

    /// Frames that the lasting speed is a mean of: two dozen, or those of so many milliseconds where there are more,
    /// lest a slice that the scheduler gave to somebody else passes for a load.
    private var memory: Double {
        var rate = 0.0
        for (model, entry) in zip(models, entries) where entry.isPresent { rate += model.framesPerSecond }
        return max(24, rate * settings.memoryMilliseconds / 1_000)
    }

    /// What a sample counts for the lasting speed. Of streams so slow that two dozen frames are long past, a faster run
    /// tells that the board is free again; a slower one may be the only one.
    private func weight(of sample: Double, at now: Double) -> Double {
        let pause = max(0, min(now - lastEnd, 1e9))
        let aged = sample < lasting ? pause / (pause + settings.agingMilliseconds) : 0
        return max(1 / memory, aged)
    }

    mutating func adopt(at now: Double) {
        for index in entries.indices where entries[index].planned != entries[index].candidate {
            entries[index].planned = entries[index].candidate
            planChanges += 1
        }
        (changedAt, quietSince) = (now, now)
    }
}

extension BoardManager: PointPolicy {
    /// The point at which this frame keeps its deadline, and leaves those that wait the time for theirs; never above
    /// the plan. Where there is none, and others wait, it may be given up.
    public mutating func point(
        for frame: DeadlineQueue.Frame, queue: borrowing DeadlineQueue, atMilliseconds now: Double
    ) -> Int? {
        noteArrival(of: frame)
        entries[frame.model].lastArrival = max(entries[frame.model].lastArrival, frame.arrival)
        if frame.arrival >= lastEnd { hasRunHigher = false }
        if isHopeless(frame, queue: queue, at: now) {
            entries[frame.model].passed += 1
            missed(frame.model)
            return nil
        }
        let slowdown = slowdown
        let shortest = shortestRun(of: frame.model, slowdown)
        let room = min(
            frame.deadline - now,
            queue.longestRun(from: now, least: shortest) { shortestRun(of: $0, slowdown) })
        let entry = entries[frame.model]
        let (least, most) = pointsInReach(of: frame.model)
        var point = most
        while point > least,
            models[frame.model].idleMilliseconds[point] * slowdown * settings.margin > room
        { point -= 1 }
        entries[frame.model].lowered += ((point < entry.planned ? 1 : 0) - entry.lowered) / 64
        if point < entry.planned, bold.isTrusting {
            takeBack(at: now)
            point = min(point, entries[frame.model].planned)
        }
        // There and back.
        if point < entries[frame.model].planned, now - entry.shortAt >= settings.burstMilliseconds,
            !maySwitch(frame.model, 2, at: now)
        {
            entries[frame.model].shortAt = now
            stay(below: cheapestRelief(of: frame.model), at: now)
        }
        // What keeps its deadline at the last frame's point does not leave that without a switch to do so with.
        if entry.lastPoint >= 0, point > entry.lastPoint, !mayRise(frame.model, at: now) { point = entry.lastPoint }
        count(point, of: frame.model)
        if point > entry.envelope.lowest { hasRunHigher = true }
        return point
    }

    private mutating func noteArrival(of frame: DeadlineQueue.Frame) {
        let beats = (frame.arrival - entries[frame.model].lastArrival) * models[frame.model].framesPerSecond / 1_000
        guard beats.isFinite, beats > 0 else { return }
        let off = min(0.5, abs(beats - max(1, beats.rounded())))
        entries[frame.model].irregularity += (off - entries[frame.model].irregularity) / 16
    }

    /// Where the next frame may run: from the lowest point to the plan's, in `steps` mode next to the last frame's.
    /// What never ran has taken its step downwards, too: where most frames are dropped, few are left to fall with.
    private func pointsInReach(of model: Int) -> (least: Int, most: Int) {
        let entry = entries[model]
        let (least, most) = (entry.envelope.lowest, entry.planned)
        guard models[model].mode == .steps, entry.lastPoint >= 0 else { return (least, most) }
        let reached = max(least, min(entry.lastPoint + 1, most))
        return (min(max(least, entry.lastPoint - 1 - entry.passed), reached), reached)
    }

    public mutating func framesDropped(_ model: Int, count: Int, atMilliseconds now: Double) {
        entries[model].passed += min(count, 1_000)
        for _ in 0..<min(count, 1_000) { missed(model) }
    }

    /// Notes a miss, and whether the percentile excuses it. One that no plan would have spared says nothing of this
    /// one.
    private mutating func missed(_ model: Int) {
        guard hasRunHigher || !missesAtLowest(model, slowdown: slowdown) else { return }
        entries[model].missesInRow += 1
        let isExcused =
            !bold.isTrusting && entries[model].credit >= 1 && entries[model].missesInRow < settings.missesInRow
        entries[model].credit = max(0, entries[model].credit - 1)
        if !isExcused { isMissing = true }
    }

    private mutating func kept(_ model: Int) {
        entries[model].missesInRow = 0
        let allowed = max(0, 1 - entries[model].envelope.percentile / 100)
        let most = max(1, allowed * models[model].framesPerSecond * settings.savedSeconds)
        entries[model].credit = min(most, entries[model].credit + allowed * settings.allowanceShare)
    }

    public mutating func frameCompleted(
        _ frame: DeadlineQueue.Frame, point: Int, serviceMilliseconds: Double, atMilliseconds now: Double
    ) {
        let sample = serviceMilliseconds / models[frame.model].idleMilliseconds[point]
        let longest = max(sample, lastSample)
        if sample.isFinite, sample > 0 {
            entries[frame.model].spread.add(sample)
            noteSpread(of: frame.model)
            // One run that was held up says nothing yet; two do.
            recent += (min(sample, lastSample) - recent) * 0.5 * min(1, 24 / memory)
            lasting += (sample - lasting) * weight(of: sample, at: now)
            lastSample = sample
        }
        lastEnd = now
        if now > frame.deadline { missed(frame.model) } else { kept(frame.model) }
        let isMissed = isMissing
        isMissing = false
        if isMissed {
            (quietSince, bold.troubledAt) = (now, now)
            headroom = max(settings.leastHeadroom, headroom * 0.97)
        } else {
            headroom += (highestHeadroom - headroom) * 0.002
        }
        let slowdown = slowdown
        if isMissed || isStrained(frame, point: point, slowdown: longest, at: now)
            || !holds(slowdown: slowdown, headroom: headroom)
        {
            guard now - changedAt >= settings.settleMilliseconds else { return }
            fall(slowdown: slowdown, at: now)
        } else if !isBoardStrained, now - max(quietSince, changedAt) >= (mayTry ? climbWait : 2 * climbWait) {
            climb(slowdown: slowdown, at: now)
        }
    }
}
