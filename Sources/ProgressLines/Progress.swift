import Synchronization

/// Says how far a long task is, at most once in half a second and only to people.
public final class Progress: Sendable {
    private let title: String
    private let total: Int
    private let line: StatusLine
    private let started: ContinuousClock.Instant
    private let last: Mutex<ContinuousClock.Instant>

    public init(
        _ title: String, total: Int, on line: StatusLine = .standardError, at now: ContinuousClock.Instant = .now
    ) {
        (self.title, self.total, self.line, started) = (title, total, line, now)
        last = Mutex(now)
    }

    public func update(_ done: Int) {
        guard line.isShown else { return }
        update(done, at: .now)
    }

    public func update(_ done: Int, at now: ContinuousClock.Instant) {
        guard line.isShown else { return }
        let isDue = last.withLock { last in
            guard done == total || last.duration(to: now) > .milliseconds(500) else { return false }
            last = now
            return true
        }
        guard isDue else { return }
        let seconds = Double(started.duration(to: now).components.seconds)
        let left = done > 0 ? (seconds / Double(done) * Double(total - done)).rounded() : 0
        line.count("\(title): \(done) of \(total), \(Int(left)) s left", isLast: done == total)
    }
}
