import FleetModel

extension TelemetryRecord {
    /// Whether a board in this state can have named a record so.
    func isNamed(by state: BoardState) -> Bool {
        (1...max(1, state.incarnation)).contains(incarnation) && sequence > 0
            && generation <= max(state.desired.generation, state.reportedGeneration)
    }

    /// The record without the models that a board in this state cannot have measured. The record itself stays: a hole
    /// in the sequence would hold up the acknowledgement of all that follow.
    func withoutImpossibleModels(on state: BoardState) -> TelemetryRecord {
        var record = self
        var seen: Set<ModelName> = []
        record.models.removeAll { model in
            let points = state.board.models.first { $0.name == model.model }?.points
            return !seen.insert(model.model).inserted || !model.isPlausible(points: points)
        }
        return record
    }
}

/// What is wrong with latencies of a window, if anything is; other figures may be of another table of points.
enum ImpossibleLatencies {
    /// Negative, or no number: nothing that a board can have measured.
    case noNumber
    /// Far from those of the idle board.
    case outOfClass
    /// The same in a window that lasted far longer than the board's usual ones: it was suspended meanwhile, and what it
    /// measured is a pause.
    case afterPause
}

extension TelemetryRecord {
    /// A window that lasts so many times as long as usual is one in which the board was suspended.
    private static var pause: UInt64 { 3 }

    /// - Parameter usual: length of the board's last window without anything impossible; `nil` before the first.
    func impossibleLatencies(on state: BoardState, usualMilliseconds usual: UInt32?) -> ImpossibleLatencies? {
        var isOut = false
        for model in models {
            if model.hasNoNumbers { return .noNumber }
            let points = state.board.models.first { $0.name == model.model }?.points
            if let points, !model.isOfItsClass(points.map(\.latencyMilliseconds)) { isOut = true }
        }
        guard isOut else { return nil }
        let isPause = usual.map { UInt64(durationMilliseconds) >= Self.pause * max(1, UInt64($0)) } ?? false
        return isPause ? .afterPause : .outOfClass
    }
}

extension ModelTelemetry {
    /// A median is possible up to this many times what the slowest point takes on the idle board, and down to as small
    /// a part of what the fastest takes.
    private static let mostTimes = 1_000.0

    /// - Parameter points: Operating points of the model on the board; `nil` when it is not deployed there.
    fileprivate func isPlausible(points: [OperatingPoint]?) -> Bool {
        let latencies = [p50Milliseconds, p90Milliseconds, p99Milliseconds, constraintMilliseconds]
        return correct <= labelled && labelled <= frames && violations <= frames
            && points.map { activePoint < $0.count && isOfItsClass($0.map(\.latencyMilliseconds)) } ?? false
            && latencies.allSatisfy { $0.isFinite && $0 >= 0 }
            && p50Milliseconds <= p90Milliseconds && p90Milliseconds <= p99Milliseconds
    }

    fileprivate var hasNoNumbers: Bool {
        [p50Milliseconds, p90Milliseconds, p99Milliseconds].contains { !$0.isFinite || $0 < 0 }
    }

    fileprivate func isOfItsClass(_ idle: [Double]) -> Bool {
        guard frames > 0, let fastest = idle.min(), let slowest = idle.max() else { return true }
        return p50Milliseconds <= slowest * Self.mostTimes && p50Milliseconds >= fastest / Self.mostTimes
    }
}
