import FleetStore

/// Passes over all telemetry, page by page, and what is older than so many days goes.
///
/// Ages are taken from the coordinator's clock. One that has moved by more than `clockTolerance` against the time that
/// really passed since the start would make young records old, so nothing goes by age while it is off.
struct RetentionSweep: Equatable, Sendable {
    /// Records looked at in one transaction: boards that report meanwhile wait for it.
    static let recordsAtOnce = 500
    /// Between two pages, and between two passes.
    static let pause: Duration = .milliseconds(200)
    static let rest: Duration = .seconds(60)
    static let clockTolerance: Duration = .seconds(3_600)
    private static let dayMilliseconds: UInt64 = 86_400_000

    let days: Int
    private let startedAtMilliseconds: UInt64
    private var after: UInt64 = 0
    /// Of the pass that is under way, or of the last when none is.
    private(set) var removed = 0

    /// - Parameter days: that records stay for after their arrival; 0: none goes by age.
    init(days: Int, startedAtMilliseconds: UInt64) {
        precondition(days >= 0, "records cannot be removed before they arrive")
        self.days = days
        self.startedAtMilliseconds = startedAtMilliseconds
    }

    /// - Parameters:
    ///   - nowMilliseconds: by the clock that records' arrivals are told by.
    ///   - elapsed: since the start, by a clock that nobody sets.
    /// - Returns: what to look at next; `nil` when nothing goes by age.
    func page(nowMilliseconds: UInt64, elapsed: Duration) -> RetentionPage? {
        guard days > 0, isTrusted(nowMilliseconds, elapsed) else { return nil }
        let age = UInt64(days) * Self.dayMilliseconds
        return RetentionPage(
            receivedBeforeMilliseconds: nowMilliseconds - min(age, nowMilliseconds), nowMilliseconds: nowMilliseconds,
            after: after, limit: Self.recordsAtOnce)
    }

    /// Whether the clock went on as time did.
    func isTrusted(_ nowMilliseconds: UInt64, _ elapsed: Duration) -> Bool {
        let told = Duration.milliseconds(nowMilliseconds) - .milliseconds(startedAtMilliseconds)
        return max(told - elapsed, elapsed - told) <= Self.clockTolerance
    }

    /// - Returns: how long to wait until the next page.
    mutating func pageDone(_ page: RemovedTelemetry) -> Duration {
        removed = (after == 0 ? 0 : removed) + page.records
        after = page.next ?? 0
        return page.next == nil ? Self.rest : Self.pause
    }
}
