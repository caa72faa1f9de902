import FleetModel
import SearchSpace

/// What stands in for figures that a board cannot have measured, so that it is served all the same.
///
/// A latency is taken from boards of its class that know the subnet, else from what the board said before, else from
/// its own possible points by their operations; where nothing is known it is the longest there is, so that the board
/// runs its least bad point. An accuracy is likewise the class's or the one before, or 0.
enum FigureRepair {
    /// - Parameter others: asked for where something is impossible: boards of the class whose figures are believed.
    /// - Returns: the board, and what was impossible.
    static func repaired(
        _ board: BoardDescription, before: BoardDescription?, others: () -> [BoardDescription]
    ) -> (board: BoardDescription, impossible: [String]) {
        var impossible: [String] = []
        var believed: [BoardDescription]?
        var result = board
        for (place, model) in board.models.enumerated() {
            for (index, point) in model.points.enumerated() {
                let (isLatency, isAccuracy) = (point.latencyMilliseconds.isLatency, (0...1).contains(point.accuracy))
                guard !isLatency || !isAccuracy else { continue }
                let peers = believed ?? others()
                believed = peers
                let known = Self.points(like: point, of: model, on: peers)
                let past = Self.points(like: point, of: model, on: before.map { [$0] } ?? [])
                if !isLatency {
                    impossible.append("\(model.name): \(point.latencyMilliseconds) ms")
                    result.models[place].points[index].latencyMilliseconds =
                        RankStatistics.median(known.map(\.latencyMilliseconds)) ?? past.first?.latencyMilliseconds
                        ?? byOperations(point, of: model) ?? BoardDescription.latencyLimitMilliseconds
                }
                if !isAccuracy {
                    impossible.append("\(model.name): an accuracy of \(point.accuracy)")
                    result.models[place].points[index].accuracy =
                        RankStatistics.median(known.map(\.accuracy)) ?? past.first?.accuracy ?? 0
                }
            }
        }
        return (result, impossible)
    }

    private static func points(
        like point: OperatingPoint, of model: DeployedModel, on boards: [BoardDescription]
    ) -> [OperatingPoint] {
        boards.flatMap(\.models).filter {
            $0.name == model.name && $0.supernetSHA256 == model.supernetSHA256
        }.compactMap { $0.points.first { $0.configuration == point.configuration } }
            .filter { $0.latencyMilliseconds.isLatency && (0...1).contains($0.accuracy) }
    }

    private static func byOperations(_ point: OperatingPoint, of model: DeployedModel) -> Double? {
        let rates = model.points.filter { $0.latencyMilliseconds.isLatency && $0.flops > 0 }
            .map { $0.latencyMilliseconds / Double($0.flops) }
        guard point.flops > 0, let rate = RankStatistics.median(rates) else { return nil }
        return min(rate * Double(point.flops), BoardDescription.latencyLimitMilliseconds)
    }
}
