public import FleetModel
import LatencyPrediction
import SearchSpace
public import WireProtocol

/// Has boards of a class that has no latency predictor of its own measure a few subnets that tell much. Pure: boards,
/// stored measurements, reports and instants come in, actions leave.
///
///     class appears ──settled──▶ ask one of its boards for the next subnet ──measured──▶ keep ──▶ … ──▶ enough
///                                   │ refused, silent, gone, too long
///                                   └──▶ another board; none left: the subnet is passed over, later again
///
/// What is next is `ClassTransfer`'s to say, from what is stored: a coordinator that was killed goes on where it was,
/// and asks for the same subnet again if its answer was lost. One subnet of a class at a time, on at most `atOnce`
/// boards; the same supernet under two model names is one job. A class whose search read a table that was measured on
/// it, or that has measured `ClassTransfer.Settings.enough`, is left alone. While searches have boards measure, these
/// come first: a board takes one order at a time.
///
/// Bounded by the classes of connected boards; of each, `passedOver` subnets are kept in mind.
public struct TransferStateMachine<Instant: InstantProtocol>: Sendable
where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        public var transfer = ClassTransfer.Settings()
        public var resend: Duration = .seconds(2)
        /// A board that says nothing of the order for this long is given up.
        public var silence: Duration = .seconds(12)
        public var longest: Duration = .seconds(300)
        /// How long boards of a class are connected before they are asked, and the pause after every measurement.
        public var settle: Duration = .seconds(30)
        public var pause: Duration = .seconds(2)
        /// Boards that are asked for one subnet in one round, rounds, and the pause after each; it doubles up to the
        /// longest.
        public var boardsPerSubnet = 3
        public var rounds = 3
        public var retry: Duration = .seconds(30)
        public var longestRetry: Duration = .seconds(3_600)
        public var atOnce = 8
        public var passedOver = 64

        public init() {}
    }

    public enum Action: Equatable, Sendable {
        case send(MeasureOrder, BoardID)
        /// Make it durable; what is stored is given to the next `timerFired`.
        case keep(MeasuredSubnet)
        /// Something that people want to know, of this board if one is named.
        case record(String, BoardID?)
    }

    /// What is known when the clock ticks.
    public struct Fleet: Sendable {
        /// That are connected.
        public var boards: [BoardDescription]
        /// As they are stored.
        public var measured: [MeasuredSubnet]
        /// From which nothing is learned, and which are asked for nothing.
        public var quarantined: Set<BoardID>
        /// Classes for which a search has read a table that was measured on them.
        public var owned: Set<ClassMeasurements.Key>

        public init(
            boards: [BoardDescription], measured: [MeasuredSubnet], quarantined: Set<BoardID> = [],
            owned: Set<ClassMeasurements.Key> = []
        ) {
            (self.boards, self.measured, self.quarantined, self.owned) = (boards, measured, quarantined, owned)
        }
    }

    private struct Asked: Sendable {
        var board: BoardID
        var order: MeasureOrder
        var expected: MeasuredSubnet.Expectation?
        var since: Instant
        var heard: Instant
        var sent: Instant
    }

    /// One class of boards that are connected.
    private struct Work: Sendable {
        var asked: Asked?
        var notBefore: Instant
        /// What the class measured when it was last decided about.
        var decided: Int?
        var subnet: (subnet: SubnetConfiguration, expected: MeasuredSubnet.Expectation?)?
        /// Boards that were asked for the subnet in hand, and how often all of them were in vain.
        var passed: Set<BoardID> = []
        var rounds = 0
        /// Descriptions of subnets that no board could measure, and how often that was.
        var failed: Set<String> = []
        var failures = 0
        var isDone = false
    }

    /// Orders' numbers are above those of searches, which rise with the clock as well.
    private static var firstNumber: UInt64 { 1 << 52 }

    private let settings: Settings
    private var works: [ClassMeasurements.Key: Work] = [:]
    private var lastNumber: UInt64 = 0

    public init(settings: Settings = Settings()) { self.settings = settings }

    /// Whether a board is asked for something now.
    public var isAsking: Bool { works.values.contains { $0.asked != nil } }

    // MARK: Events

    /// Searches have boards measure: what is asked for is asked for again later.
    public mutating func interrupted(at now: Instant) {
        for (key, work) in works where work.asked != nil {
            works[key]?.asked = nil
            works[key]?.notBefore = now.advanced(by: settings.pause)
        }
    }

    public mutating func timerFired(_ fleet: Fleet, at now: Instant, milliseconds clock: UInt64) -> [Action] {
        let groups = Self.groups(fleet)
        works = works.filter { groups[$0.key] != nil }
        var actions: [Action] = []
        for (key, boards) in groups.sorted(by: { $0.key < $1.key }) {
            guard let work = works[key] else {
                works[key] = Work(notBefore: now.advanced(by: settings.settle))
                continue
            }
            guard let asked = work.asked else { continue }
            if let reason = givenUp(asked, boards, at: now) {
                actions += failed(key, asked.board, reason, at: now)
            } else if asked.sent.duration(to: now) >= settings.resend {
                works[key]?.asked?.sent = now
                actions.append(.send(asked.order, asked.board))
            }
        }
        var all: [ClassMeasurements]?
        for (key, boards) in groups.sorted(by: { $0.key < $1.key }) {
            guard let work = works[key], work.asked == nil, now >= work.notBefore, !fleet.owned.contains(key),
                works.values.count(where: { $0.asked != nil }) < settings.atOnce
            else { continue }
            let count = fleet.measured.count { $0.isOf(key) && !fleet.quarantined.contains($0.board) }
            if work.decided != count || (work.subnet == nil && !work.isDone) {
                let known =
                    all
                    ?? ClassMeasurements.all(
                        boards: fleet.boards, measured: fleet.measured, without: fleet.quarantined)
                all = known
                actions += decide(key, known, count)
            }
            actions += ask(key, boards, at: now, milliseconds: clock)
        }
        return actions
    }

    public mutating func reportReceived(
        _ report: MeasureReport, from board: BoardDescription, at now: Instant, milliseconds clock: UInt64
    ) -> [Action] {
        guard
            let (key, asked) = works.lazy.compactMap({ key, work in work.asked.map { (key, $0) } })
                .first(where: { $0.1.board == board.id && $0.1.order.number == report.number })
        else { return [] }
        switch report.content {
        case .working:
            works[key]?.asked?.heard = now
            return []
        case .refused(let reason): return failed(key, board.id, reason, at: now)
        case .measured(let batches):
            let reading = LatencyReading(batches: batches)
            works[key]?.asked = nil
            works[key]?.failures = 0
            works[key]?.rounds = 0
            works[key]?.passed = []
            works[key]?.notBefore = now.advanced(by: settings.pause)
            return [
                .keep(
                    MeasuredSubnet(
                        board: board.id, boardClass: key.boardClass, model: asked.order.model,
                        supernetSHA256: key.supernetSHA256, engineVersion: key.engineVersion,
                        configuration: asked.order.subnet, flops: 0, medianMilliseconds: reading.median,
                        lowestMilliseconds: reading.lowest, highestMilliseconds: reading.highest,
                        atMilliseconds: clock, expected: asked.expected))
            ]
        }
    }

    // MARK: Decisions

    private static func groups(_ fleet: Fleet) -> [ClassMeasurements.Key: [BoardDescription]] {
        var groups: [ClassMeasurements.Key: [BoardDescription]] = [:]
        for board in fleet.boards where !fleet.quarantined.contains(board.id) {
            for sha256 in Set(board.models.compactMap(\.supernetSHA256)) {
                let key = ClassMeasurements.Key(
                    boardClass: board.boardClass, supernetSHA256: sha256, engineVersion: board.engineVersion)
                groups[key, default: []].append(board)
            }
        }
        return groups
    }

    private func givenUp(_ asked: Asked, _ boards: [BoardDescription], at now: Instant) -> String? {
        if !boards.contains(where: { $0.id == asked.board }) { return "is not connected any more" }
        if asked.heard.duration(to: now) >= settings.silence { return "did not answer" }
        if asked.since.duration(to: now) >= settings.longest {
            return "took longer than \(settings.longest.components.seconds) s"
        }
        return nil
    }

    /// The board gives nothing: the next one is asked, or, after several, the subnet passed over for some time.
    private mutating func failed(
        _ key: ClassMeasurements.Key, _ board: BoardID, _ reason: String, at now: Instant
    ) -> [Action] {
        guard var work = works[key] else { return [] }
        work.asked = nil
        work.passed.insert(board)
        work.notBefore = now.advanced(by: settings.pause)
        defer { works[key] = work }
        if work.passed.count >= settings.boardsPerSubnet { passOver(&work, at: now) }
        return [.record("latency of \(key): a subnet was not measured: \(reason)", board)]
    }

    /// The subnet is asked for again later; after some rounds another one is.
    private func passOver(_ work: inout Work, at now: Instant) {
        work.failures += 1
        work.rounds += 1
        work.passed = []
        if work.rounds >= settings.rounds {
            if let subnet = work.subnet?.subnet, work.failed.count < settings.passedOver {
                work.failed.insert("\(subnet)")
            }
            (work.subnet, work.decided, work.isDone, work.rounds) = (nil, nil, false, 0)
        }
        let doubled = settings.retry * (1 << min(work.failures - 1, 10))
        work.notBefore = now.advanced(by: min(doubled, settings.longestRetry))
    }

    private mutating func decide(
        _ key: ClassMeasurements.Key, _ all: [ClassMeasurements], _ count: Int
    ) -> [Action] {
        guard let own = all.first(where: { $0.key == key }), var work = works[key] else { return [] }
        defer { works[key] = work }
        work.decided = count
        work.passed = []
        guard own.requestedCount < settings.transfer.enough else {
            (work.subnet, work.isDone) = (nil, true)
            return []
        }
        let transfer = ClassTransfer(of: own, among: all, without: work.failed, settings: settings.transfer)
        let wasDone = work.isDone
        work.isDone = transfer.next == nil
        work.subnet = transfer.next.map { subnet in
            // Before the first few there is no margin to check.
            let isChecked = transfer.measured >= settings.transfer.first
            return (subnet, isChecked ? transfer.expectation(of: subnet) : nil)
        }
        guard work.isDone, !wasDone, transfer.measured > 0, transfer.refusal == nil else { return [] }
        let margin = transfer.relativeMargin.map { "\(($0 * 1_000).rounded() / 10) %" } ?? "none"
        let lent = transfer.sources.map { "\($0.key.boardClass) \(($0.weight * 100).rounded() / 100)" }
        return [
            .record(
                "latency of \(key): \(transfer.measured) subnets measured, margin \(margin), "
                    + "\(transfer.within) of \(transfer.checked) checks within; sources "
                    + (lent.isEmpty ? "none" : lent.joined(separator: ", ")), nil)
        ]
    }

    private mutating func ask(
        _ key: ClassMeasurements.Key, _ boards: [BoardDescription], at now: Instant, milliseconds clock: UInt64
    ) -> [Action] {
        guard var work = works[key], let (subnet, expected) = work.subnet else { return [] }
        // A board measures one subnet at a time, of whichever supernet.
        let busy = Set(works.values.compactMap { $0.asked?.board })
        let open = boards.sorted { $0.id < $1.id }.filter { !work.passed.contains($0.id) }
        guard let board = open.first(where: { !busy.contains($0.id) }) else {
            if open.isEmpty {
                passOver(&work, at: now)
                works[key] = work
            }
            return []
        }
        guard
            let model = board.models.filter({ $0.supernetSHA256 == key.supernetSHA256 }).map(\.name).min()
        else { return [] }
        lastNumber = max(lastNumber + 1, clock, 1)
        let order = MeasureOrder(
            number: Self.firstNumber + lastNumber, model: model, supernetSHA256: key.supernetSHA256, subnet: subnet)
        works[key]?.asked = Asked(
            board: board.id, order: order, expected: expected, since: now, heard: now, sent: now)
        return [.send(order, board.id)]
    }
}

extension MeasuredSubnet {
    fileprivate func isOf(_ key: ClassMeasurements.Key) -> Bool {
        supernetSHA256 == key.supernetSHA256 && boardClass == key.boardClass && engineVersion == key.engineVersion
    }
}
