import FleetModel
import Rollouts

/// What boards measured of the model whose gates they share: before they were given a version on trial, and since they
/// use it. A value; bounded by the boards of a group.
struct VersionWatch<Instant: InstantProtocol>: Sendable where Instant: Sendable, Instant.Duration == Duration {
    private struct Board: Sendable {
        var past = RolloutMeasures()
        var present = RolloutMeasures()
        /// Whether it uses the version on trial.
        var isUsing = false
        var incarnation: UInt64?
    }

    /// Frames of one model's past, beyond which they are halved, so that it is what was measured last.
    private static var pastFrames: UInt64 { 20_000 }

    private var boards: [BoardID: Board] = [:]
    /// Since when the group in work is watched.
    private(set) var since: Instant?

    /// Boards are given the version.
    mutating func began(_ group: [BoardID], at now: Instant) {
        since = now
        for board in group { boards[board]?.present = RolloutMeasures() }
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
        for window in record.models where models.contains(window.model) {
            measures.models[window.model.rawValue] = .init(window)
        }
        if board.isUsing {
            board.present.add(measures)
        } else {
            board.past.add(measures, halvedBeyond: Self.pastFrames)
        }
        boards[id] = board
    }

    /// What the gates say of these boards; those that do not use the version yet say nothing.
    func verdict(_ gates: RolloutGates, of group: [BoardID]) -> RolloutVerdict {
        let using = group.compactMap { boards[$0] }.filter(\.isUsing)
        var gates = gates
        let hasLabels = using.contains { board in board.present.models.values.contains { $0.accuracyFrames > 0 } }
        if !hasLabels { gates.accuracyDrop = nil }
        return gates.verdict(of: using.map { ($0.past, $0.present) })
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
    fileprivate mutating func add(_ other: Self, halvedBeyond limit: UInt64 = .max) {
        milliseconds += other.milliseconds
        restarts += other.restarts
        for (name, model) in other.models { models[name, default: Model()].add(model) }
        guard models.values.contains(where: { $0.frames > limit }) else { return }
        for name in models.keys { models[name]?.halve() }
        milliseconds /= 2
        restarts /= 2
    }
}
