/// What switches cost, and who falls where none are left.
extension BoardManager {
    /// Whether the limits of switches leave so many.
    mutating func maySwitch(_ index: Int, _ count: Double, at now: Double) -> Bool {
        switches.earn(settings.switchesPerSecond, most: settings.savedSwitches, at: now)
        earnSwitches(index, at: now)
        return min(switches.saved, entries[index].switches.saved) >= count
    }

    /// Whether the model's own limit leaves a switch. The board's binds plans only: what its frames lose to a burst,
    /// they take back after it.
    mutating func mayRise(_ index: Int, at now: Double) -> Bool {
        earnSwitches(index, at: now)
        return entries[index].switches.saved >= 1
    }

    mutating func earnSwitches(_ index: Int, at now: Double) {
        let limit = entries[index].envelope.switchesPerMinute
        entries[index].switches.earn(limit / 60, most: max(limit, 2), at: now)
    }

    /// Counts a switch where the frame runs at another point than the one before.
    mutating func count(_ point: Int, of model: Int) {
        let last = entries[model].lastPoint
        (entries[model].lastPoint, entries[model].passed) = (point, 0)
        guard last >= 0, last != point else { return }
        // Falls beyond what is left put a rise off by seconds, not for long.
        switches.saved = max(-1, switches.saved - 1)
        // A limit that somebody set holds on average: every fall is paid back. As no rise comes before that, they are
        // no more than the model has points.
        entries[model].switches.saved -= 1
    }

    /// The model whose fall by a point costs least of those whose runs then are shorter by as much as this one's: its
    /// frames are short of time because of the others' runs as much as of its own.
    func cheapestRelief(of model: Int) -> Int {
        func fall(_ index: Int) -> (saved: Double, cost: Double)? {
            let (entry, own) = (entries[index], models[index])
            guard entry.isPresent, entry.planned > entry.envelope.lowest else { return nil }
            let cost = own.accuracies[entry.planned] - own.accuracies[entry.planned - 1]
            return (
                own.idleMilliseconds[entry.planned] - own.idleMilliseconds[entry.planned - 1],
                Double(entry.envelope.priority) * cost
            )
        }
        guard let own = fall(model) else { return model }
        var (best, least) = (model, own.cost)
        for index in entries.indices where index != model {
            guard let other = fall(index), other.saved >= own.saved, other.cost < least else { continue }
            (best, least) = (index, other.cost)
        }
        return best
    }

    /// The plan falls by a point and keeps below for a while, as there are no switches left to come back with:
    /// streams that come in bursts would have every rise taken back. Neither the quiet before it nor a trial ends
    /// with that: nothing was missed.
    mutating func stay(below model: Int, at now: Double) {
        bold.fell(slowdown, settings)
        entries[model].planned -= 1
        entries[model].ceiling = entries[model].planned
        entries[model].ceilingLength = min(
            max(settings.ceilingMilliseconds, 2 * entries[model].ceilingLength), settings.longestCeilingMilliseconds)
        entries[model].ceilingEnds = now + entries[model].ceilingLength
        entries[model].ceilingSlowdown = slowdown
        planChanges += 1
    }
}

/// Switches that a limit leaves: some may be saved up, and falls may go beyond what is left.
struct SwitchCount {
    var saved = 0.0
    private var countedAt = 0.0

    init(saved: Double = 0, countedAt: Double = 0) { (self.saved, self.countedAt) = (saved, countedAt) }

    /// - Parameters:
    ///   - perSecond: infinite where there is no limit.
    ///   - now: milliseconds.
    mutating func earn(_ perSecond: Double, most: Double, at now: Double) {
        guard perSecond.isFinite else { return saved = .infinity }
        saved = min(most, saved + max(0, now - countedAt) * perSecond / 1_000)
        countedAt = now
    }
}
