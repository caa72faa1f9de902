/// How a plan rises, and what ends a rise that was too high.
extension BoardManager {
    mutating func climb(slowdown: Double, at now: Double) {
        quietSince = now
        if isOnTrial {
            (isOnTrial, isCautious) = (false, false)
            climbWait = max(min(climbWait, settings.climbMilliseconds) / 3, settings.shortestClimbMilliseconds)
        }
        for index in entries.indices {
            // What was too much beside a load is not once that has gone.
            let hasLightened = slowdown * settings.ceilingRelief < entries[index].ceilingSlowdown
            if hasLightened { entries[index].ceilingLength = 0 }
            if hasLightened || now >= entries[index].ceilingEnds { entries[index].ceiling = .max }
        }
        plan(headroom: headroom / settings.margin, slowdown: slowdown)
        if limitRise(at: now) {
            bold.isInForce = false
        } else {
            guard bold.mayRise(now, slowdown, changedAt, settings) else { return }
            let isTrusting = planBoldly(slowdown: slowdown)
            guard limitRise(at: now) else { return }
            (bold.isInForce, bold.isTrusting) = (true, isTrusting)
        }
        for index in entries.indices { entries[index].before = entries[index].planned }
        (isOnTrial, roseAt, slowdownAtRise) = (true, now, slowdown)
        adopt(at: now)
    }

    /// Holds the candidates to what may rise now, and says whether they bring enough.
    private mutating func limitRise(at now: Double) -> Bool {
        var (gain, whole) = (0.0, 0.0)
        for index in entries.indices where entries[index].isPresent {
            if models[index].mode == .steps || isCautious {
                entries[index].candidate = min(entries[index].candidate, entries[index].planned + 1)
            }
            if !maySwitch(index, 1, at: now) {
                entries[index].candidate = min(entries[index].candidate, entries[index].planned)
            }
            let (model, entry) = (models[index], entries[index])
            let change = model.accuracies[entry.candidate] - model.accuracies[entry.planned]
            gain += Double(entry.envelope.priority) * change
            whole += Double(entry.envelope.priority)
        }
        return gain > settings.gain * whole || (gain > 0 && now - changedAt >= settings.longestClimbMilliseconds)
    }

    /// Whether a frame took so long that a rise on trial was too high.
    /// - Parameter longest: how much slower than on the idle board its run was, or the one before.
    func isStrained(
        _ frame: DeadlineQueue.Frame, point: Int, slowdown longest: Double, at now: Double
    ) -> Bool {
        guard isOnTrial, frame.arrival >= roseAt, longest > settings.strainSlowdown * slowdownAtRise else {
            return false
        }
        let latency = now - frame.arrival
        let constraint = entries[frame.model].envelope.constraintMilliseconds
        guard latency > settings.strainShare * constraint else { return false }
        var other = 0.0
        for index in entries.indices where entries[index].isPresent && index != frame.model {
            other = max(other, models[index].idleMilliseconds[entries[index].planned])
        }
        let expected = (models[frame.model].idleMilliseconds[point] + other) * slowdownAtRise
        return latency > settings.strainFactor * expected
    }

    /// Trying costs a miss at times: whether every model can afford one.
    var mayTry: Bool {
        !isCautious || entries.allSatisfy { !$0.isPresent || $0.credit >= 1 }
    }

    /// Candidates that fit without a margin, or, if they are worth more, what the coordinator prefers, as far as the
    /// processor's time goes and every run keeps its constraint alone.
    /// - Returns: whether they are the latter: of streams that keep a beat, on a board as fast as the idle one.
    private mutating func planBoldly(slowdown: Double) -> Bool {
        plan(headroom: highestHeadroom, slowdown: slowdown)
        guard slowdown <= settings.margin, switches.saved >= settings.savedSwitches,
            entries.allSatisfy(\.mayTrust)
        else { return false }
        let value = worth
        for index in entries.indices { entries[index].other = entries[index].candidate }
        begin(slowdown: slowdown) { min(max($0.preferred ?? $0.lowest, $0.lowest), $0.highest) }
        let fits =
            load <= highestHeadroom
            && entries.allSatisfy {
                !$0.isPresent || $0.length <= $0.latencyShare * $0.envelope.constraintMilliseconds
            }
        if fits, worth > value { return true }
        for index in entries.indices { entries[index].candidate = entries[index].other }
        return false
    }

    /// Ends a rise beyond what is predicted to fit.
    mutating func takeBack(at now: Double) {
        bold.fell(slowdown, settings)
        returnToBefore()
        isOnTrial = false
        adopt(at: now)
    }

    /// The candidates are what was in force before the last rise: that was predicted to fit, and had.
    mutating func returnToBefore() {
        for index in entries.indices {
            entries[index].candidate = max(entries[index].before, entries[index].envelope.lowest)
        }
    }
}

/// Rises beyond what is predicted to fit, tried after a long quiet while.
///
/// Predictions keep a margin, and take streams for independent of each other. What the coordinator chose for the idle
/// board may lie within the margin, and streams that keep step may never meet: only trying tells.
struct BoldRises: Sendable {
    /// The last rise was such a one, and holds so far.
    var isInForce = false { didSet { if !isInForce { isTrusting = false } } }
    /// It trusts streams that keep step to go on missing each other: the first frame that has to run lower, or is
    /// missed, takes it back.
    var isTrusting = false
    /// When frames were missed last.
    var troubledAt = -Double.infinity
    /// Quiet time before one; doubles with each that failed.
    private var wait = 0.0
    /// How slow the board was when one failed.
    private var failedSlowdown = 1.0

    /// Whether it was quiet for long enough.
    mutating func mayRise(
        _ now: Double, _ slowdown: Double, _ changedAt: Double, _ settings: BoardManager.Settings
    ) -> Bool {
        // What was too much beside a load is not once that has gone.
        if slowdown * settings.ceilingRelief < failedSlowdown { wait = 0 }
        return now - max(changedAt, troubledAt) >= max(wait, settings.longestClimbMilliseconds)
    }

    /// - Returns: whether that ended one.
    @discardableResult
    mutating func fell(_ slowdown: Double, _ settings: BoardManager.Settings) -> Bool {
        guard isInForce else { return false }
        // Two streams that met once will again.
        let factor = isTrusting ? 6.0 : 2
        isInForce = false
        wait = min(factor * max(wait, settings.longestClimbMilliseconds), settings.longestCeilingMilliseconds)
        failedSlowdown = slowdown
        return true
    }
}
