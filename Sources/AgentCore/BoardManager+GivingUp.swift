/// Which frames others are better off without.
extension BoardManager {
    /// Whether the frame, of which nothing is to be had in time, or less than of those that it would make late, is
    /// given up: without that, an overload of a few per cent has every frame end just after its deadline. Given up is
    /// one that
    /// - waited, while others wait, for so long that its shortest run would end late;
    /// - would make one of a more important model that waits late; or, where even without waiting it would end late,
    ///   one that waits of a model as important which need not be;
    /// - would end late even without waiting, and lasts longer than the next frame of a more important model can wait.
    ///
    /// Else what would be late without waiting is run, and is the least bad that can be done for its model.
    func isHopeless(_ frame: DeadlineQueue.Frame, queue: borrowing DeadlineQueue, at now: Double) -> Bool {
        guard !frame.isRequest else { return false }
        let slowdown = slowdownToCountOn
        let envelope = entries[frame.model].envelope
        let shortest = shortestRun(of: frame.model, slowdown)
        let isLateAnyway = shortest > envelope.constraintMilliseconds
        if !queue.isEmpty {
            if !isLateAnyway, now + shortest > frame.deadline { return true }
            let least = isLateAnyway ? envelope.priority : envelope.priority + 1
            let room = room(leftBy: queue, priorityFrom: least, except: frame.model, slowdown, at: now)
            if shortest > room { return true }
        }
        return isLateAnyway && isInTheWay(frame.model, for: shortest, slowdown, at: now)
    }

    /// How long a run may last before it makes one that waits late, of another model of this priority or a higher one
    /// that can keep its constraint.
    private func room(
        leftBy queue: borrowing DeadlineQueue, priorityFrom priority: Int, except model: Int, _ slowdown: Double,
        at now: Double
    ) -> Double {
        func counts(_ other: Int) -> Bool {
            other != model && entries[other].isPresent && entries[other].envelope.priority >= priority
                && shortestRun(of: other, slowdown) <= entries[other].envelope.constraintMilliseconds
        }
        // The queue is walked once more only where it can hold such.
        guard entries.indices.contains(where: counts) else { return .infinity }
        return queue.longestRun(
            from: now, least: 0, counts: counts, length: { shortestRun(of: $0, slowdown) })
    }

    /// Whether a run of so long makes the next frame of a more important model late, when that comes as its stream
    /// says; one that is due may come at any moment. A stream that has not been heard of for a while does not count.
    private func isInTheWay(_ model: Int, for length: Double, _ slowdown: Double, at now: Double) -> Bool {
        let priority = entries[model].envelope.priority
        return entries.indices.contains { index in
            let other = entries[index]
            guard other.isPresent, other.envelope.priority > priority else { return false }
            let period = 1_000 / models[index].framesPerSecond
            guard now - other.lastArrival < settings.silentFrames * period else { return false }
            let theirs = shortestRun(of: index, slowdown)
            guard theirs <= other.envelope.constraintMilliseconds else { return false }
            let next = max(now, other.lastArrival + period)
            return now + length > next + other.envelope.constraintMilliseconds - theirs
        }
    }

    func shortestRun(of model: Int, _ slowdown: Double) -> Double {
        models[model].idleMilliseconds[entries[model].envelope.lowest] * slowdown
    }
}
