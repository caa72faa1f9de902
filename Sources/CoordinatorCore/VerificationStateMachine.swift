public import FleetModel
import LatencyPrediction
import SearchSpace
public import WireProtocol

/// Has boards measure the points of searches before they are published. Pure: searches, reports, instants and the
/// boards that are connected come in, actions leave.
///
///     search ──▶ decide ──measure──▶ ask one board ──measured──▶ decide ──▶ … ──▶ verified
///                  ▲                    │ refused, silent, gone, too long
///                  └────another board───┘        no board left: not verified, with the reason
///
/// One search, one board and one subnet at a time, in the order of the searches: a board measures beside its streams
/// and must not be crowded. A search that has no board to ask lets the next one go first that has, and waits meanwhile.
/// Which subnet is next, and what keeps its constraint, is `PointVerification`'s to say. The
/// order is said again every `resend` until the board answers; a report of another number than the one that is waited
/// for, of another board, or a second one, changes nothing. Numbers rise with the clock, so that an answer to an order
/// of before a restart is not taken for one of after it.
///
/// Bounded: at most `boardsPerSubnet` boards are asked for one subnet, each up to `longest`, or the same one again
/// after `retry` where there is no other; a search waits `patience` for a board that can measure it at all. Searches
/// are as many as the queue has.
public struct VerificationStateMachine<Instant: InstantProtocol>: Sendable
where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        public var resend: Duration = .seconds(2)
        /// A board that says nothing of the order for this long is given up.
        public var silence: Duration = .seconds(12)
        public var longest: Duration = .seconds(300)
        public var boardsPerSubnet = 3
        /// Pause before a board that gave nothing is asked again, where there is no other.
        public var retry: Duration = .seconds(5)
        public var patience: Duration = .seconds(60)

        public init() {}
    }

    public enum Action: Equatable, Sendable {
        case send(MeasureOrder, BoardID)
        /// Make it durable, beside the search.
        case keep(MeasuredSubnet)
        /// Of the search of this number; durable before the next order is sent.
        case report(SearchVerification, UInt64)
    }

    /// A board that is connected and can measure.
    private struct Asked: Sendable {
        var board: BoardID
        var order: MeasureOrder
        var constraint: Int
        var predicted: Double
        var since: Instant
        var heard: Instant
        var sent: Instant
    }

    fileprivate struct Work: Sendable {
        var record: SearchRecord
        var verification: SearchVerification
        /// Since when no board could measure.
        var waiting: Instant?
        /// Boards that were asked for the subnet in hand and gave nothing, how often that was, and when last.
        var passed: Set<BoardID> = []
        var attempts = 0
        var failed: Instant?
        var subnet: SubnetConfiguration?
    }

    private let settings: Settings
    /// The first is in work, the others follow in the order of their numbers.
    private var works: [Work] = []
    private var asked: Asked?
    private var lastNumber: UInt64 = 0

    public init(settings: Settings = Settings()) { self.settings = settings }

    public var isIdle: Bool { works.isEmpty }

    // MARK: Searches

    /// The search's points are found; what was measured of them before a restart stands.
    public mutating func begun(_ record: SearchRecord) {
        guard !works.contains(where: { $0.record.number == record.number }) else { return }
        var work = Work(
            record: record, verification: record.verification ?? SearchVerification(against: SearchVerification.boards))
        work.verification.failures = []
        works.append(work)
        let waiting = asked == nil ? 0 : 1
        works[waiting...].sort { $0.record.number < $1.record.number }
    }

    public mutating func cancelled(_ number: UInt64) {
        if works.first?.record.number == number { asked = nil }
        works.removeAll { $0.record.number == number }
    }

    // MARK: Boards

    /// - Parameter boards: that are connected.
    public mutating func timerFired(
        _ boards: [BoardDescription], at now: Instant, milliseconds clock: UInt64
    ) -> [Action] {
        age(boards, at: now)
        guard var work = works.first else { return [] }
        if let asked {
            let isGone = !boards.contains { $0.id == asked.board }
            if isGone {
                fail(&work, asked.board, "is not connected any more", at: now)
            } else if asked.heard.duration(to: now) >= settings.silence {
                fail(&work, asked.board, "did not answer", at: now)
            } else if asked.since.duration(to: now) >= settings.longest {
                fail(&work, asked.board, "took longer than \(settings.longest.components.seconds) s", at: now)
            } else {
                guard asked.sent.duration(to: now) >= settings.resend else { return [] }
                self.asked?.sent = now
                return [.send(asked.order, asked.board)]
            }
        }
        return goOn(work, boards, at: now, milliseconds: clock)
    }

    public mutating func reportReceived(
        _ report: MeasureReport, from board: BoardDescription, _ boards: [BoardDescription], at now: Instant,
        milliseconds clock: UInt64
    ) -> [Action] {
        guard let asked, asked.board == board.id, asked.order.number == report.number, var work = works.first else {
            return []
        }
        var actions: [Action] = []
        switch report.content {
        case .working:
            self.asked?.heard = now
            return []
        case .refused(let reason): fail(&work, board.id, reason, at: now)
        case .measured(let batches):
            let reading = LatencyReading(batches: batches)
            var measurement = SearchVerification.Measurement(
                constraint: asked.constraint, configuration: asked.order.subnet,
                predictedLatencyMilliseconds: asked.predicted, board: board.id, atMilliseconds: clock)
            measurement.set(reading)
            work.verification.measurements.append(measurement)
            actions.append(
                .keep(
                    MeasuredSubnet(
                        board: board.id, boardClass: board.boardClass, model: asked.order.model,
                        supernetSHA256: asked.order.supernetSHA256, engineVersion: board.engineVersion,
                        configuration: asked.order.subnet, flops: work.record.flops(of: asked.order.subnet),
                        medianMilliseconds: reading.median, lowestMilliseconds: reading.lowest,
                        highestMilliseconds: reading.highest, atMilliseconds: clock)))
            self.asked = nil
            work.begin(nil)
            works[0] = work
            actions.append(.report(work.verification, work.record.number))
        }
        return actions + goOn(work, boards, at: now, milliseconds: clock)
    }

    // MARK: Decisions

    private mutating func fail(_ work: inout Work, _ board: BoardID, _ reason: String, at now: Instant) {
        asked = nil
        work.passed.insert(board)
        work.attempts += 1
        work.failed = now
        work.verification.failures.append(.init(board: board, reason: reason))
        work.verification.failures = work.verification.failures.suffix(SearchVerification.failureLimit)
        works[0] = work
    }

    /// Publishes what can be, and asks a board for the next subnet.
    private mutating func goOn(
        _ known: Work, _ boards: [BoardDescription], at now: Instant, milliseconds clock: UInt64
    ) -> [Action] {
        var work = known
        guard let next = work.decide() else {
            work.verification.decided()
            return over(work, boards, at: now, milliseconds: clock)
        }
        if work.subnet != next.subnet.configuration { work.begin(next.subnet.configuration) }
        if work.attempts >= settings.boardsPerSubnet {
            // None of several could: the subnet counts as measured in vain.
            var measurement = SearchVerification.Measurement(
                constraint: next.constraint, configuration: next.subnet.configuration,
                predictedLatencyMilliseconds: next.subnet.latencyMilliseconds,
                board: work.verification.failures.last?.board, atMilliseconds: clock)
            measurement.refusal = work.verification.failures.last?.reason
            work.verification.measurements.append(measurement)
            work.begin(nil)
            works[0] = work
            return [.report(work.verification, work.record.number)]
                + goOn(work, boards, at: now, milliseconds: clock)
        }
        guard let (board, model) = measurer(for: work, boards, at: now) else {
            let since = work.waiting ?? now
            work.waiting = since
            works[0] = work
            guard since.duration(to: now) >= settings.patience else {
                return letAnotherGoFirst(boards, at: now, milliseconds: clock)
            }
            work.verification.refusal = work.refusal
            return over(work, boards, at: now, milliseconds: clock)
        }
        work.waiting = nil
        works[0] = work
        lastNumber = max(lastNumber + 1, clock, 1)
        let order = MeasureOrder(
            number: lastNumber, model: model, supernetSHA256: work.record.outcome?.supernetSHA256 ?? "",
            subnet: next.subnet.configuration)
        asked = Asked(
            board: board, order: order, constraint: next.constraint, predicted: next.subnet.latencyMilliseconds,
            since: now, heard: now, sent: now)
        return [.send(order, board)]
    }

    /// Who can be asked now; again one that gave nothing, where there is no other and it had a pause.
    private func measurer(
        for work: Work, _ boards: [BoardDescription], at now: Instant
    ) -> (BoardID, ModelName)? {
        let mayRetry = work.failed.map { $0.duration(to: now) >= settings.retry } ?? false
        return work.record.measurer(among: boards, without: work.passed)
            ?? (mayRetry ? work.record.measurer(among: boards, without: []) : nil)
    }

    /// Searches wait for boards all at once, not one after the other.
    private mutating func age(_ boards: [BoardDescription], at now: Instant) {
        for place in works.indices.dropFirst() {
            let canGoOn = measurer(for: works[place], boards, at: now) != nil
            works[place].waiting = canGoOn ? nil : works[place].waiting ?? now
        }
    }

    private mutating func letAnotherGoFirst(
        _ boards: [BoardDescription], at now: Instant, milliseconds clock: UInt64
    ) -> [Action] {
        guard let place = works.indices.dropFirst().first(where: { measurer(for: works[$0], boards, at: now) != nil })
        else { return [] }
        let work = works.remove(at: place)
        works.insert(work, at: 0)
        works[1...].sort { $0.record.number < $1.record.number }
        return goOn(work, boards, at: now, milliseconds: clock)
    }

    private mutating func over(
        _ work: Work, _ boards: [BoardDescription], at now: Instant, milliseconds clock: UInt64
    ) -> [Action] {
        works.removeFirst()
        asked = nil
        let report = Action.report(work.verification, work.record.number)
        guard let next = works.first else { return [report] }
        return [report] + goOn(next, boards, at: now, milliseconds: clock)
    }
}

extension VerificationStateMachine.Work {
    fileprivate mutating func begin(_ subnet: SubnetConfiguration?) {
        (self.subnet, passed, attempts, failed) = (subnet, [], 0, nil)
    }

    /// What is to be measured next, for the first constraint that is not decided; decides all before it.
    fileprivate mutating func decide() -> (constraint: Int, subnet: PredictedSubnet)? {
        SearchVerifier.decide(record.job, record.points, &verification)
    }

    fileprivate var refusal: String {
        let job = record.job
        let head = "no board of class \(job.boardClass) that is connected can measure \(job.model)"
        guard let failure = verification.failures.last else { return head }
        return head + "; \(failure.board) \(failure.reason)"
    }
}
