/// What fits the processor at a speed.
extension BoardManager {
    /// Once for each run, not for each comparison of a plan.
    mutating func noteSpread(of index: Int) {
        entries[index].latencyShare = min(
            settings.latencyShare, 1 / (1 + entries[index].deviations * entries[index].spread.deviation))
    }

    /// Whether the plan in force still fits at this speed.
    mutating func holds(slowdown: Double, headroom: Double) -> Bool {
        var load = 0.0
        for (model, entry) in zip(models, entries) where entry.isPresent {
            load += model.idleMilliseconds[entry.planned] * model.framesPerSecond / 1_000
        }
        guard load * slowdown <= headroom * settings.margin else { return false }
        // Else two frames that meet take turns at a lower point, as often as their streams meet.
        for index in entries.indices {
            entries[index].length = models[index].idleMilliseconds[entries[index].planned] * slowdown
        }
        return entries.indices.allSatisfy { index in
            let share = entries[index].latencyShare * settings.margin
            guard isBound(index, slowdown: slowdown, share: share) else { return true }
            let room = share * entries[index].envelope.constraintMilliseconds - entries[index].length
            guard room >= 0 else { return false }
            return bold.isTrusting
                || bears(
                    index, late: lateShare(index, room: room, lengthening: 1),
                    lost: lateShare(index, room: mostRoom(of: index, slowdown, share: share), lengthening: 1),
                    leastLate: leastLateShare(index, slowdown, share: share, lengthening: 1))
        }
    }

    /// Fills in the candidates: from the lowest points or from what the coordinator prefers, whichever ends higher.
    mutating func plan(headroom: Double, slowdown: Double) {
        begin(slowdown: slowdown) { $0.lowest }
        for index in entries.indices { entries[index].leastLate = entries[index].late }
        raise(headroom: headroom, slowdown: slowdown)
        guard entries.contains(where: { $0.isPresent && $0.envelope.preferred != nil }) else { return }
        let value = worth
        for index in entries.indices { entries[index].other = entries[index].candidate }
        begin(slowdown: slowdown) { min(max($0.preferred ?? $0.lowest, $0.lowest), $0.highest) }
        if fits(headroom: headroom, slowdown: slowdown) {
            raise(headroom: headroom, slowdown: slowdown)
            if worth >= value { return }
        }
        for index in entries.indices { entries[index].candidate = entries[index].other }
    }

    /// Priority-weighted accuracy of the candidates.
    var worth: Double {
        entries.indices.reduce(0) { sum, index in
            guard entries[index].isPresent else { return sum }
            let accuracy = models[index].accuracies[entries[index].candidate]
            return sum + Double(entries[index].envelope.priority) * accuracy
        }
    }

    mutating func begin(slowdown: Double, at point: (Envelope) -> Int) {
        for index in entries.indices {
            let entry = entries[index]
            let highest = max(entry.envelope.lowest, min(entry.envelope.highest, entry.ceiling))
            entries[index].limit = entry.isPresent ? highest : entry.planned
            entries[index].candidate = entry.isPresent ? min(point(entry.envelope), highest) : entry.planned
            entries[index].length = models[index].idleMilliseconds[entries[index].candidate] * slowdown
        }
        for index in entries.indices where entries[index].isPresent {
            let room =
                entries[index].latencyShare * entries[index].envelope.constraintMilliseconds - entries[index].length
            guard isBound(index, slowdown: slowdown, share: entries[index].latencyShare) else {
                // What holds up no other does not count as late either.
                (entries[index].late, entries[index].lost) = (-.infinity, -.infinity)
                continue
            }
            entries[index].mostRoom = mostRoom(of: index, slowdown, share: entries[index].latencyShare)
            entries[index].late = lateShare(index, room: room, lengthening: settings.margin)
            entries[index].lost = lateShare(index, room: entries[index].mostRoom, lengthening: settings.margin)
        }
    }

    var load: Double {
        entries.indices.reduce(0) {
            $0 + (entries[$1].isPresent ? entries[$1].length * models[$1].framesPerSecond / 1_000 : 0)
        }
    }

    private func fits(headroom: Double, slowdown: Double) -> Bool {
        guard load <= headroom else { return false }
        return entries.indices.allSatisfy { index in
            let entry = entries[index]
            guard isBound(index, slowdown: slowdown, share: entries[index].latencyShare) else { return true }
            return entry.length <= entry.latencyShare * entry.envelope.constraintMilliseconds
                && bears(index, late: entry.late, lost: entry.lost, leastLate: entry.leastLate)
        }
    }

    /// The step of most value per time for as long as one fits. What does not fit once never will, because the others
    /// only grow.
    private mutating func raise(headroom: Double, slowdown: Double) {
        var load = load
        while let step = mostValuableStep() {
            let length = models[step.model].idleMilliseconds[step.point] * slowdown
            let added = (length - entries[step.model].length) * models[step.model].framesPerSecond / 1_000
            if load + added <= headroom, raise(step.model, to: length) {
                entries[step.model].candidate = step.point
                load += added
            } else {
                entries[step.model].limit = step.point - 1
            }
        }
    }

    /// Lets the model run so long, if it and the others then still keep their constraints.
    private mutating func raise(_ raised: Int, to length: Double) -> Bool {
        let own = entries[raised]
        let room = own.latencyShare * own.envelope.constraintMilliseconds - length
        guard room >= 0 else { return false }
        let late = lateShare(raised, room: room, lengthening: settings.margin)
        guard bears(raised, late: late, lost: own.lost, leastLate: own.leastLate) else { return false }
        for index in entries.indices where index != raised && entries[index].isPresent {
            let (entry, more) = (entries[index], addedLateness(of: index, raising: raised, to: length))
            guard bears(index, late: entry.late + more.late, lost: entry.lost + more.lost, leastLate: entry.leastLate)
            else { return false }
        }
        for index in entries.indices where index != raised && entries[index].isPresent {
            let more = addedLateness(of: index, raising: raised, to: length)
            entries[index].late += more.late
            entries[index].lost += more.lost
        }
        (entries[raised].length, entries[raised].late) = (length, late)
        return true
    }

    /// The model and the point of it that bring most for the processor time that they take.
    private func mostValuableStep() -> (model: Int, point: Int)? {
        var (best, highest) = ((model: -1, point: 0), 0.0)
        for index in entries.indices where entries[index].candidate < entries[index].limit {
            let (model, candidate) = (models[index], entries[index].candidate)
            var point = model.bestSteps[candidate]
            if point > entries[index].limit {
                point = model.bestStep(from: candidate, upTo: entries[index].limit) ?? candidate + 1
            }
            let value = Double(entries[index].envelope.priority) * model.value(from: candidate, to: point)
            if best.model < 0 || value > highest { (best, highest) = ((index, point), value) }
        }
        return best.model < 0 ? nil : best
    }

    // MARK: Waiting for each other

    /// A model that cannot keep its constraint even alone holds up no other.
    private func isBound(_ index: Int, slowdown: Double, share: Double) -> Bool {
        entries[index].isPresent
            && models[index].idleMilliseconds[entries[index].envelope.lowest] * slowdown
                <= share * entries[index].envelope.constraintMilliseconds
    }

    /// Share of the model's frames that a plan may expect to wait too long: a part of what the percentile lets be late,
    /// and no more than there are switches for to run them lower.
    private func allowed(_ index: Int) -> Double { min(excused(index), switchable(index)) }

    private func excused(_ index: Int) -> Double { settings.allowanceShare * entries[index].allowance }

    private func switchable(_ index: Int) -> Double { settings.switchesPerSecond / models[index].framesPerSecond }

    /// Whether a plan may make so many of the model's frames wait too long: as many as are allowed; or those that the
    /// lowest points lose, too, and beside them as many that run lower, and so are in time, as there are switches for,
    /// there and back. They are no more than the percentile excuses, or than are lost anyway: where it cannot be kept,
    /// points that lose no more are no worse for it.
    /// - Parameters:
    ///   - late: share of frames that meet a run which lasts longer than they can wait.
    ///   - lost: of them those that could not wait for it at the model's lowest point either.
    private func bears(_ index: Int, late: Double, lost: Double, leastLate: Double) -> Bool {
        if late <= allowed(index) { return true }
        guard lost <= leastLate, !entries[index].isMostlyLowered else { return late <= leastLate }
        return late - lost <= min(switchable(index) / 2, max(excused(index), leastLate))
    }

    /// Whether frames of the model are missed more often than is allowed however low the plan is.
    func missesAtLowest(_ index: Int, slowdown: Double) -> Bool {
        let share = entries[index].latencyShare
        guard isBound(index, slowdown: slowdown, share: share) else { return true }
        return leastLateShare(index, slowdown, share: share, lengthening: settings.margin) > allowed(index)
    }

    /// `lateShare` where all run at their lowest points.
    private func leastLateShare(
        _ index: Int, _ slowdown: Double, share: Double, lengthening factor: Double
    ) -> Double {
        let room = mostRoom(of: index, slowdown, share: share)
        var late = 0.0
        for other in entries.indices where other != index && entries[other].isPresent {
            late += lateShare(waitingFor: other, length: factor * shortestRun(of: other, slowdown), room: room)
        }
        return late
    }

    /// How long the model's frames can wait if they run at its lowest point.
    private func mostRoom(of index: Int, _ slowdown: Double, share: Double) -> Double {
        share * entries[index].envelope.constraintMilliseconds - shortestRun(of: index, slowdown)
    }

    /// Share of the model's frames that meet a run of another which lasts longer than they can wait.
    /// - Parameter factor: how much longer than expected runs may get. Where a long run just fits, a few per cent break
    ///   it: a plan without them would be left for it at the first slow run.
    private func lateShare(_ index: Int, room: Double, lengthening factor: Double) -> Double {
        var late = 0.0
        for other in entries.indices where other != index && entries[other].isPresent {
            late += lateShare(waitingFor: other, length: factor * entries[other].length, room: room)
        }
        return late
    }

    private func lateShare(waitingFor other: Int, length: Double, room: Double) -> Double {
        max(0, length - room) * models[other].framesPerSecond / 1_000
    }

    private func addedLateness(
        of index: Int, raising raised: Int, to length: Double
    ) -> (late: Double, lost: Double) {
        let entry = entries[index]
        let room = entry.latencyShare * entry.envelope.constraintMilliseconds - entry.length
        let (before, after) = (settings.margin * entries[raised].length, settings.margin * length)
        func added(_ room: Double) -> Double {
            lateShare(waitingFor: raised, length: after, room: room)
                - lateShare(waitingFor: raised, length: before, room: room)
        }
        return (added(room), added(entry.mostRoom))
    }
}

extension BoardManager.Model {
    /// Accuracy that a higher point brings for the share of the processor that it takes.
    func value(from point: Int, to higher: Int) -> Double {
        let time = (idleMilliseconds[higher] - idleMilliseconds[point]) * framesPerSecond / 1_000
        return (accuracies[higher] - accuracies[point]) / max(time, 1e-9)
    }

    /// Of the points above one, that of most value: points that are poor for their time are passed over.
    func bestStep(from point: Int, upTo limit: Int) -> Int? {
        let highest = min(limit, accuracies.count - 1)
        guard point < highest else { return nil }
        var best = point + 1
        for higher in point + 1...highest where value(from: point, to: higher) > value(from: point, to: best) {
            best = higher
        }
        return best
    }
}
