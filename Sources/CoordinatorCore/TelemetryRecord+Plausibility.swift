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

extension TelemetryRecord {
    /// Whether latencies are none that the board can have measured; other figures may be of another table of points.
    func hasImpossibleLatencies(on state: BoardState) -> Bool {
        models.contains { model in
            model.hasImpossibleLatencies(points: state.board.models.first { $0.name == model.model }?.points)
        }
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

    fileprivate func hasImpossibleLatencies(points: [OperatingPoint]?) -> Bool {
        let isNoNumber = [p50Milliseconds, p90Milliseconds, p99Milliseconds].contains { !$0.isFinite || $0 < 0 }
        return isNoNumber || points.map { !isOfItsClass($0.map(\.latencyMilliseconds)) } ?? false
    }

    private func isOfItsClass(_ idle: [Double]) -> Bool {
        guard frames > 0, let fastest = idle.min(), let slowest = idle.max() else { return true }
        return p50Milliseconds <= slowest * Self.mostTimes && p50Milliseconds >= fastest / Self.mostTimes
    }
}
