import FleetModel
import Rollouts

/// What boards measured of the model whose gates they share: before they were given a version on trial, and since they
/// use it. A value; bounded by the boards of a group.
struct VersionWatch<Instant: InstantProtocol>: Sendable where Instant: Sendable, Instant.Duration == Duration {
    /// What hooks decided, by model and kind of decision.
    private typealias Decisions = [String: [String: Decided]]

    private struct Decided: Sendable {
        var taken = 0.0
        var possible = 0.0

        var share: Double? { possible > 0 ? taken / possible : nil }

        mutating func add(_ kind: HookTelemetry.Kind) {
            taken += Double(kind.taken)
            possible += Double(kind.possible)
        }
    }

    private struct Board: Sendable {
        var past = RolloutMeasures()
        var present = RolloutMeasures()
        var pastDecisions = Decisions()
        var presentDecisions = Decisions()
        /// Whether it uses the version on trial.
        var isUsing = false
        var incarnation: UInt64?
    }

    /// Frames of one model's past, beyond which they are halved, so that it is what was measured last.
    private static var pastFrames: UInt64 { 20_000 }
    /// A kind of decision that leaves out by so much less, as a share of what it could, leaves out less.
    private static var lessLeftOut: Double { 0.02 }

    private var boards: [BoardID: Board] = [:]
    /// Since when the group in work is watched.
    private(set) var since: Instant?

    /// Boards are given the version.
    mutating func began(_ group: [BoardID], at now: Instant) {
        since = now
        for board in group {
            boards[board]?.present = RolloutMeasures()
            boards[board]?.presentDecisions = [:]
        }
    }

    /// The board says that it uses the version on trial.
    mutating func used(by board: BoardID, at now: Instant) {
        boards[board, default: Board()].isUsing = true
    }

    /// No version is on trial any more: what was measured since is the past of the next.
    mutating func ended() {
        since = nil
        for board in boards.keys { boards[board]?.isUsing = false }
    }

    mutating func forget(_ board: BoardID) { boards[board] = nil }

    /// One more window; a start of the agent counts where windows go on with another incarnation.
    mutating func heard(_ record: TelemetryRecord, of models: Set<ModelName>, from id: BoardID) {
        var board = boards[id] ?? Board()
        var measures = RolloutMeasures()
        measures.milliseconds = UInt64(record.durationMilliseconds)
        if let before = board.incarnation, record.incarnation > before { measures.restarts = 1 }
        board.incarnation = max(board.incarnation ?? 0, record.incarnation)
        let decisions: WritableKeyPath<Board, Decisions> = board.isUsing ? \.presentDecisions : \.pastDecisions
        for window in record.models where models.contains(window.model) {
            let model = window.model.rawValue
            measures.models[model] = .init(window)
            for kind in window.hooks?.kinds ?? [] {
                board[keyPath: decisions][model, default: [:]][kind.name, default: Decided()].add(kind)
            }
        }
        if board.isUsing {
            board.present.add(measures)
        } else if board.past.add(measures, halvedBeyond: Self.pastFrames) {
            board.pastDecisions = board.pastDecisions.mapValues {
                $0.mapValues { Decided(taken: $0.taken / 2, possible: $0.possible / 2) }
            }
        }
        boards[id] = board
    }

    /// What the gates say of these boards; those that do not use the version yet say nothing. Latency and attainment
    /// are a version's doing only where its gates leave out less than those before did: else the board is busy, and a
    /// version that is good would be taken back for it.
    func verdict(_ gates: RolloutGates, of group: [BoardID]) -> RolloutVerdict {
        let using = group.compactMap { boards[$0] }.filter(\.isUsing)
        var gates = gates
        let hasLabels = using.contains { board in board.present.models.values.contains { $0.accuracyFrames > 0 } }
        if !hasLabels { gates.accuracyDrop = nil }
        var verdict = gates.verdict(of: using.map { ($0.past, $0.present) })
        for index in verdict.findings.indices where verdict.findings[index].isViolated {
            let finding = verdict.findings[index]
            guard [.p50Ratio, .p99Ratio, .attainmentDrop].contains(finding.gate), let model = finding.model else {
                continue
            }
            verdict.findings[index].isViolated = mayLeaveOutLess(model, using)
        }
        return verdict
    }

    /// Of any kind of decision; also where boards do not tell of decisions before and since.
    private func mayLeaveOutLess(_ model: String, _ boards: [Board]) -> Bool {
        // Decisions since, by kind, and how many more of them would have left something out before.
        var (possible, lost) = ([String: Double](), [String: Double]())
        for board in boards {
            for (kind, present) in board.presentDecisions[model] ?? [:] {
                guard let now = present.share, let past = board.pastDecisions[model]?[kind]?.share else { continue }
                possible[kind, default: 0] += present.possible
                lost[kind, default: 0] += (past - now) * present.possible
            }
        }
        guard !possible.isEmpty else { return true }
        return possible.contains { kind, count in lost[kind, default: 0] > Self.lessLeftOut * count }
    }

    func isUsing(_ board: BoardID) -> Bool { boards[board]?.isUsing == true }
}

extension RolloutMeasures.Model {
    /// Accuracy is that of frames with labels: gates change it, and not the points.
    fileprivate init(_ window: ModelTelemetry) {
        self.init()
        frames = UInt64(window.frames)
        arrived = window.arrived
        kept = window.kept
        accuracySum = Double(window.correct)
        accuracyFrames = UInt64(window.labelled)
        p50Sum = window.p50Milliseconds * Double(window.frames)
        p99Sum = window.p99Milliseconds * Double(window.frames)
    }

    fileprivate mutating func add(_ other: Self) {
        frames += other.frames
        arrived += other.arrived
        kept += other.kept
        accuracySum += other.accuracySum
        accuracyFrames += other.accuracyFrames
        p50Sum += other.p50Sum
        p99Sum += other.p99Sum
    }

    fileprivate mutating func halve() {
        frames /= 2
        arrived /= 2
        kept /= 2
        accuracySum /= 2
        accuracyFrames /= 2
        p50Sum /= 2
        p99Sum /= 2
    }
}

extension RolloutMeasures {
    /// - Returns: whether all was halved.
    @discardableResult
    fileprivate mutating func add(_ other: Self, halvedBeyond limit: UInt64 = .max) -> Bool {
        milliseconds += other.milliseconds
        restarts += other.restarts
        for (name, model) in other.models { models[name, default: Model()].add(model) }
        guard models.values.contains(where: { $0.frames > limit }) else { return false }
        for name in models.keys { models[name]?.halve() }
        milliseconds /= 2
        restarts /= 2
        return true
    }
}
