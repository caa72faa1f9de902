/// Lets a number of things pass per second, and as many at once after a quiet second (token bucket).
struct RateLimit {
    private let perSecond: Double
    private var tokens: Double
    private var last: ContinuousClock.Instant

    /// - Precondition: `perSecond` is at least 1.
    init(perSecond: Int, at now: ContinuousClock.Instant) {
        precondition(perSecond > 0, "\(perSecond) per second")
        self.perSecond = Double(perSecond)
        tokens = Double(perSecond)
        last = now
    }

    mutating func admits(at now: ContinuousClock.Instant) -> Bool {
        let elapsed = last.duration(to: now) / .seconds(1)
        tokens = min(perSecond, tokens + max(0, elapsed) * perSecond)
        last = max(last, now)
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
